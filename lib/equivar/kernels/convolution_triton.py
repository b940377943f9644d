"""The fused convolution on a GPU, in Triton: arrays for the kernels, and room for what they make.

`convolution_orders` makes derivatives of any order of these. Edges are put in the order of their
targets, or of their sources for the gradient by features, so that each row of a result is one sum,
in an order that the graph fixes: no atomics, and the same bits at each call.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from equivar.kernels.convolution_orders import Loops, convolve
from equivar.kernels.convolution_triton_kernels import (
    differentiate_filter,
    differentiate_weights,
    sum_edges,
)
from equivar.kernels.convolution_triton_tables import Lists, tables
from equivar.kernels.launch_triton import EDGES, blocks, launch, tile
from equivar.kernels.paths import Path
from equivar.kernels.segments import segment_sum

__all__ = ["convolution_triton"]


class Graph(NamedTuple):
    """Where edges come from and go to, and what is multiplied on the way."""

    source: Tensor
    target: Tensor
    rows: Tensor  # of the weights
    shared: bool  # whether edges share them
    size: int
    paths: tuple[Path, ...]


def convolution_triton(
    x: Tensor,
    Y: Tensor,
    weights: Tensor,
    source: Tensor,
    target: Tensor,
    size: int,
    paths: tuple[Path, ...],
    rows: Tensor | None = None,
) -> Tensor:
    """The convolution, by kernels that never store a message. Arguments as `convolution` has them.

    Args:
        x: features.
        Y: the filter on each edge.
        weights: of each edge, or of each row.
        source: of each edge.
        target: likewise.
        size: the number of rows of the result.
        paths: what is multiplied.
        rows: of the weights, for each edge; None: each edge has its own.
    """
    if not paths:
        return x.new_zeros(size, 0)
    edges = torch.arange(len(source), device=source.device) if rows is None else rows
    source, target, edges = (t.long().contiguous() for t in (source, target, edges))
    graph = Graph(source, target, edges, rows is not None, size, tuple(paths))
    return convolve(x, Y, weights, graph, Loops(_values, _gradients))


def _sum(
    out: Tensor,
    x: Tensor,
    Y: Tensor,
    w: Tensor,
    lists: Lists,
    ends: tuple[Tensor, Tensor],
    graph: Graph,
) -> Tensor:
    """Fill the rows of a result: each the sum over the edges that end there."""
    here, there = ends
    order = torch.argsort(here, stable=True)
    bounds = torch.arange(len(out) + 1, device=here.device)
    starts = torch.searchsorted(here[order], bounds)
    t = tables(graph.paths, x.dtype, x.device)
    launch(
        sum_edges,
        len(out) * len(lists.tasks),
        out,
        x.contiguous(),
        Y.contiguous(),
        w.contiguous(),
        starts,
        order,
        there,
        graph.rows,
        *vars(lists).values(),
        len(lists.tasks),
        *(matrix.shape[1] for matrix in (out, x, Y, w)),
        EDGES=tile(len(here) // max(len(out), 1), EDGES),
        CHANNELS=t.channels,
    )
    return out


def _values(x: Tensor, Y: Tensor, w: Tensor, graph: Graph) -> Tensor:
    last = graph.paths[-1]
    out = x.new_empty(graph.size, last.start_out + last.mul * (2 * last.l3 + 1))
    t = tables(graph.paths, x.dtype, x.device)
    return _sum(out, x, Y, w, t.there, (graph.target, graph.source), graph)


def _gradients(
    x: Tensor, Y: Tensor, w: Tensor, g: Tensor, graph: Graph, needs: tuple[bool, bool, bool]
) -> tuple[Tensor, Tensor, Tensor]:
    t = tables(graph.paths, x.dtype, x.device)
    n_edges = len(graph.source)
    x, Y, w, g = (factor.contiguous() for factor in (x, Y, w, g))
    # Some columns may be read by no path.
    dx = torch.zeros_like(x)
    dY = torch.zeros_like(Y)
    dw = w.new_empty(n_edges, w.shape[1])
    widths = x.shape[1], Y.shape[1], w.shape[1], g.shape[1]
    tiles = {"EDGES": EDGES, "CHANNELS": t.channels}
    if needs[0]:
        _sum(dx, g, Y, w, t.back, (graph.source, graph.target), graph)
    if needs[1]:
        n_filter = len(t.by_filter.columns) - 1
        launch(
            differentiate_filter,
            blocks(n_edges, EDGES) * n_filter,
            dY,
            x,
            w,
            g,
            graph.source,
            graph.target,
            graph.rows,
            *vars(t.by_filter).values(),
            n_edges,
            n_filter,
            *widths,
            **tiles,
        )
    if needs[2]:
        launch(
            differentiate_weights,
            blocks(n_edges, EDGES) * len(t.there.tasks),
            dw,
            x,
            Y,
            g,
            graph.source,
            graph.target,
            *vars(t.there).values(),
            n_edges,
            len(t.there.tasks),
            *widths,
            **tiles,
        )
        if graph.shared:
            dw = segment_sum(dw, graph.rows, len(w), form="triton")
    return dx, dY, dw
