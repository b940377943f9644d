r"""Each channel of each edge times a filter: the product that message passing is made of.

For each edge e and path p: $(l_1, l_2) \to l_3$,

$$z_{e,u,k} = w_{e,p,u} \sqrt{2 l_3 + 1} \sum_{ij} C_{ijk}\, x_{e,u,i}\, Y_{e,j}.$$

The filter has one channel, so that filter and coefficients make one small matrix for each edge,
which all channels share: $M_{e,i,k} = \sum_j C_{ijk} Y_{e,j}$. The fast form makes the matrices of
all paths by one multiplication with a constant, and multiplies all paths from one block at once.
What takes the time is memory: so it writes each result where it belongs, reuses one buffer, and
computes products again for the gradient instead of keeping them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from equivar._shapes import Float
from equivar.kernels.couplings import coupling
from equivar.kernels.paths import Path

__all__ = ["depthwise"]


def depthwise(
    x: Float[Tensor, "*batch d_in"],
    Y: Float[Tensor, "*batch d_filter"],
    weights: Float[Tensor, "*batch n_weights"],
    paths: Sequence[Path],
    form: str = "auto",
) -> Float[Tensor, "*batch d_out"]:
    """Multiply features by a filter, channel by channel.

    Args:
        x: features, one row for each edge.
        Y: the filter, usually harmonics of the edge vectors.
        weights: for each edge, one number for each path and channel.
        paths: from `depthwise_paths`; the widths of the tensors must be those it was made for.
        form: "einsum" to read, "torch" for speed; "auto" takes "torch", and "einsum" while
            torch.compile or a transform of torch.func looks at what happens.

    Returns:
        Tensor (..., irreps_out.dim), one block for each path.

    Raises:
        ValueError: no such form.

    >>> from equivar.kernels.paths import depthwise_paths
    >>> paths, irreps_out = depthwise_paths("2x1o", "1o", keep=["0e"])
    >>> x, Y = torch.tensor([1.0, 0, 0, 0, 2, 0]), torch.tensor([1.0, 1, 0])
    >>> dot_products = depthwise(x, Y, torch.ones(2), paths) * 3**0.5
    >>> [round(v, 4) for v in dot_products.tolist()]
    [1.0, 2.0]
    """
    if form not in ("auto", "einsum", "torch"):
        raise ValueError(f"got form = {form!r}; expected 'auto', 'einsum' or 'torch'")
    if form == "auto":
        traced = torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()
        form = "einsum" if traced else "torch"
    if not paths:
        return x[..., :0]
    if form == "einsum":
        return _einsum(x, Y, weights, tuple(paths))
    batch = x.shape[:-1]
    rows = (tensor.reshape(batch.numel(), tensor.shape[-1]) for tensor in (x, Y, weights))
    z = _Depthwise.apply(*rows, tuple(paths))
    return z.reshape(*batch, z.shape[-1])


def _einsum(x: Tensor, Y: Tensor, weights: Tensor, paths: tuple[Path, ...]) -> Tensor:
    blocks = []
    for p in paths:
        features = x.narrow(-1, p.start_in, p.mul * (2 * p.l1 + 1)).unflatten(-1, (p.mul, -1))
        filter = Y.narrow(-1, p.start_filter, 2 * p.l2 + 1)
        weight = weights.narrow(-1, p.start_weight, p.mul)
        C = coupling(p.l1, p.l2, p.l3).to(x)
        matrix = torch.einsum("...j,ijk->...ik", filter, C)
        blocks.append((weight[..., None] * (features @ matrix)).flatten(-2))
    return torch.cat(blocks, dim=-1)


class _Group(NamedTuple):
    """All paths from one block of the features, and their coefficients side by side."""

    paths: tuple[Path, ...]
    table: Tensor  # (d_filter, 2 l1 + 1, K), K the sum of all 2 l3 + 1

    def columns(self) -> list[tuple[Path, slice]]:
        """Where each path's results lie among the K."""
        ends = [0]
        for path in self.paths:
            ends.append(ends[-1] + 2 * path.l3 + 1)
        return [(p, slice(*ends[i : i + 2])) for i, p in enumerate(self.paths)]


