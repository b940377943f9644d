"""The best that an equivariant model can answer for a symmetric input, before any training."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from equivar._checks import check_finite
from equivar._shapes import Float, Shaped
from equivar.irreps import Irreps
from equivar.so3 import wigner_d
from equivar.stabilizer.find import Stabilizer
from equivar.stabilizer.subspace import fixed_by

__all__ = ["best_reachable", "equivalent_answers", "images"]


def images(
    symmetry: Stabilizer,
    target: Shaped[Tensor, "..."],
    irreps: Irreps | str,
    per_point: bool = False,
) -> Float[Tensor, "g ..."]:
    r"""What each element of an input's symmetry makes of a target: equally good answers.

    Element g turns features by D(g) and, where there is a row for each point, moves the row of
    point i to the point that i goes to, $(g \cdot t)_{g(i)} = D(g)\, t_i$.

    Args:
        symmetry: of the input, as `stabilizer` finds it.
        target: (irreps.dim,), or (n, irreps.dim) with a row for each point.
        irreps: how the target turns.
        per_point: whether it has a row for each point.

    Returns:
        (g, *target.shape), in the order of `symmetry.matrices`. Of an infinite group only the
        listed elements.

    Raises:
        ValueError: the target has another shape, or is not finite.

    A square that is stretched along x could as well be stretched along y:

    >>> from equivar.stabilizer import stabilizer
    >>> square = torch.tensor([[1.0, 1, 0], [-1, 1, 0], [-1, -1, 0], [1, -1, 0]])
    >>> stretch = square * torch.tensor([1.0, 0, 0])
    >>> all_of_them = images(stabilizer(square), stretch, "1o", per_point=True)
    >>> all_of_them.shape, all_of_them.abs().amax(dim=1).unique(dim=0).round().tolist()
    (torch.Size([16, 4, 3]), [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    """
    irreps = Irreps(irreps)
    target = _check(symmetry, target, irreps, per_point)
    rows = target if per_point else target[None]
    moved = [target.new_zeros(len(symmetry.matrices), len(rows), 0)]
    for (mul, irrep), where in zip(irreps, irreps.slices, strict=True):
        D = wigner_d(irrep, symmetry.matrices.to(torch.float64)).to(target)
        copies = rows[:, where].unflatten(-1, (mul, irrep.dim))
        moved.append(torch.einsum("gij,nmj->gnmi", D, copies).flatten(-2))
    turned = torch.cat(moved, dim=-1)
    if not per_point:
        return turned.squeeze(1)
    source = symmetry.permutations.argsort(dim=1)  # which point goes to point k
    return torch.take_along_dim(turned, source[..., None], dim=1)


def best_reachable(
    symmetry: Stabilizer,
    target: Shaped[Tensor, "..."],
    irreps: Irreps | str,
    per_point: bool = False,
) -> Float[Tensor, "..."]:
    r"""The answer nearest to a target among all that an equivariant model can give.

    The output is fixed by each symmetry of the input, and the nearest fixed one is the mean over
    all images, $\frac{1}{|S|} \sum_{g \in S} g \cdot t$. What is left, $|t - \bar t|^2$, is below
    the loss of every equivariant model, for any weights. Nothing is trained for it.

    Applied to the positions themselves it puts points where their symmetry wants them: features
    "1o" a point, `positions - symmetry.center`.

    Args:
        symmetry: of the input, as `stabilizer` finds it. Infinite groups are averaged exactly.
        target: (irreps.dim,), or (n, irreps.dim) with a row for each point.
        irreps: how the target turns.
        per_point: whether it has a row for each point.

    Returns:
        Tensor of the shape of the target.

    Raises:
        ValueError: the target has another shape, or is not finite.

    A square cannot become twice as wide. It can grow by half, in both directions:

    >>> from equivar.stabilizer import stabilizer
    >>> square = torch.tensor([[1.0, 1, 0], [-1, 1, 0], [-1, -1, 0], [1, -1, 0]])
    >>> wider = square * torch.tensor([1.0, 0, 0])
    >>> best = best_reachable(stabilizer(square), wider, "1o", per_point=True)
    >>> best[0].round(decimals=4).tolist()
    [0.5, 0.5, 0.0]

    Source:
        Smidt, Geiger and Miller, Phys. Rev. Research 3, L012002 (2021), for what cannot be reached.
    """
    irreps = Irreps(irreps)
    target = _check(symmetry, target, irreps, per_point)
    # First over all turns about the free axes, then over the listed rest.
    target = _about_axes(symmetry, target, irreps)
    return cast(Tensor, images(symmetry, target, irreps, per_point).mean(dim=0))


def equivalent_answers(
    symmetry: Stabilizer,
    target: Shaped[Tensor, "..."],
    irreps: Irreps | str,
    per_point: bool = False,
    tolerance: float = 1e-4,
) -> Float[Tensor, "k ..."]:
    """All different images of a target: the answers among which the input cannot choose.

    A loss that takes the nearest of them is one that an equivariant model can bring to zero, once
    something has broken the symmetry. There are as many as the order of the input's symmetry
    divided by that of the symmetry which the target keeps.

    Args:
        symmetry: of the input.
        target: (irreps.dim,), or (n, irreps.dim) with a row for each point.
        irreps: how the target turns.
        per_point: whether it has a row for each point.
        tolerance: answers are one when no component differs by more, in the target's unit.

    Returns:
        (k, *target.shape), the target itself first.

    Raises:
        ValueError: as `images`, or there are infinitely many: the target moves when a line of
            points turns about itself.

    >>> from equivar.stabilizer import stabilizer
    >>> corners = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    >>> len(equivalent_answers(stabilizer(corners), torch.tensor([1.0, 1, 1]), "1o"))
    4

    Source:
        Xie and Smidt, Equivariant symmetry breaking sets, arXiv:2402.02681.
    """
    irreps = Irreps(irreps)
    all_of_them = images(symmetry, target, irreps, per_point)
    moved = (all_of_them[0] - _about_axes(symmetry, all_of_them[0], irreps)).abs()
    if moved.numel() and (most := float(moved.max())) > tolerance:
        raise ValueError(
            f"the input is {symmetry.symbol}, and the target moves by {most} when it turns about "
            "its axis: there are infinitely many equivalent answers"
        )
    kept: list[Tensor] = []
    for image in all_of_them:
        if not any(bool(((image - other).abs() <= tolerance).all()) for other in kept):
            kept.append(image)
    return torch.stack(kept)


def _about_axes(symmetry: Stabilizer, target: Tensor, irreps: Irreps) -> Tensor:
    """The mean over all turns about the free axes of a line of points; else the target itself."""
    if not len(symmetry.axes):
        return target
    parts = [target[..., :0]]
    for (mul, irrep), where in zip(irreps, irreps.slices, strict=True):
        basis = fixed_by(symmetry.matrices[:0], symmetry.axes, irrep).to(target)  # (k, d)
        copies = target[..., where].unflatten(-1, (mul, irrep.dim))
        parts.append((copies @ basis.mT @ basis).flatten(-2))
    return torch.cat(parts, dim=-1)


def _check(symmetry: Stabilizer, target: Tensor, irreps: Irreps, per_point: bool) -> Tensor:
    if not isinstance(symmetry, Stabilizer):
        raise ValueError(
            f"got a symmetry of type {type(symmetry).__name__}; expected the result of "
            "stabilizer(positions, labels)"
        )
    n = symmetry.permutations.shape[1]
    shape = (n, irreps.dim) if per_point else (irreps.dim,)
    if tuple(target.shape) != shape or not target.is_floating_point():
        raise ValueError(
            f"the target has shape {tuple(target.shape)} and dtype {target.dtype}; expected floats "
            f"of shape {shape} for {irreps}{' a point' if per_point else ''}"
        )
    check_finite("target", target)
    return target
