"""An experiment for the tests of the four roads' widget: four points, and what is told of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from equivar.rotations import rotation_3d
from equivar.widgets import FourRoads

POSITIONS = torch.tensor(
    [[1.0, 0.1, 0.0], [0.0, 0.9, 0.2], [-0.3, 0.0, 1.1], [-0.8, -0.7, -0.6]], dtype=torch.float64
)
DIRECTION = torch.tensor([1.9, -2.3, 1.7], dtype=torch.float64)
WEIGHTS = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)


def on_coordinates(p: Tensor) -> Tensor:
    return (torch.sin(p @ DIRECTION + 0.2) * WEIGHTS).sum(-1)


def on_distances(p: Tensor) -> Tensor:
    return torch.exp(-(p[:, :, None] - p[:, None]).norm(dim=-1)).sum((-1, -2)) - 5


def on_quarter_turns(p: Tensor) -> Tensor:
    up = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    turns = rotation_3d(up, torch.pi / 2 * torch.arange(4, dtype=torch.float64))
    return torch.stack([on_coordinates(p @ R.mT) for R in turns]).mean(0)


MODELS = {
    "nothing": on_coordinates,
    "distances": on_distances,
    "quarter turns": on_quarter_turns,
}
ERRORS = {"nothing": (2.1, 8.9), "distances": (1e-15, 0.0065), "quarter turns": (0.7, 1.03)}
KINDS = {"nothing": "none", "distances": "representation", "quarter turns": "architecture"}


def four_roads(**changes: Any) -> FourRoads:
    """Record it, with some arguments exchanged."""
    given: dict[str, Any] = {
        "positions": POSITIONS,
        "numbers": torch.tensor([8, 1, 7, 6]),
        "bonds": torch.tensor([[0, 1], [1, 2], [2, 3]]),
        "models": MODELS,
        "errors": ERRORS,
        "kinds": KINDS,
        "reference": 0.4,
        "control": "nothing",
    }
    return FourRoads.record(**{**given, **changes})
