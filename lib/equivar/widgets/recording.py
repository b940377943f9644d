"""Asking models about many poses of a molecule, and laying out the answers for a page."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equivar.widgets.recorded import format_fixed

__all__ = ["EnergyModel", "ask", "check_experiment", "choose_mark", "trace_axes"]

_CHUNK = 1024
_LOWEST_DECADE = -9  # below the float32 noise of any invariant model

EnergyModel = Callable[[Tensor], Tensor]
"""Positions (b, n, 3) to energies (b,)."""


def check_experiment(
    positions: Tensor, numbers: Tensor, bonds: Tensor, models: object, scale: float | int
) -> None:
    """Refuse what does not fit together, and say what would.

    Args:
        positions: to be (n, 3).
        numbers: to be (n,).
        bonds: to be (m, 2), below n.
        models: to be a dict of one or two functions.
        scale: to be finite and positive.

    Raises:
        ValueError: that names what was given and what was expected.
    """
    n = positions.shape[0]
    if positions.ndim != 2 or positions.shape[-1] != 3 or n == 0:
        raise ValueError(
            f"positions have shape {tuple(positions.shape)}, expected (n, 3): one molecule; "
            "of a trajectory (frames, n, 3) take one frame"
        )
    if tuple(numbers.shape) != (n,):
        raise ValueError(
            f"numbers have shape {tuple(numbers.shape)}, expected ({n},): one atomic number for "
            "each row of positions"
        )
    inside = not bonds.numel() or (int(bonds.min()) >= 0 and int(bonds.max()) < n)
    if bonds.ndim != 2 or bonds.shape[-1] != 2 or not inside:
        raise ValueError(
            f"bonds have shape {tuple(bonds.shape)}, expected (m, 2): pairs of atom indices below "
            f"{n}; without bonds give torch.empty(0, 2, dtype=torch.int64)"
        )
    if not isinstance(models, dict) or len(models) not in (1, 2):
        raise ValueError(
            "models must be a dict of one or two functions by name, the unconstrained one first; "
            f"got {list(models) if isinstance(models, dict) else type(models).__name__}"
        )
    if not (math.isfinite(scale) and scale > 0):
        raise ValueError(f"scale is {scale}, expected a positive energy: errors are divided by it")


def ask(name: str, model: EnergyModel, batch: Tensor) -> np.ndarray:
    """A model's energies for a batch of any length, part by part and without gradients.

    Args:
        name: the model's, for messages.
        model: to ask.
        batch: (b, n, 3).

    Returns:
        (b,) in float64.

    Raises:
        ValueError: for an answer of another shape, or that is not finite.
    """
    answers = []
    with torch.no_grad():
        for part in batch.split(_CHUNK):
            answer = model(part)
            if tuple(answer.shape) != (len(part),):
                raise ValueError(
                    f"model {name!r} answered with shape {tuple(answer.shape)} to positions of "
                    f"shape {tuple(part.shape)}, expected ({len(part)},): one energy a molecule; "
                    "a last layer of width 1 needs .squeeze(-1)"
                )
            answers.append(answer.to("cpu", torch.float64))
    energies = torch.cat(answers)
    if not energies.isfinite().all():
        bad = int((~energies.isfinite()).sum())
        raise ValueError(f"model {name!r} gave nan or inf at {bad} of {len(energies)} rotations")
    return energies.numpy()


def choose_mark(x: Tensor, numbers: Tensor, bonds: Tensor) -> list[int]:
    """An atom to watch, and a neighbor of it: the heaviest, and its heaviest bonded one.

    Args:
        x: (n, 3), from the center.
        numbers: (n,), atomic numbers.
        bonds: (m, 2).

    Returns:
        Two atom indices, the same one twice where there is one atom.
    """
    # The heaviest atom moves where all can see it if it is also far from the center.
    first = int((numbers + x.norm(dim=-1) / 100).argmax())
    near = [int(b) for pair in bonds.tolist() for b in pair if first in pair and b != first]
    others = near or [i for i in range(len(x)) if i != first] or [first]
    return [first, max(others, key=lambda i: int(numbers[i]))]


def trace_axes(answers: list[np.ndarray], reference: float, scale: float | int) -> dict[str, Any]:
    """Range and ticks for traces of energies and of errors, from all that will ever be shown.

    Args:
        answers: one (2, yaw, tilt, roll) array a model, in its unit.
        reference: the true energy.
        scale: what errors are relative to.

    Returns:
        `energy` and `error`: lowest and highest value, the latter in powers of ten; `..._ticks`:
        pairs of a value and its text. Below all powers of ten lies the tick for 0.
    """
    energies = np.concatenate([a.ravel() for a in answers] + [np.array([reference])])
    low, high = float(energies.min()), float(energies.max())
    pad = 0.08 * (high - low) or 0.1 * scale
    low, high = low - pad, high + pad
    spacing = 10.0 ** math.floor(math.log10((high - low) / 2))
    spacing *= next(f for f in (5, 2, 1) if (high - low) / (f * spacing) >= 2)
    places = max(0, -math.floor(math.log10(spacing)))
    at = np.arange(math.ceil(low / spacing), math.floor(high / spacing) + 1) * spacing
    worst = max(float(np.abs(a - a[0, 0, a.shape[2] // 2, 0]).max()) for a in answers) / scale
    top = max(0, math.ceil(math.log10(worst))) if worst else 0
    decades = range(top if top % 3 == 0 else 0, _LOWEST_DECADE, -3)
    return {
        "energy": [low, high],
        "energy_ticks": [[float(v), format_fixed(float(v), places)] for v in at],
        "error": [_LOWEST_DECADE, top],
        "error_ticks": [[_LOWEST_DECADE, "0"]]
        + [[d, "1" if d == 0 else f"1e{d}"] for d in decades],
    }
