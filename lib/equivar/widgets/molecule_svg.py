"""A still molecule as SVG text, drawn as the widgets draw it, for where no JavaScript runs."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from equivar.widgets.recorded import palette_css

__all__ = ["STILL", "element", "molecule_group", "still_css", "still_rows"]

STILL = "eq-still"
"""Class of the root of every still picture."""

# Symbols, and covalent radii in angstrom after Cordero et al., Dalton Trans. 2832 (2008).
_ELEMENTS = {
    1: ("H", 0.31),
    5: ("B", 0.84),
    6: ("C", 0.76),
    7: ("N", 0.71),
    8: ("O", 0.66),
    9: ("F", 0.57),
    14: ("Si", 1.11),
    15: ("P", 1.07),
    16: ("S", 1.05),
    17: ("Cl", 1.02),
}


def element(number: int) -> tuple[str, float]:
    """Symbol and drawn radius of an element.

    Args:
        number: atomic number.

    Returns:
        The symbol, `X` where this table has none, and half the covalent radius plus a constant in
        angstrom, so that hydrogen is small but can be seen.

    Example:
        >>> element(8)
        ('O', 0.48)
    """
    symbol, radius = _ELEMENTS.get(number, ("X", 0.9))
    return symbol, round(0.15 + 0.5 * radius, 3)


def still_css() -> str:
    """Style of the still pictures: the palette, and how balls and sticks take its colors.

    Returns:
        CSS whose every rule is confined to still pictures.
    """
    mix = "color-mix(in srgb, var(--c), var(--eq-paper) var(--fog))"
    rules = {
        "": "max-width: 100%; font: 14px system-ui, sans-serif; font-variant-numeric: tabular-nums",
        "text": "fill: var(--eq-ink)",
        ".muted": "fill: var(--eq-muted)",
        ".m0": "fill: var(--eq-orange)",
        ".m1": "fill: var(--eq-blue)",
        ".strong": "font-weight: 600",
        ".rule": "stroke: var(--eq-grid)",
        ".ball": f"fill: {mix}; stroke: var(--eq-muted); stroke-width: 0.02",
        ".edge": "stroke: var(--eq-muted); stroke-width: 0.2",
        ".stick": f"stroke: {mix}; stroke-width: 0.15",
    }
    body = "\n".join(f".{STILL} {name} {{{style}}}" for name, style in rules.items())
    return palette_css(f".{STILL}") + body


def molecule_group(
    positions: np.ndarray,
    symbols: Sequence[str],
    radii: Sequence[float],
    bonds: Sequence[Sequence[int]],
    transform: str,
) -> str:
    """Balls and sticks, seen along the z axis; what is nearer is drawn later.

    Args:
        positions: (n, 3), in angstrom, centered.
        symbols: n element symbols.
        radii: n drawn radii, in angstrom.
        bonds: pairs of atom indices.
        transform: SVG transform from angstrom, y down, to the picture.

    Returns:
        One `<g>` element.

    Example:
        >>> molecule_group(np.zeros((1, 3)), ["H"], [0.3], [], "scale(10)").count("<circle")
        1
    """
    reach = float(np.linalg.norm(positions, axis=-1).max(initial=0.0)) or 1.0
    x = np.asarray(positions) * [1, -1, 1]

    def paint(z: float, symbol: str) -> str:
        fog = 22 * (1 - z / reach)
        return f'style="--c: var(--atom-{symbol}, var(--atom-X)); --fog: {fog:.0f}%"'

    items = [
        (
            z,
            f'<circle class="ball" cx="{a:.3f}" cy="{b:.3f}" r="{r * (1 + 0.12 * z / reach):.3f}" '
            f"{paint(z, s)}/>",
        )
        for (a, b, z), s, r in zip(x, symbols, radii, strict=True)
    ]
    for pair in bonds:
        for here, there in (pair, pair[::-1]):
            way = x[there] - x[here]
            # From the ball's surface, so that a stick that comes towards us does not cover it.
            start = x[here] + way * min(0.5, 0.8 * radii[here] / float(np.linalg.norm(way)))
            end = (x[here] + x[there]) / 2
            line = " ".join(
                f'{name}="{value:.3f}"'
                for name, value in zip(
                    ("x1", "y1", "x2", "y2"), (*start[:2], *end[:2]), strict=True
                )
            )
            z = float(start[2] + end[2]) / 2
            stick = f'<line class="stick" {line} {paint(z, symbols[here])}/>'
            items.append((z, f'<line class="edge" {line}/>{stick}'))
    drawn = "".join(text for _, text in sorted(items, key=lambda item: item[0]))
    return f'<g transform="{transform}">{drawn}</g>'


def still_rows(
    rows: Sequence[tuple[str, np.ndarray, Sequence[tuple[str, str, str]]]],
    symbols: Sequence[str],
    radii: Sequence[float],
    bonds: Sequence[Sequence[int]],
    footer: str,
    alt: str,
) -> str:
    """One molecule in several poses, one below the other, and what is said of each beside it.

    Rows, not columns: the texts keep their size on a telephone.

    Args:
        rows: for each pose a heading, positions (n, 3), and for each model its name, answer and
            error.
        symbols: n element symbols.
        radii: n drawn radii, in angstrom.
        bonds: pairs of atom indices.
        footer: what holds for all rows.
        alt: what there is to see, in words.

    Returns:
        One `<svg>` element with its style.
    """
    reach = max(
        float((np.linalg.norm(x, axis=1) + np.asarray(radii)).max(initial=0.1)) for _, x, _ in rows
    )
    parts = []
    for n, (heading, x, said) in enumerate(rows):
        top = 150 * n
        place = f"translate(75 {top + 75}) scale({64 / reach:.3f})"
        parts.append(molecule_group(x, symbols, radii, bonds, place))
        parts.append(f'<text x="158" y="{top + 30}" class="muted">{escape(heading)}</text>')
        for m, (name, answer, error) in enumerate(said):
            y = top + 58 + 46 * m
            parts.append(
                f'<text x="158" y="{y}" class="m{m} strong">{escape(name)}</text>'
                f'<text x="158" y="{y + 19}">{escape(answer)}</text>'
                f'<text x="376" y="{y + 19}" text-anchor="end">error {escape(error)}</text>'
            )
        parts.append(f'<path class="rule" d="M14 {top + 150}H376"/>')
    end = 150 * len(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{STILL}" viewBox="0 0 390 {end + 34}" '
        f'width="390" height="{end + 34}" role="img" '
        f"aria-label={quoteattr(alt)}><style>{still_css()}</style>{''.join(parts)}"
        f'<text x="14" y="{end + 24}" class="muted">{escape(footer)}</text></svg>'
    )
