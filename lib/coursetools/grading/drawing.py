"""Small plots as inline SVG: colors from the page's own style, words for who does not see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from coursetools.grading.page import text

WIDTH, HEIGHT = 320, 150
LEFT, TOP, BOTTOM = 30, 12, 24


def histogram(
    counts: Mapping[int, int], most: int, about: str, name: Callable[[int], str] = str
) -> str:
    """Bars for 0 to `most`, with the highest count on the left and three values below.

    Args:
        counts: How many, by value; no value is above `most`.
        most: The largest possible value.
        about: What the plot says, in a sentence.
        name: What to call a value.
    """
    highest = max(counts.values(), default=0) or 1
    step = (WIDTH - LEFT) / (most + 1)
    inner = HEIGHT - TOP - BOTTOM
    bars = []
    for value in range(most + 1):
        count = counts.get(value, 0)
        height = inner * count / highest
        bars.append(
            f"<rect class='bar' x='{LEFT + value * step + step * 0.08:.2f}'"
            f" y='{TOP + inner - height:.2f}' width='{step * 0.84:.2f}' height='{height:.2f}'>"
            f"<title>{text(name(value))}: {count}</title></rect>"
        )
    base = TOP + inner
    words = [
        f"<line x1='{LEFT}' x2='{WIDTH}' y1='{base}' y2='{base}'/>",
        f"<text class='faint' x='{LEFT - 5}' y='{TOP + 9}' text-anchor='end'>{highest}</text>",
        f"<text class='faint' x='{LEFT - 5}' y='{base}' text-anchor='end'>0</text>",
    ]
    for value in sorted({0, most // 2, most}):
        at = LEFT + (value + 0.5) * step
        anchor = "end" if value == most else "middle"
        at = WIDTH if value == most else at
        words.append(
            f"<text class='faint' x='{at:.1f}' y='{HEIGHT - 7}' text-anchor='{anchor}'>"
            f"{text(name(value))}</text>"
        )
    return (
        f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img' aria-label='{text(about)}'>"
        + "".join(bars + words)
        + "</svg>"
    )


def rail(share: float) -> str:
    """A share of 1 as a bar on a rail; the number stands beside it, so it says nothing itself."""
    return (
        "<svg class='share' viewBox='0 0 100 10' aria-hidden='true'>"
        "<rect class='rail' x='0' y='2' width='100' height='6' rx='3'/>"
        f"<rect class='bar' x='0' y='2' width='{100 * share:.1f}' height='6' rx='3'/></svg>"
    )
