"""The fused convolution on a CPU: arrays for the compiled loops, and room for what they make.

`convolution_orders` makes derivatives of any order of these loops.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from equivar.kernels.convolution_loops import count_edges, loops, turn
from equivar.kernels.convolution_orders import Loops, convolve
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
    rows = torch.arange(len(source), device=source.device) if rows is None else rows.contiguous()
    graph = source.contiguous().numpy(), rows.numpy(), shared, starts, order, size, tuple(paths)
    return convolve(x, Y, weights, graph, Loops(_run_values, _run_gradients, _run_twice))


def _width(paths: tuple[Path, ...], dtype: torch.dtype) -> int:
    """Lanes of one vector: four registers of 32 bytes, or fewer where channels are few."""
    most = max(p.mul for p in paths)
    width = 32 if dtype == torch.float32 else 16
    while width > 4 and width >= 2 * most:
        width //= 2
    return width


def _run_twice(
    factors: Sequence[Tensor],
    g: Tensor,
    cotangents: Sequence[Tensor | None],
    graph: tuple,
    wanted: tuple[bool, ...],
) -> tuple[Tensor | None, ...]:
    """The gradients by x, Y, w and g of what `_run_gradients` gives, times its cotangents."""
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


def _to_lanes(x: Tensor, t: Table, zeros: bool = False) -> Tensor:
    lanes = x.new_zeros(len(x), t.lanes_in)
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
    out = x.new_empty(size, last.start_out + last.mul * (2 * last.l3 + 1))
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
