r"""The fused convolution on a CPU: PyTorch's gradients around the compiled loops.

With a cotangent g, the convolution is one number that is linear in each of its four factors,

$$F(x, Y, w, g) = \sum_e \sum_{puk} g_{t, puk}\, w_{e, pu}
    \sum_{ij} C_{ijk}\, x_{s, ui}\, Y_{e, j},$$

and everything that is ever needed is a derivative of it: the values with respect to g, the first
gradients with respect to x, Y and w. The gradient of those, which training on forces asks for, is
again a sum of such derivatives with some factors replaced. So two loops do all orders; a third
makes that sum at once, where nothing will be differentiated again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from equivar.kernels.convolution_loops import count_edges, loops, turn
from equivar.kernels.convolution_tables import Table, table
from equivar.kernels.convolution_twice import loop as twice
from equivar.kernels.paths import Path

__all__ = ["convolution_numba"]


def convolution_numba(
    x: Tensor,
    Y: Tensor,
    weights: Tensor,
    source: Tensor,
    target: Tensor,
    size: int,
    paths: tuple[Path, ...],
    rows: Tensor | None = None,
) -> Tensor:
    """The convolution, by loops that never store a message. Arguments as `convolution` has them."""
    if not paths:
        return x.new_zeros(size, 0)
    starts, order = count_edges(target.contiguous().numpy(), size)
    shared = rows is not None
    rows = torch.arange(len(source)) if rows is None else rows.contiguous()
    graph = source.contiguous().numpy(), rows.numpy(), shared, starts, order, size, tuple(paths)
    result: Tensor = _Values.apply(x, Y, weights, graph)
    return result


def _width(paths: tuple[Path, ...], dtype: torch.dtype) -> int:
    """Lanes of one vector: four registers of 32 bytes, or fewer where channels are few."""
    most = max(p.mul for p in paths)
    width = 32 if dtype == torch.float32 else 16
    while width > 4 and width >= 2 * most:
        width //= 2
    return width


class _Values(torch.autograd.Function):
    """The derivative of F with respect to g: the convolution itself."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, Y: Tensor, w: Tensor, graph: tuple) -> Tensor:
        ctx.save_for_backward(x, Y, w)
        ctx.graph = graph
        return _run_values(x, Y, w, graph)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple:
        x, Y, w = ctx.saved_tensors
        needs = ctx.needs_input_grad[:3]
        return *_gradients(x, Y, w, g, ctx.graph, needs), None


