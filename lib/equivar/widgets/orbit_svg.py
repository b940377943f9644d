"""Orbits of pictures as SVG text, drawn as the widget draws them, for where nothing runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from equivar.widgets.molecule_svg import STILL
from equivar.widgets.recorded import palette_css

__all__ = ["orbit_rows"]

_RULES = {
    "": "max-width: 100%; font: 14px system-ui, sans-serif; font-variant-numeric: tabular-nums",
    "text": "fill: var(--eq-ink)",
    ".muted": "fill: var(--eq-muted)",
    ".rule": "stroke: var(--eq-grid)",
    ".round": "fill: none; stroke: var(--eq-grid); stroke-width: 0.08",
    ".mark": "fill: var(--eq-blue); stroke: var(--eq-paper); stroke-width: 0.08",
}
_ROW, _STEP = 62, 36


def orbit_rows(scene: Mapping[str, Any], alt: str) -> str:
    """A row for each picture: its different images, and orbit times stabilizer.

    Args:
        scene: one of the widget's, as it is recorded.
        alt: what there is to see, in words.

    Returns:
        One `<svg>` element with its style.
    """
    parts, order = [], len(scene["labels"])
    for row, picture in enumerate(scene["pictures"]):
        top = _ROW * row
        members, fixing = picture["member"], picture["stabilizer"]
        size = max(members) + 1
        labels = " ".join(scene["labels"][g] for g in fixing)
        parts.append(f'<text x="14" y="{top + 18}">{escape(picture["name"])}</text>')
        said = f"orbit {size} × stabilizer {len(fixing)} = {order}: {labels}"
        parts.append(f'<text x="56" y="{top + 18}" class="muted">{escape(said)}</text>')
        step = min(_STEP, 320 / size)
        for k in range(size):
            place = f"translate({56 + step * (k + 0.5):.1f} {top + 40}) scale(7.4 -7.4)"
            marks = _marks(picture["positions"][members.index(k)], scene["mark"])
            parts.append(f'<g transform="{place}">{marks}</g>')
        parts.append(f'<path class="rule" d="M14 {top + _ROW - 2}H386"/>')
    height = _ROW * len(scene["pictures"]) + 6
    css = palette_css(f".{STILL}") + "\n".join(f".{STILL} {k} {{{v}}}" for k, v in _RULES.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{STILL}" viewBox="0 0 400 {height}" '
        f'width="400" height="{height}" role="img" aria-label={quoteattr(alt)}>'
        f"<style>{css}</style>{''.join(parts)}</svg>"
    )


def _marks(points: Sequence[Sequence[float]], mark: str) -> str:
    if mark == "square":
        return "".join(
            f'<rect class="mark" x="{x - 0.5:.3f}" y="{y - 0.5:.3f}" width="1" height="1"/>'
            for x, y in points
        )
    return "".join(f'<circle class="mark" cx="{x:.3f}" cy="{y:.3f}" r="0.32"/>' for x, y in points)