@cache
def _groups(paths: tuple[Path, ...], d_filter: int, like: tuple[Any, Any]) -> tuple[_Group, ...]:
    groups = []
    for start in sorted({path.start_in for path in paths}):
        members = tuple(path for path in paths if path.start_in == start)
        size = sum(2 * path.l3 + 1 for path in members)
        group = _Group(members, torch.zeros(d_filter, 2 * members[0].l1 + 1, size).double())
        for p, where in group.columns():
            C = coupling(p.l1, p.l2, p.l3).permute(1, 0, 2)
            group.table[p.start_filter : p.start_filter + 2 * p.l2 + 1, :, where] = C
        groups.append(_Group(members, group.table.to(dtype=like[0], device=like[1])))
    return tuple(groups)


class _Depthwise(torch.autograd.Function):
    """The fast form. Its second derivative is that of the form to read."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, Y: Tensor, weights: Tensor, paths: tuple[Path, ...]) -> Tensor:
        ctx.save_for_backward(x, Y, weights)
        ctx.paths = paths
        n, last = len(x), paths[-1]
        out = x.new_empty(n, last.start_out + last.mul * (2 * last.l3 + 1))
        groups = _groups(paths, Y.shape[1], (x.dtype, x.device))
        buffer = _buffer(x, groups)
        for group in groups:
            features, product = _block(x, group.paths[0]), _part(buffer, n, group)
            torch.bmm(features, _matrices(Y, group), out=product)
            for p, where in group.columns():
                w = weights.narrow(1, p.start_weight, p.mul)[:, :, None]
                torch.mul(product[:, :, where], w, out=_result(out, p))
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, Y, weights = ctx.saved_tensors
        if torch.is_grad_enabled():  # someone will differentiate again
            z = _einsum(x, Y, weights, ctx.paths)
            needed = ctx.needs_input_grad[:3]
            wanted = [t for t, need in zip((x, Y, weights), needed, strict=True) if need]
            found = iter(torch.autograd.grad(z, wanted, grad, create_graph=True))
            return *(next(found) if need else None for need in needed), None
        n, groups = len(x), _groups(ctx.paths, Y.shape[1], (x.dtype, x.device))
        buffer = _buffer(x, groups)
        need_x, need_Y, need_w = ctx.needs_input_grad[:3]
        grad_x = torch.zeros_like(x) if need_x else None
        grad_Y = torch.zeros_like(Y) if need_Y else None
        grad_w = torch.zeros_like(weights) if need_w else None
        for group in groups:
            features, product = _block(x, group.paths[0]), _part(buffer, n, group)
            matrices = _matrices(Y, group)
            if grad_w is not None:
                torch.bmm(features, matrices, out=product)
                for p, where in group.columns():
                    change = (product[:, :, where] * _result(grad, p)).sum(dim=-1)
                    grad_w.narrow(1, p.start_weight, p.mul).copy_(change)
            if not need_x and not need_Y:
                continue
            for p, where in group.columns():
                w = weights.narrow(1, p.start_weight, p.mul)[:, :, None]
                torch.mul(_result(grad, p), w, out=product[:, :, where])
            if grad_x is not None:
                torch.bmm(product, matrices.mT, out=_block(grad_x, group.paths[0]))
            if grad_Y is not None:
                grad_Y.addmm_(torch.bmm(features.mT, product).flatten(1), group.table.flatten(1).mT)
        return grad_x, grad_Y, grad_w, None


def _buffer(x: Tensor, groups: tuple[_Group, ...]) -> Tensor:
    return x.new_empty(len(x) * max(g.paths[0].mul * g.table.shape[2] for g in groups))


def _part(buffer: Tensor, n: int, group: _Group) -> Tensor:
    mul, size = group.paths[0].mul, group.table.shape[2]
    return buffer[: n * mul * size].view(n, mul, size)


def _matrices(Y: Tensor, group: _Group) -> Tensor:
    return (Y @ group.table.flatten(1)).unflatten(1, group.table.shape[1:])


def _block(x: Tensor, p: Path) -> Tensor:
    return x.narrow(1, p.start_in, p.mul * (2 * p.l1 + 1)).unflatten(1, (p.mul, 2 * p.l1 + 1))


def _result(z: Tensor, p: Path) -> Tensor:
    return z.narrow(1, p.start_out, p.mul * (2 * p.l3 + 1)).unflatten(1, (p.mul, 2 * p.l3 + 1))
