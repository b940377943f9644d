r"""Each channel of each edge times a filter: the product that message passing is made of.

For each edge e and path p: $(l_1, l_2) \to l_3$,

$$z_{e,u,k} = w_{e,p,u} \sqrt{2 l_3 + 1} \sum_{ij} C_{ijk}\, x_{e,u,i}\, Y_{e,j}.$$

The filter has one channel, so that filter and coefficients make one small matrix for each edge,
which all channels share: $M_{e,i,k} = \sum_j C_{ijk} Y_{e,j}$. The fast form makes the matrices of
all paths by one multiplication with a constant, and all products by one more, zeros included: a
few larger products cost less than many small ones. What takes the time is memory. So it works on a
few hundred edges at a time, whose intermediate results stay in the cache with channels innermost,
and it computes products again for the gradient instead of keeping them.

On a CPU with Numba and on a GPU with Triton, the loops of the convolution do the same: each edge is
a graph of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from equivar._shapes import Float
from equivar.kernels.couplings import coupling_like
from equivar.kernels.depthwise_tables import Group, groups_of
from equivar.kernels.forms import choose_form
from equivar.kernels.paths import Path

__all__ = ["depthwise"]

FORMS = ("einsum", "torch", "numba", "triton")

CHUNK = 2**19
"""Numbers in one buffer of products: with the others, a few megabytes."""


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
        form: "einsum" to read; "torch" for speed; "numba", faster on the CPU; "triton", on a GPU;
            "auto" takes one of these two where it runs, else "torch", and "einsum" while
            torch.compile or a transform of torch.func looks at what happens.

    Returns:
        Tensor (..., irreps_out.dim), one block for each path.

    Raises:
        ValueError: shapes that do not agree, no such form, or one that cannot run here.

    >>> from equivar.kernels.paths import depthwise_paths
    >>> paths, irreps_out = depthwise_paths("2x1o", "1o", keep=["0e"])
    >>> x, Y = torch.tensor([1.0, 0, 0, 0, 2, 0]), torch.tensor([1.0, 1, 0])
    >>> dot_products = depthwise(x, Y, torch.ones(2), paths) * 3**0.5
    >>> [round(v, 4) for v in dot_products.tolist()]
    [1.0, 2.0]
    """
    form = choose_form(form, x, Y, weights, known=FORMS, traced="einsum")
    _check(x, Y, weights, paths)
    if not paths:
        return x[..., :0]
    if form == "einsum":
        return _einsum(x, Y, weights, tuple(paths))
    batch = x.shape[:-1]
    x, Y, weights = (t.reshape(batch.numel(), t.shape[-1]) for t in (x, Y, weights))
    if form == "torch":
        z = _Depthwise.apply(x, Y, weights, tuple(paths))
    elif form == "triton":
        from equivar.kernels.convolution_triton import convolution_triton

        edges = torch.arange(batch.numel(), device=x.device)
        z = convolution_triton(x, Y, weights, edges, edges, batch.numel(), tuple(paths))
    else:
        from equivar.kernels.convolution_numba import convolution_numba

        edges = torch.arange(batch.numel(), device=x.device)
        z = convolution_numba(x, Y, weights, edges, edges, batch.numel(), tuple(paths))
    return z.reshape(*batch, z.shape[-1])


def _check(x: Tensor, Y: Tensor, weights: Tensor, paths: Sequence[Path]) -> None:
    shapes = [tuple(tensor.shape) for tensor in (x, Y, weights)]
    if not all(shapes) or len({shape[:-1] for shape in shapes}) > 1:
        raise ValueError(
            f"x, Y and weights have shapes {shapes[0]}, {shapes[1]} and {shapes[2]}; expected the "
            "same but for the last axis: each edge has a row in all three"
        )
    for name, shape, least in zip(("x", "Y", "weights"), shapes, _widths(paths), strict=True):
        if shape[-1] < least:
            raise ValueError(
                f"{name} has shape {shape}; expected {least} or more on the last axis, which these "
                "paths read. Were they made for other irreps?"
            )


def _widths(paths: Sequence[Path]) -> tuple[int, int, int]:
    """How many columns of the features, of the filter and of the weights the paths read."""
    return (
        max([0, *(p.start_in + p.mul * (2 * p.l1 + 1) for p in paths)]),
        max([0, *(p.start_filter + 2 * p.l2 + 1 for p in paths)]),
        max([0, *(p.start_weight + p.mul for p in paths)]),
    )


def _einsum(x: Tensor, Y: Tensor, weights: Tensor, paths: tuple[Path, ...]) -> Tensor:
    blocks = []
    for p in paths:
        features = x.narrow(-1, p.start_in, p.mul * (2 * p.l1 + 1)).unflatten(-1, (p.mul, -1))
        filter = Y.narrow(-1, p.start_filter, 2 * p.l2 + 1)
        weight = weights.narrow(-1, p.start_weight, p.mul)
        C = coupling_like(p.l1, p.l2, p.l3, x)
        matrix = torch.einsum("...j,ijk->...ik", filter, C)
        blocks.append((weight[..., None] * (features @ matrix)).flatten(-2))
    return torch.cat(blocks, dim=-1)


