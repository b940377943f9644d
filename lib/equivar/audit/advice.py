"""From numbers to a sentence: what is wrong with a task, and what to change."""

from __future__ import annotations

import torch
from torch import Tensor

from equivar.audit.alignment import Alignment
from equivar.audit.turning import fits_when_turned

__all__ = ["sentence"]


def sentence(
    alignment: Alignment,
    targets: list[Tensor],
    floor: float,
    fraction: float,
    symmetric: tuple[int, ...],
    groups: tuple[tuple[int, ...], ...],
) -> str:
    """What was found, and the change that it asks for."""
    n, distinct = len(targets), len(alignment.classes)
    if not symmetric and not groups:
        return (
            f"Clean: these {n} samples contain nothing that an equivariant model could not reach"
            f" ({distinct} distinct inputs). This is a lower bound: it says that no symmetry"
            " stands in the way, not that the task is easy."
        )
    part = f", {fraction:.0%} of the variance" if fraction < 1e3 else ""
    text = f"No equivariant model gets below a mean squared error of {floor:.3g}{part}."
    scaled = _standardized(alignment, targets, floor)
    if scaled:
        return (
            f"{text} The floor vanishes when each component is scaled and shifted back: the"
            " targets look standardized by component. Divide vectors by one common number and"
            " subtract nothing."
        )
    if groups:
        text += (
            f" {sum(map(len, groups))} samples in {len(groups)} groups are the same input up to a"
            " group element, and their targets disagree."
        )
        if _raw_agree(targets, groups):
            return (
                f"{text} As they stand, without moving along, the targets are equal: they seem to"
                " be given in a fixed frame. Rotate each target together with its input."
            )
    if symmetric:
        text += f" {len(symmetric)} inputs are more symmetric than their targets"
        if not groups and fits_when_turned(alignment, targets):
            return (
                f"{text}, and each target would fit if it were turned on its own. Were they written"
                " in another frame than the inputs, such as principal axes? Then turn them back."
                " Only if a choice was made, predict something that does not choose."
            )
        text += ", so a model cannot choose among equivalent answers."
        return (
            f"{text} Predict something that does not choose (n n^T for an axis n, the set of"
            " answers for one of them), or add an input that breaks the symmetry."
        )
    return (
        f"{text} Check that inputs and targets were moved together, and that the target does not"
        " depend on an arbitrary choice, such as a sign or an order."
    )


def _raw_agree(targets: list[Tensor], groups: tuple[tuple[int, ...], ...]) -> bool:
    for group in groups:
        first = targets[group[0]]
        scale = 1e-6 * float(first.abs().max())
        if any(float((targets[i] - first).abs().max()) > scale for i in group[1:]):
            return False
    return True


def _standardized(alignment: Alignment, targets: list[Tensor], floor: float) -> bool:
    """Whether positive scales and shifts of the components take the floor away.

    The floor is a quadratic form in scales and shifts, so the best ones solve a linear system. More
    residuals than unknowns are asked for, or any targets could be explained so.
    """
    d = targets[0].shape[-1] if targets[0].ndim else 1
    if d < 2 or d > 16:
        return False
    some = [c for c in alignment.classes if len(c.members) > 1 or c.symmetric]
    members = [i for c in some for i in c.members][:400]
    chosen = set(members)
    if not all(i in chosen for c in some for i in c.members):
        return False
    if len(members) <= 2 * d:  # a single square is also a rectangle with its columns rescaled
        return False
    inside = Alignment(some)
    columns = []
    for shift in (False, True):
        for c in range(d):
            probe = [torch.zeros_like(t) for t in targets]
            for i in members:
                probe[i][..., c] = 1.0 if shift else targets[i][..., c]
            forbidden, contradicted = inside.residuals(probe)
            parts = [(forbidden[i] + contradicted[i]).flatten() for i in members]
            columns.append(torch.cat(parts))
    M = torch.stack(columns, dim=1).cpu()  # where the driver below is
    start = M[:, :d].sum(dim=1)  # the residual of the targets as they are
    # Scales sum to d: the first d unknowns are changes that sum to zero.
    basis = torch.linalg.qr(torch.cat([torch.ones(d, 1), torch.eye(d)[:, 1:]], 1).to(M)).Q[:, 1:]
    reduced = torch.cat([M[:, :d] @ basis, M[:, d:]], dim=1)
    if int(torch.linalg.matrix_rank(M, rtol=1e-9)) < min(d + 1, M.shape[1]):
        return False
    solution = torch.linalg.lstsq(reduced, -start, driver="gelsd").solution
    scales = 1 + basis @ solution[: d - 1]
    left = start + reduced @ solution
    explained = float(left.square().sum()) < 1e-6 * float(start.square().sum())
    enough = int((start.abs() > 1e-6 * start.abs().max()).sum()) > reduced.shape[1]
    return explained and enough and bool((scales > 0.02).all())
