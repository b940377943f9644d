"""The palette that figures and the site share. Needs no Matplotlib."""

from __future__ import annotations

__all__ = ["PALETTE", "color"]

PALETTE: dict[str, tuple[str, str]] = {
    "paper": ("#fffffe", "#14181e"),
    "ink": ("#1f2328", "#e6edf3"),
    "muted": ("#59636e", "#9ba7b4"),
    "grid": ("#d8dee4", "#343b44"),
    "blue": ("#0b63c4", "#6cb6ff"),
    "orange": ("#b84a00", "#ffa657"),
    "green": ("#1a7037", "#5bd67d"),
    "red": ("#c0232c", "#ff8e88"),
    "purple": ("#7a45c8", "#cfa6ff"),
}
"""Colors by name: on light paper, on dark paper. Figures are drawn with the light color; the site
makes the dark picture by replacing each light color with its partner, so no color may stand here
twice. Each ink has a contrast of at least 4.5 against its paper."""


def color(name: str) -> str:
    """The palette's color on light paper.

    Args:
        name: one of the palette's names.

    Returns:
        The color as `#rrggbb`.

    Raises:
        KeyError: with the names there are, if this is none of them.

    Example:
        >>> color("ink")
        '#1f2328'
    """
    if name not in PALETTE:
        raise KeyError(f"no color {name!r} in the palette; there are {', '.join(PALETTE)}")
    return PALETTE[name][0]
