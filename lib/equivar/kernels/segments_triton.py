"""Sums over segments on a GPU, in Triton: one order for ever, or atomics in any order.

A program is what runs at once on one piece of the GPU, here for a tile of columns: of the rows that
arrive at one target, or of any few edges. Import this only where Triton is: `segments` does so.
"""

# mypy: ignore-errors
from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from equivar.kernels.launch_triton import COLUMNS, EDGES, blocks, launch, tile

__all__ = ["add_rows", "sum_by_atomics", "sum_by_target", "sum_rows"]


@triton.jit
def sum_rows(x, source, starts, out, width, n_blocks, EDGES: tl.constexpr, COLUMNS: tl.constexpr):
    """Some columns of one target: the sum of x[source[e]] over its edges e, without atomics.

    Lane i of the tile adds up the edges i, i + EDGES, ..., and then the lanes are added: an order
    that the edges fix, so that the same call gives the same bits.
    """
    program = tl.program_id(0)
    target = (program // n_blocks).to(tl.int64)
    columns = (program % n_blocks) * COLUMNS + tl.arange(0, COLUMNS)
    begin, end = tl.load(starts + target), tl.load(starts + target + 1)
    total = tl.full((EDGES, COLUMNS), 0.0, dtype=out.dtype.element_ty)
    for first in range(begin, end, EDGES):
        edges = first + tl.arange(0, EDGES)
        rows = tl.load(source + edges, mask=edges < end, other=0)
        there = (edges < end)[:, None] & (columns < width)[None, :]
        total += tl.load(x + rows[:, None] * width + columns[None, :], mask=there, other=0.0)
    tl.store(out + target * width + columns, tl.sum(total, axis=0), mask=columns < width)


@triton.jit
def add_rows(
    x, source, target, out, n_edges, width, n_blocks, EDGES: tl.constexpr, COLUMNS: tl.constexpr
):
    """Some columns of some edges: add x[source[e]] to out[target[e]], whoever comes first.

    Several programs add to one number. Atomics keep them from losing terms, and leave the order
    open; a sum in floating point depends on it.
    """
    program = tl.program_id(0)
    edges = (program // n_blocks).to(tl.int64) * EDGES + tl.arange(0, EDGES)
    columns = (program % n_blocks) * COLUMNS + tl.arange(0, COLUMNS)
    rows = tl.load(source + edges, mask=edges < n_edges, other=0)
    into = tl.load(target + edges, mask=edges < n_edges, other=0)
    there = (edges < n_edges)[:, None] & (columns < width)[None, :]
    values = tl.load(x + rows[:, None] * width + columns[None, :], mask=there, other=0.0)
    tl.atomic_add(out + into[:, None] * width + columns[None, :], values, mask=there, sem="relaxed")


def sum_by_target(x: Tensor, source: Tensor, target: Tensor, size: int) -> Tensor:
    """The sum of rows, one program for a target and a tile of columns.

    Args:
        x: (n, width).
        source: (n_edges,), int64, rows of x, in the order of targets.
        target: (n_edges,), int64, sorted.
        size: the number of targets.
    """
    out = x.new_empty(size, x.shape[1])
    starts = torch.searchsorted(target, torch.arange(size + 1, device=x.device))
    columns = tile(x.shape[1], COLUMNS)
    n_blocks = blocks(x.shape[1], columns)
    edges = tile(len(source) // max(size, 1), EDGES)
    arrays = x.contiguous(), source.contiguous(), starts, out
    launch(sum_rows, size * n_blocks, *arrays, x.shape[1], n_blocks, EDGES=edges, COLUMNS=columns)
    return out


def sum_by_atomics(x: Tensor, source: Tensor, target: Tensor, size: int) -> Tensor:
    """The same for targets in any order; the order of addition is open.

    Args:
        x: (n, width).
        source: (n_edges,), int64, rows of x.
        target: (n_edges,), int64.
        size: the number of targets.
    """
    out = x.new_zeros(size, x.shape[1])
    columns = tile(x.shape[1], COLUMNS)
    n_blocks = blocks(x.shape[1], columns)
    arrays = x.contiguous(), source.contiguous(), target.contiguous(), out
    numbers = len(source), x.shape[1], n_blocks
    programs = blocks(len(source), EDGES) * n_blocks
    launch(add_rows, programs, *arrays, *numbers, EDGES=EDGES, COLUMNS=columns)
    return out
