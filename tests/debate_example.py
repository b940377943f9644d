"""A small debate for the widget's tests: numbers that nobody measured."""

from __future__ import annotations

from typing import Any

from equivar.widgets import DebatePlane


def point(mean: float, more: float, symmetry: float, answer: float) -> dict[str, float]:
    return {"mean": mean, "worst": mean * more, "symmetry": symmetry, "answer": answer}


WAYS = {
    "turned copies": {
        0.5: point(0.09, 1.30, 0.02, 0.5),
        2.0: point(0.08, 1.18, 0.01, 0.5),
        8.0: point(0.06, 1.57, 0.03, 0.5),
    },
    "exact": {0.5: point(0.13, 1.0, 1e-15, 50.0), 2.0: point(0.03, 1.0, 0.0, 50.0)},
    "many": {2.0: point(0.08, 1.02, 2e-4, 70.0), 8.0: point(0.055, 1.03, 2e-3, 70.0)},
}


def debate(**changes: Any) -> DebatePlane:
    """Record it, with some arguments exchanged."""
    return DebatePlane.record(**{"ways": WAYS, "control": "turned copies", **changes})