class _Gradients(torch.autograd.Function):
    """The derivatives of F with respect to x, Y and w."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, Y: Tensor, w: Tensor, g: Tensor, graph: tuple, needs: tuple
    ) -> tuple:
        ctx.save_for_backward(x, Y, w, g)
        ctx.graph, ctx.needs = graph, needs
        ctx.set_materialize_grads(False)
        return _run_gradients(x, Y, w, g, graph, needs)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor | None) -> tuple:
        factors, graph = ctx.saved_tensors[:3], ctx.graph
        g = ctx.saved_tensors[3]
        wanted = ctx.needs_input_grad[:4]
        if not torch.is_grad_enabled():
            kept = [c if n else None for c, n in zip(cotangents, ctx.needs, strict=True)]
            return *_run_twice(factors, g, kept, graph, wanted), None, None
        sums: list[Tensor | None] = [None, None, None, None]

        def add(place: int, value: Tensor | None) -> None:
            if value is not None:
                before = sums[place]
                sums[place] = value if before is None else before + value

        for place, cotangent in enumerate(cotangents):
            if cotangent is None or not ctx.needs[place]:
                continue
            x, Y, w = (cotangent if i == place else factors[i] for i in range(3))
            needs = tuple(wanted[i] and i != place for i in range(3))
            if any(needs):
                for i, value in enumerate(_gradients(x, Y, w, g, graph, needs)):
                    add(i, value)
            if wanted[3]:
                add(3, _Values.apply(x, Y, w, graph))
        return *sums, None, None


def _run_twice(
    factors: Sequence[Tensor],
    g: Tensor,
    cotangents: Sequence[Tensor | None],
    graph: tuple,
    wanted: tuple[bool, ...],
) -> tuple[Tensor | None, ...]:
    """The gradients by x, Y, w and g of what `_Gradients` gives, times its cotangents."""
    source, rows, shared, starts, order, size, paths = graph
    x, Y, w = factors
    t = table(paths, _width(paths, x.dtype))
    has = [c is not None for c in cotangents]
    x_, Y_, w_ = (f[:0] if c is None else c for f, c in zip(factors, cotangents, strict=True))
    lanes, lanes_ = _to_lanes(x, t).numpy(), _to_lanes(x_, t).numpy()
    dlanes = _to_lanes(x, t, zeros=True)
    dY = torch.zeros_like(Y, memory_format=torch.contiguous_format)
    dw = _empty(w, shared)
    dg = torch.empty_like(g, memory_format=torch.contiguous_format)
    twice(t.width)(
        0,
        size,
        starts,
        order,
        source,
        rows,
        shared,
        lanes,
        *(f.detach().contiguous().numpy() for f in (Y, w, g)),
        lanes_,
        *(f.detach().contiguous().numpy() for f in (Y_, w_)),
        *has,
        *(f.numpy() for f in (dlanes, dY, dw, dg)),
        t.n_slots,
        t.n_filter,
        t.terms.reshape(-1),
        t.coefficients.astype(lanes.dtype),
        t.paths,
        t.by_in,
        t.entries_in.reshape(-1),
        t.shapes,
        t.blocks_out,
        t.lanes_in,
        t.lanes_out,
    )
    dx = torch.zeros_like(x, memory_format=torch.contiguous_format)
    turn(dx.numpy(), dlanes.numpy(), t.blocks_in, t.width, True)
    return tuple(d if want else None for d, want in zip((dx, dY, dw, dg), wanted, strict=True))


def _gradients(
    x: Tensor, Y: Tensor, w: Tensor, g: Tensor, graph: tuple, needs: tuple
) -> tuple[Tensor | None, ...]:
    """Those that are needed; None in place of the others."""
    found: tuple[Tensor, ...] = _Gradients.apply(x, Y, w, g, graph, needs)
    return tuple(value if need else None for value, need in zip(found, needs, strict=True))


def _to_lanes(x: Tensor, t: Table, zeros: bool = False) -> Tensor:
    lanes = torch.zeros(len(x), t.lanes_in, dtype=x.dtype)
    if not zeros:
        turn(x.detach().contiguous().numpy(), lanes.numpy(), t.blocks_in, t.width, False)
    return lanes


def _empty(w: Tensor, shared: bool) -> Tensor:
    """Where gradients are written, or added to zeros where edges share rows."""
    make = torch.zeros_like if shared else torch.empty_like
    return make(w, memory_format=torch.contiguous_format)


def _run_values(x: Tensor, Y: Tensor, w: Tensor, graph: tuple) -> Tensor:
    source, rows, _, starts, order, size, paths = graph
    t = table(paths, _width(paths, x.dtype))
    last = paths[-1]
    out = torch.empty(size, last.start_out + last.mul * (2 * last.l3 + 1), dtype=x.dtype)
    lanes = _to_lanes(x, t).numpy()
    sum_edges, _ = loops(t.width)
    sum_edges(
        0,
        size,
        starts,
        order,
        source,
        rows,
        lanes,
        Y.detach().contiguous().numpy(),
        w.detach().contiguous().numpy(),
        out.numpy(),
        t.n_slots,
        t.n_filter,
        t.terms.reshape(-1),
        t.coefficients.astype(lanes.dtype),
        t.paths,
        t.by_out,
        t.entries_out.reshape(-1),
        t.shapes,
        t.blocks_out,
        t.lanes_in,
        t.lanes_out,
    )
    return out


def _run_gradients(
    x: Tensor, Y: Tensor, w: Tensor, g: Tensor, graph: tuple, needs: tuple
) -> tuple[Tensor, Tensor, Tensor]:
    source, rows, shared, starts, order, size, paths = graph
    t = table(paths, _width(paths, x.dtype))
    lanes = _to_lanes(x, t).numpy()
    dlanes = _to_lanes(x if needs[0] else x[:0], t, zeros=True)
    dY = (
        torch.zeros_like(Y, memory_format=torch.contiguous_format)
        if needs[1]
        else Y.new_zeros(0, 0)
    )
    dw = _empty(w, shared) if needs[2] else w.new_zeros(0, 0)
    _, differentiate = loops(t.width)
    differentiate(
        0,
        size,
        starts,
        order,
        source,
        rows,
        shared,
        lanes,
        Y.detach().contiguous().numpy(),
        w.detach().contiguous().numpy(),
        g.detach().contiguous().numpy(),
        *needs,
        dlanes.numpy(),
        dY.numpy(),
        dw.numpy(),
        t.n_slots,
        t.n_filter,
        t.terms.reshape(-1),
        t.coefficients.astype(lanes.dtype),
        t.paths,
        t.by_in,
        t.entries_in.reshape(-1),
        t.shapes,
        t.blocks_out,
        t.lanes_in,
        t.lanes_out,
    )
    dx = (
        torch.zeros_like(x, memory_format=torch.contiguous_format)
        if needs[0]
        else x.new_zeros(0, 0)
    )
    if needs[0]:
        turn(dx.numpy(), dlanes.numpy(), t.blocks_in, t.width, True)
    return dx, dY, dw
