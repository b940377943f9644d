"""An experiment for the widgets' tests: ethanol, and two functions of where its atoms are."""

from __future__ import annotations

from typing import Any

import torch
from ase.build import molecule
from torch import Tensor

from equivar.widgets import PermutationMasks, RotationOrbit

ETHANOL = molecule("CH3CH2OH")
NUMBERS = torch.tensor(ETHANOL.numbers)
POSITIONS = torch.tensor(ETHANOL.positions, dtype=torch.float32)
POSITIONS -= POSITIONS.mean(dim=0)
SCALE = 0.7


def bonds() -> Tensor:
    d = torch.cdist(POSITIONS, POSITIONS)
    heavy = NUMBERS > 1
    reach = torch.where(heavy[:, None] & heavy, 1.65, 1.2) * (heavy[:, None] | heavy)
    return ((d < reach) & (d > 0)).triu().nonzero()


def on_coordinates(p: Tensor) -> Tensor:
    """Neither even nor odd, so inversion is noticed too."""
    direction = torch.tensor([0.9, -1.3, 0.7], dtype=p.dtype)
    return 0.1 * (torch.sin(p @ direction + 0.2) * NUMBERS).sum(-1)


def on_distances(p: Tensor) -> Tensor:
    d = (p[:, :, None] - p[:, None]).norm(dim=-1)
    return 0.02 * (NUMBERS[:, None] * NUMBERS * torch.exp(-d)).sum((-1, -2)) - 2.3


MODELS = {"coordinates": on_coordinates, "distances": on_distances}


def ethanol_orbit(**changes: Any) -> RotationOrbit:
    """Record it, with some arguments exchanged."""
    given = {
        "positions": POSITIONS,
        "numbers": NUMBERS,
        "bonds": bonds(),
        "models": MODELS,
        "reference": 0.6,
        "scale": SCALE,
    }
    return RotationOrbit.record(**{**given, **changes})


def four_nodes(**changes: Any) -> PermutationMasks:
    """Record a graph of four nodes that no renumbering leaves as it is."""
    table = torch.tensor([[2.0, 5, 3, 0], [5, 0, 4, 0], [3, 4, 1, 7], [0, 0, 7, 6]])
    return PermutationMasks.record(**{"table": table, **changes})
