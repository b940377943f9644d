"""The three kernels of the fused convolution, in Triton: sums, and gradients edge by edge.

A tile has some edges down and some channels across. What all channels of an edge share, its filter,
is a column of the tile; a message is a tile, in registers and nowhere else. The lists that say what
is multiplied are in `convolution_triton_tables`.
"""

# mypy: ignore-errors
from __future__ import annotations

import triton
import triton.language as tl

__all__ = ["differentiate_filter", "differentiate_weights", "sum_edges"]


@triton.jit
def sum_edges(
    out,
    x,
    Y,
    w,
    starts,
    edges,
    nodes,
    rows,
    tasks,
    lines,
    groups,
    factors,
    terms,
    coefficients,
    n_tasks,
    d_out,
    d_in,
    d_filter,
    d_weights,
    EDGES: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    """One task of one row: some channels of all components of one block, over the row's edges."""
    program = tl.program_id(0)
    row = (program // n_tasks).to(tl.int64)
    task = tasks + 6 * (program % n_tasks)
    channels = tl.load(task) + tl.arange(0, CHANNELS)
    filled = channels < tl.load(task + 1)
    column, dim = tl.load(task + 2), tl.load(task + 3)
    first_line, last_line = tl.load(task + 4), tl.load(task + 5)
    begin, end = tl.load(starts + row), tl.load(starts + row + 1)
    for line in range(first_line, last_line):
        total = tl.full((EDGES, CHANNELS), 0.0, dtype=out.dtype.element_ty)
        for first in range(begin, end, EDGES):
            place = first + tl.arange(0, EDGES)
            there = place < end
            edge = tl.load(edges + place, mask=there, other=0)
            Y_e = Y + edge * d_filter
            x_s = x + tl.load(nodes + edge, mask=there, other=0)[:, None] * d_in
            w_e = w + tl.load(rows + edge, mask=there, other=0)[:, None] * d_weights
            mask = there[:, None] & filled[None, :]
            for group in range(tl.load(lines + line), tl.load(lines + line + 1)):
                message = tl.full((EDGES, CHANNELS), 0.0, dtype=out.dtype.element_ty)
                x_p = x_s + (channels * tl.load(factors + 2 * group + 1))[None, :]
                for term in range(tl.load(groups + group), tl.load(groups + group + 1)):
                    y = tl.load(Y_e + tl.load(terms + 2 * term), mask=there, other=0.0)
                    y = y * tl.load(coefficients + term)
                    x_i = tl.load(x_p + tl.load(terms + 2 * term + 1), mask=mask, other=0.0)
                    message += y[:, None] * x_i
                w_p = w_e + (tl.load(factors + 2 * group) + channels)[None, :]
                total += tl.load(w_p, mask=mask, other=0.0) * message
        at = out + row * d_out + column + line - first_line + channels * dim
        tl.store(at, tl.sum(total, axis=0), mask=filled)


@triton.jit
def differentiate_weights(
    dw,
    x,
    Y,
    g,
    sources,
    targets,
    tasks,
    lines,
    groups,
    factors,
    terms,
    coefficients,
    n_edges,
    n_tasks,
    d_in,
    d_filter,
    d_weights,
    d_out,
    EDGES: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    """One task of some edges: the products of messages without weights and their cotangents."""
    program = tl.program_id(0)
    edge = (program // n_tasks).to(tl.int64) * EDGES + tl.arange(0, EDGES)
    there = edge < n_edges
    task = tasks + 6 * (program % n_tasks)
    channels = tl.load(task) + tl.arange(0, CHANNELS)
    mask = there[:, None] & (channels < tl.load(task + 1))[None, :]
    column, dim = tl.load(task + 2), tl.load(task + 3)
    first_line, last_line = tl.load(task + 4), tl.load(task + 5)
    Y_e = Y + edge * d_filter
    x_s = x + tl.load(sources + edge, mask=there, other=0)[:, None] * d_in
    g_t = g + tl.load(targets + edge, mask=there, other=0)[:, None] * d_out
    g_t += (column + channels * dim)[None, :]
    total = tl.full((EDGES, CHANNELS), 0.0, dtype=dw.dtype.element_ty)
    for line in range(first_line, last_line):
        message = tl.full((EDGES, CHANNELS), 0.0, dtype=dw.dtype.element_ty)
        group = tl.load(lines + line)  # the only one: a block of the result has one path
        x_p = x_s + (channels * tl.load(factors + 2 * group + 1))[None, :]
        for term in range(tl.load(groups + group), tl.load(groups + group + 1)):
            y = tl.load(Y_e + tl.load(terms + 2 * term), mask=there, other=0.0)
            y = y * tl.load(coefficients + term)
            x_i = tl.load(x_p + tl.load(terms + 2 * term + 1), mask=mask, other=0.0)
            message += y[:, None] * x_i
        total += message * tl.load(g_t + (line - first_line), mask=mask, other=0.0)
    across = tl.load(factors + 2 * tl.load(lines + first_line)) + channels
    tl.store(dw + edge[:, None] * d_weights + across[None, :], total, mask=mask)


@triton.jit
def differentiate_filter(
    dY,
    x,
    w,
    g,
    sources,
    targets,
    rows,
    columns,
    groups,
    starts,
    terms,
    coefficients,
    n_edges,
    n_filter,
    d_in,
    d_filter,
    d_weights,
    d_out,
    EDGES: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    """One column of the filter for some edges: the sum over its paths and their channels."""
    program = tl.program_id(0)
    edge = (program // n_filter).to(tl.int64) * EDGES + tl.arange(0, EDGES)
    there = edge < n_edges
    column = program % n_filter
    x_s = x + tl.load(sources + edge, mask=there, other=0)[:, None] * d_in
    g_t = g + tl.load(targets + edge, mask=there, other=0)[:, None] * d_out
    w_e = w + tl.load(rows + edge, mask=there, other=0)[:, None] * d_weights
    total = tl.full((EDGES, CHANNELS), 0.0, dtype=dY.dtype.element_ty)
    for group in range(tl.load(columns + column), tl.load(columns + column + 1)):
        path = groups + 6 * group
        mul = tl.load(path + 1)
        for first in range(0, mul, CHANNELS):
            channels = first + tl.arange(0, CHANNELS)
            mask = there[:, None] & (channels < mul)[None, :]
            x_p = x_s + (tl.load(path + 2) + channels * tl.load(path + 3))[None, :]
            g_p = g_t + (tl.load(path + 4) + channels * tl.load(path + 5))[None, :]
            products = tl.full((EDGES, CHANNELS), 0.0, dtype=dY.dtype.element_ty)
            for term in range(tl.load(starts + group), tl.load(starts + group + 1)):
                x_i = tl.load(x_p + tl.load(terms + 2 * term), mask=mask, other=0.0)
                g_k = tl.load(g_p + tl.load(terms + 2 * term + 1), mask=mask, other=0.0)
                products += tl.load(coefficients + term) * (x_i * g_k)
            w_p = w_e + (tl.load(path) + channels)[None, :]
            total += tl.load(w_p, mask=mask, other=0.0) * products
    tl.store(dY + edge * d_filter + column, tl.sum(total, axis=1), mask=there)
