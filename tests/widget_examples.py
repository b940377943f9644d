"""An experiment for the widgets' tests: ethanol, and two functions of where its atoms are."""

from __future__ import annotations

import json
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


def page_of(*bundles: dict[str, Any]) -> str:
    """A page as the site makes them: the widgets and their host, and nothing beside them."""
    boxes = []
    for bundle in bundles:
        content = {key: bundle[key] for key in ("esm", "css", "state")}
        text = json.dumps(content).replace("<", "\\u003c")
        boxes.append(
            f'<equivar-widget><div class="widget-fallback">{bundle["fallback"]}</div>'
            f'<script type="application/json">{text}</script></equivar-widget>'
        )
    return (
        '<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        "<title>Widgets</title><body><main><h1>Widgets</h1>"
        f'{"".join(boxes)}</main><script src="equivar-widget.js"></script></body></html>'
    )
