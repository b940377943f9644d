"""A renumbered table, its masks and a dense layer's weights as SVG text, for a page at rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from equivar.widgets.molecule_svg import STILL, still_css
from equivar.widgets.recorded import unpack_signed_squares

__all__ = ["still_masks"]

_SHADES = 5
_WIDTH, _HEIGHT = 390, 336


def still_masks(state: dict[str, Any], rows: Sequence[tuple[int, dict[str, str]]], alt: str) -> str:
    """One row for each order shown: the table, the masks, the dense weights, and both errors.

    Args:
        state: of a `PermutationMasks`.
        rows: numbers of orders, each with the texts that belong to it.
        alt: what the picture says.

    Returns:
        One `<svg>` element that brings its own style.
    """
    n = len(state["names"])
    patterns = np.asarray(state["patterns"]).reshape(n * n, n * n)
    dense = state["layers"][0]
    weights = unpack_signed_squares(dense["weights"], dense["weight_step"]).reshape(n * n, n * n)
    size = abs(weights) / abs(weights).max()
    shade = np.ceil(size * _SHADES)
    drawn = []
    for row, (at, texts) in enumerate(rows):
        order = np.asarray(state["orders"][at])
        entry = (order[:, None] * n + order).flatten()
        moved = np.ix_(entry, entry)
        parts = [
            _text(0, 16, f"order {texts['order']}", "strong"),
            _table(np.asarray(state["table"])[np.ix_(order, order)], texts["order"].split()),
            _text(170, 56, f"{len(state['letters'])} masks", "m1 strong"),
            _text(170, 75, f"error {texts['error-1']}", "m1"),
            _text(170, 94, f"weights changed: {texts['moved-1']}", "m1"),
            _text(170, 124, "dense layer", "m0 strong"),
            _text(170, 143, f"error {texts['error-0']}", "m0"),
            _text(170, 162, f"weights changed: {texts['moved-0']}", "m0"),
        ]
        for k in range(len(state["letters"])):
            x, y = 44 * (k % 5), 188 + 44 * (k // 5)
            parts.append(_cells(patterns[moved] == k, x, y, 40, "m1"))
        for k in range(1, _SHADES + 1):
            picked = shade[moved] == k
            parts.append(_cells(picked, 238, 188, 128, "m0", opacity=k / _SHADES))
        drawn.append(f'<g transform="translate(8 {_HEIGHT * row})">{"".join(parts)}</g>')
    return (
        f'<svg class="{STILL}" xmlns="http://www.w3.org/2000/svg" role="img" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT * len(rows)}" width="{_WIDTH}" '
        f'height="{_HEIGHT * len(rows)}" '
        f"aria-label={quoteattr(alt)}><style>{still_css()}</style>{''.join(drawn)}</svg>"
    )


def _text(x: float | int, y: float | int, text: str, style: str, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{style}" text-anchor="{anchor}">{escape(text)}</text>'


def _table(table: np.ndarray, names: Sequence[str]) -> str:
    step = 120 / len(table)
    parts = []
    for i, name in enumerate(names):
        at = 30 + step * (i + 0.5)
        parts += [_text(at, 44, name, "muted", "middle"), _text(12, at + 29, name, "muted")]
        for j, value in enumerate(table[i]):
            parts.append(_text(30 + step * (j + 0.5), at + 29, f"{value:.0f}", "ink", "middle"))
    return "".join(parts)


def _cells(which: np.ndarray, x: int, y: int, size: int, style: str, opacity: float = 1.0) -> str:
    """A square for each true entry, all in one path, in a frame."""
    step = size / len(which)
    path = "".join(f"M{j} {i}h1v1h-1z" for i, j in np.argwhere(which))
    return (
        f'<g transform="translate({x:g} {y:g}) scale({step:.4g})" class="{style}">'
        f'<path d="M0 0h{len(which)}v{len(which)}h-{len(which)}z" class="rule" fill="none" '
        f'stroke-width="{0.6 / step:.3g}"/><path d="{path}" fill-opacity="{opacity:g}"/></g>'
    )