class _Chunk:
    """A few edges, and buffers for what is computed on them: (edges, component, channel)."""

    def __init__(self, x: Tensor, group: Group, n: int) -> None:
        _, components, results = group.table.shape
        self.group = group
        self.features = x.new_empty(n, components, group.mul)
        self.products = x.new_empty(n, results, group.mul)
        self.matrices = x.new_empty(n, components, results)

    def load(self, x: Tensor, Y: Tensor) -> None:
        """Turn the features to channels innermost, and make the matrices."""
        for row, start, dim in self.group.blocks:
            self.features[:, row : row + dim] = _turned(x, start, 1, self.group.mul, dim)[:, 0]
        torch.mm(Y, self.group.table.flatten(1), out=self.matrices.flatten(1))

    def multiply(self) -> None:
        """All products of features and matrices, without weights."""
        torch.bmm(self.matrices.mT, self.features, out=self.products)

    def columns(
        self, buffer: Tensor, z: Tensor, weights: Tensor
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """For each run: rows of a buffer of products, columns of z turned alike, its weights."""
        mul = self.group.mul
        for row, count, dim, start_out, start_weight in self.group.runs:
            rows = buffer[:, row : row + count * dim].unflatten(1, (count, dim))
            w = weights.narrow(1, start_weight, count * mul).unflatten(1, (count, 1, mul))
            yield rows, _turned(z, start_out, count, mul, dim), w


def _chunks(x: Tensor, group: Group) -> Iterator[tuple[slice, _Chunk]]:
    """Pieces of the edges, in one set of buffers. A GPU has no such cache: it takes all at once."""
    n = len(x)
    most = n if x.device.type != "cpu" else CHUNK // (group.mul * group.table.shape[2]) + 1
    for start in range(0, n, max(most, 1)):
        size = min(most, n - start)
        if start == 0 or size < most:
            chunk = _Chunk(x, group, size)
        yield slice(start, start + size), chunk


def _blank(x: Tensor, written: int) -> Tensor:
    """A gradient to be filled: zeros only where some columns are never written."""
    return torch.empty_like(x) if written == x.shape[1] else torch.zeros_like(x)


def _turned(z: Tensor, start: int, count: int, mul: int, dim: int) -> Tensor:
    """A view (edges, block, component, channel) of blocks of features (channel, component)."""
    return z.narrow(1, start, count * mul * dim).unflatten(1, (count, mul, dim)).mT


class _Depthwise(torch.autograd.Function):
    """The fast form. Its second derivative is that of the form to read."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, Y: Tensor, weights: Tensor, paths: tuple[Path, ...]) -> Tensor:
        ctx.save_for_backward(x, Y, weights)
        ctx.paths = paths
        last = paths[-1]
        out = x.new_empty(len(x), last.start_out + last.mul * (2 * last.l3 + 1))
        for group in groups_of(paths, Y.shape[1], (x.dtype, x.device)):
            for at, chunk in _chunks(x, group):
                chunk.load(x[at], Y[at])
                chunk.multiply()
                for products, z, w in chunk.columns(chunk.products, out[at], weights[at]):
                    torch.mul(products, w, out=z)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, Y, weights = ctx.saved_tensors
        if torch.is_grad_enabled():  # someone will differentiate again
            z = _einsum(x, Y, weights, ctx.paths)
            needed = ctx.needs_input_grad[:3]
            wanted = [t for t, need in zip((x, Y, weights), needed, strict=True) if need]
            first = iter(torch.autograd.grad(z, wanted, grad, create_graph=True))
            return *(next(first) if need else None for need in needed), None
        need_x, need_Y, need_w = ctx.needs_input_grad[:3]
        groups = groups_of(ctx.paths, Y.shape[1], (x.dtype, x.device))
        read = sum(group.mul * group.table.shape[1] for group in groups)
        used = sum(path.mul for path in ctx.paths)
        grad_x = _blank(x, read) if need_x else None
        grad_Y = torch.zeros_like(Y) if need_Y else None
        grad_w = _blank(weights, used) if need_w else None
        for group in groups:
            for at, chunk in _chunks(x, group):
                chunk.load(x[at], Y[at])
                turned = torch.empty_like(chunk.products)
                for g, z, _ in chunk.columns(turned, grad[at], weights[at]):
                    g.copy_(z)
                if grad_w is not None:
                    chunk.multiply()
                    chunk.products.mul_(turned)
                    for products, _, dw in chunk.columns(chunk.products, grad[at], grad_w[at]):
                        torch.sum(products, dim=2, keepdim=True, out=dw)
                for g, _, w in chunk.columns(turned, grad[at], weights[at]):
                    g.mul_(w)
                if grad_x is not None:
                    found = chunk.matrices @ turned
                    for row, start, dim in group.blocks:
                        z = _turned(grad_x[at], start, 1, group.mul, dim)[:, 0]
                        z.copy_(found[:, row : row + dim])
                if grad_Y is not None:
                    torch.bmm(chunk.features, turned.mT, out=chunk.matrices)
                    grad_Y[at].addmm_(chunk.matrices.flatten(1), group.table.flatten(1).mT)
        return grad_x, grad_Y, grad_w, None
