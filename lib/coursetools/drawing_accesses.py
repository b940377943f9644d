"""Who reads and writes which elements, as a picture: SVG that is the same text on every machine."""

from __future__ import annotations

from html import escape

from coursetools.accesses import AccessLog

__all__ = ["draw"]

# Okabe and Ito's colors, which most color-blind people tell apart; then they repeat.
COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999")
SIDE, ACROSS, LEFT, MOST = 18, 30, 150, 120
VERBS = {"load": "read", "store": "written", "atomic": "added to"}

Program = tuple[int, int, int]


def draw(log: AccessLog) -> tuple[str, str]:
    """A strip of squares for each array and kind of access, colored by program.

    A square that several programs touch has a stripe for each; what is never touched stays empty;
    an access outside of its array is a crossed square behind the strip.

    Args:
        log: at least one access; of the first launch.

    Returns:
        The picture, and the same in words.
    """
    accesses = [a for a in log.accesses if a.launch == log.accesses[0].launch]
    programs = list(dict.fromkeys(a.program for a in accesses))
    strips: dict[tuple[str, str], dict[int, list[Program]]] = {}
    beyond: dict[tuple[str, str], list[int]] = {}
    for a in accesses:
        key = a.array, a.kind
        strip = strips.setdefault(key, {})
        for element in map(int, a.elements):
            if a.program not in strip.setdefault(element, []):
                strip[element].append(a.program)
        beyond.setdefault(key, []).extend(map(int, a.offsets[a.outside]))
    color = {p: COLORS[n % len(COLORS)] for n, p in enumerate(programs)}
    parts, words, y = [], [], 8
    for (array, kind), strip in strips.items():
        size = min(log.sizes[accesses[0].launch, array], MOST)
        outside = sorted(set(beyond[array, kind]))
        label = f"{array}, {VERBS[kind]}"
        parts.append(_text(LEFT - 10, y + 13, label, "end"))
        for element in range(size):
            x, down = LEFT + element % ACROSS * SIDE, y + element // ACROSS * SIDE
            parts += _square(x, down, [color[p] for p in strip.get(element, [])])
        for n, element in enumerate(outside[:4]):
            place = size + n
            x, down = LEFT + place % ACROSS * SIDE + 8, y + place // ACROSS * SIDE
            parts += _crossed(x, down, element)
        y += ((size + min(len(outside), 4) + ACROSS - 1) // ACROSS or 1) * SIDE + 10
        by_count = f"{len(strip)} of {log.sizes[accesses[0].launch, array]} elements"
        wrong = f", and {len(outside)} places outside" if outside else ""
        words.append(f"{label}: {by_count}{wrong}")
    x = LEFT
    parts.append(_text(LEFT - 10, y + 13, "program", "end"))
    flat = all(program[1:] == (0, 0) for program in programs)
    for program in programs[:10]:
        name = str(program[0]) if flat else str(program[:2])
        parts += [*_square(x, y, [color[program]]), _text(x + SIDE + 3, y + 13, name)]
        x += SIDE + 14 + 7 * len(name)
    if len(programs) > 10:
        parts.append(_text(x, y + 13, f"... {len(programs)} in all"))
    width, height = LEFT + ACROSS * SIDE + 20, y + SIDE + 10
    alt = "; ".join(words)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'role="img" aria-label="{escape(alt)}"><rect width="{width}" height="{height}" '
        f'fill="white"/>{"".join(parts)}</svg>'
    )
    return svg, "\n".join(words)


def _square(x: int, y: int, colors: list[str]) -> list[str]:
    stripes = colors[:4]
    parts = []
    for n, color in enumerate(stripes):
        high = (SIDE - 3) / len(stripes)
        parts.append(
            f'<rect x="{x}" y="{y + n * high:g}" width="{SIDE - 3}" height="{high:g}" '
            f'fill="{color}"/>'
        )
    parts.append(
        f'<rect x="{x}" y="{y}" width="{SIDE - 3}" height="{SIDE - 3}" fill="none" stroke="#666"/>'
    )
    return parts


def _crossed(x: int, y: int, element: int) -> list[str]:
    end_x, end_y = x + SIDE - 3, y + SIDE - 3
    return [
        f'<path d="M{x} {y}H{end_x}V{end_y}H{x}ZL{end_x} {end_y}M{end_x} {y}L{x} {end_y}" '
        f'fill="none" stroke="#c00" stroke-width="2"><title>element {element}</title></path>'
    ]


def _text(x: int, y: int, text: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x}" y="{y}" font-family="sans-serif" font-size="12" fill="#222" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )
