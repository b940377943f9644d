"""Whether targets would fit their inputs if each were turned on its own."""

from __future__ import annotations

import torch
from torch import Tensor

from equivar._kept import kept
from equivar.audit.alignment import Alignment, SameClass
from equivar.rotations import random_rotations, rotation_3d

__all__ = ["fits_when_turned"]

TRIED = 20  # samples, the worst first
MOST = 64  # numbers in a target
LEFT = 1e-2  # of what symmetry forbids may be left


def fits_when_turned(alignment: Alignment, targets: list[Tensor]) -> bool:
    """Whether turning each target on its own takes away what its input's symmetry forbids.

    It does where targets were written in other axes than their inputs. It does not where a choice
    was made among equals and nothing is allowed to be chosen: an arrow along an ellipsoid.

    Args:
        alignment: all samples.
        targets: one for each sample.

    Returns:
        Whether 1 % of it is left at most, over the worst samples. False when nothing is forbidden,
        or when the group has no rotations.
    """
    tried = []
    for one in alignment.classes:
        if not one.symmetric or one.turn is None:
            continue
        for t in one.pull([targets[i] for i in one.members]):
            tried.append((float((t - one.project(t)).square().sum()), one, t))
    tried.sort(key=lambda row: -row[0])
    tried = tried[:TRIED]
    before = sum(size for size, _, _ in tried)
    if not before > 0 or tried[0][2].numel() > MOST:
        return False
    return sum(_left(one, t) for _, one, t in tried) <= LEFT * before


def _left(one: SameClass, t: Tensor) -> float:
    """What is forbidden of a target in the best of its orientations."""
    basis = torch.eye(t.numel(), dtype=t.dtype).unflatten(1, t.shape)
    P = torch.stack([one.project(e).flatten() for e in basis])  # symmetric
    best, center = torch.inf, torch.eye(3, dtype=t.dtype)
    for near in _steps():
        R = near @ center
        images = one.turn(R, t).flatten(1) if one.turn else t.flatten()[None]
        left = (images - images @ P).square().sum(dim=1)
        if float(left.min()) < best:
            best, center = float(left.min()), R[int(left.argmin())]
    return best


@kept
def _steps() -> tuple[Tensor, ...]:
    """Rotations all around, then ever closer to where the best was."""
    draw = torch.Generator().manual_seed(0)
    steps = [random_rotations(500, draw).cpu()]
    for angle in (0.4, 0.2, 0.1, 0.05, 0.02, 0.01):
        v = torch.randn(60, 3, generator=draw, dtype=torch.float64).cpu()
        steps.append(torch.stack([rotation_3d(a, angle) for a in v]))
    return tuple(steps)
