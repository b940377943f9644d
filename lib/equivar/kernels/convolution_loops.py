r"""The two loops over edges of the convolution, compiled by Numba: values, and derivatives.

Both go over the rows of the result; for each over its edges, eight at a time. The matrices M of the
eight are made at once, then each path multiplies its channels by them. A message is a value in
registers and nowhere else. The loops read tables, so one compilation serves all irreps.
"""

# mypy: ignore-errors
from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit

from equivar.kernels.convolution_lanes import (
    fma,
    load,
    load_some,
    mul,
    peek,
    plus,
    plus_some,
    spread,
    store,
    store_some,
    total,
)
from equivar.kernels.convolution_tables import BLOCK

__all__ = ["count_edges", "loops", "turn"]


def compiled(function):
    """Compile, and keep the machine code beside this file for the next process where that works."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # there is no folder that may be written
        return njit(nogil=True)(function)


@compiled
def count_edges(target, size):
    """Where each row's edges begin, (size + 1,), and the edges in that order, (n_edges,)."""
    starts = np.zeros(size + 1, dtype=np.int64)
    for t in target:
        starts[t + 1] += 1
    for t in range(size):
        starts[t + 1] += starts[t]
    free = starts[:-1].copy()
    order = np.empty(len(target), dtype=np.int64)
    for e in range(len(target)):
        t = target[e]
        order[free[t]] = e
        free[t] += 1
    return starts, order


@compiled
def turn(rows, lanes, blocks, width, back):
    """Features (channel, component) to lanes (component, channel), or back."""
    for r in range(rows.shape[0]):
        for b in range(blocks.shape[0]):
            start, lane, channels, dim = blocks[b]
            step = (channels + width - 1) // width * width
            for i in range(dim):
                for u in range(channels):
                    if back:
                        rows[r, start + u * dim + i] = lanes[r, lane + i * step + u]
                    else:
                        lanes[r, lane + i * step + u] = rows[r, start + u * dim + i]


@compiled
def matrices(M, filters, Y, edges, first, count, n_filter, n_slots, terms, coefficients):
    """The entries of M for up to eight edges: slot by slot, one edge in each lane."""
    for j in range(n_filter):
        for e in range(count):
            filters[j * BLOCK + e] = Y[edges[first + e], j]
    for n in range(coefficients.shape[0]):
        slot, j = peek(terms, 2 * n), peek(terms, 2 * n + 1)
        product = mul(spread(peek(coefficients, n), BLOCK), load(filters, j * BLOCK, BLOCK))
        if n >= n_slots:
            product = fma(spread(M.dtype.type(1), BLOCK), product, load(M, slot * BLOCK, BLOCK))
        store(M, slot * BLOCK, product)


@compiled
def keep(dw, at, left, width, lanes, shared):
    """Write lanes, or add them to what other edges brought to a row that they share."""
    if left < width:
        store_some(dw, at, left, plus_some(dw, at, left, lanes) if shared else lanes)
    elif shared:
        store(dw, at, plus(dw, at, lanes))
    else:
        store(dw, at, lanes)


@lru_cache
def loops(width: int):
    """The compiled loops for vectors of `width` channels."""

    @compiled
    def sum_edges(
        first,
        last,
        starts,
        edges,
        source,
        weight_rows,
        x,
        Y,
        weights,
        out,
        n_slots,
        n_filter,
        terms,
        coefficients,
        paths,
        by_out,
        entries,
        shapes,
        blocks_out,
        lanes_in,
        lanes_out,
    ):
        number = x.dtype.type
        n_weights = weights.shape[1]
        x, weights = x.reshape(-1), weights.reshape(-1)
        M = np.empty(n_slots * BLOCK, dtype=x.dtype)
        filters = np.zeros(n_filter * BLOCK, dtype=x.dtype)
        row = np.empty((1, lanes_out), dtype=x.dtype)
        flat = row.reshape(-1)
        nodes = np.empty(BLOCK, dtype=np.int64)
        rows = np.empty(BLOCK, dtype=np.int64)
        for t in range(first, last):
            flat[:] = 0
            for begin in range(starts[t], starts[t + 1], BLOCK):
                count = min(BLOCK, starts[t + 1] - begin)
                matrices(M, filters, Y, edges, begin, count, n_filter, n_slots, terms, coefficients)
                for e in range(count):
                    nodes[e] = source[edges[begin + e]] * lanes_in
                    rows[e] = weight_rows[edges[begin + e]] * n_weights
                for p in range(paths.shape[0]):
                    channels, lane_in, lane_out, step, weight, line, _ = paths[p]
                    for c in range(0, channels, width):
                        left = channels - c
                        for k in range(shapes[p, 1]):
                            begin_k, end_k = by_out[line + k], by_out[line + k + 1]
                            sum_k = load(flat, lane_out + k * step + c, width)
                            for e in range(count):
                                message = spread(number(0), width)
                                here = peek(nodes, e) + lane_in + c
                                for q in range(begin_k, end_k):
                                    m = peek(M, peek(entries, 2 * q) * BLOCK + e)
                                    x_i = load(x, here + peek(entries, 2 * q + 1) * step, width)
                                    message = fma(spread(m, width), x_i, message)
                                at = peek(rows, e) + weight + c
                                if left >= width:
                                    w = load(weights, at, width)
                                else:
                                    w = load_some(weights, at, left, width)
                                sum_k = fma(w, message, sum_k)
                            store(flat, lane_out + k * step + c, sum_k)
            turn(out[t : t + 1], row, blocks_out, width, True)

    @compiled
    def differentiate(
        first,
        last,
        starts,
        edges,
        source,
        weight_rows,
        shared,
        x,
        Y,
        weights,
        g,
        need_x,
        need_Y,
        need_w,
        dx,
        dY,
        dw,
        n_slots,
        n_filter,
        terms,
        coefficients,
        paths,
        by_in,
        entries,
        shapes,
        blocks_out,
        lanes_in,
        lanes_out,
    ):
        number = x.dtype.type
        n_weights = weights.shape[1]
        x, dx, weights, dw = x.reshape(-1), dx.reshape(-1), weights.reshape(-1), dw.reshape(-1)
        M = np.empty(n_slots * BLOCK, dtype=x.dtype)
        dM = np.empty(n_slots * BLOCK, dtype=x.dtype)
        filters = np.zeros(n_filter * BLOCK, dtype=x.dtype)
        dfilters = np.zeros(n_filter * BLOCK, dtype=x.dtype)
        row = np.zeros((1, lanes_out), dtype=x.dtype)
        flat = row.reshape(-1)
        for t in range(first, last):
            if starts[t] == starts[t + 1]:
                continue
            turn(g[t : t + 1], row, blocks_out, width, False)
            for begin in range(starts[t], starts[t + 1], BLOCK):
                count = min(BLOCK, starts[t + 1] - begin)
                matrices(M, filters, Y, edges, begin, count, n_filter, n_slots, terms, coefficients)
                dM[:] = 0
                for p in range(paths.shape[0]):
                    channels, lane_in, lane_out, step, weight, _, line = paths[p]
                    for c in range(0, channels, width):
                        left = channels - c
                        for e in range(count):
                            edge = edges[begin + e]
                            at = weight_rows[edge] * n_weights + weight + c
                            if left >= width:
                                w = load(weights, at, width)
                            else:
                                w = load_some(weights, at, left, width)
                            dw_e = spread(number(0), width)
                            here = source[edge] * lanes_in + lane_in + c
                            for i in range(shapes[p, 0]):
                                x_i = load(x, here + i * step, width)
                                wx_i = mul(w, x_i)
                                z = spread(number(0), width)
                                for q in range(by_in[line + i], by_in[line + i + 1]):
                                    slot = peek(entries, 2 * q) * BLOCK + e
                                    g_k = load(
                                        flat, lane_out + peek(entries, 2 * q + 1) * step + c, width
                                    )
                                    z = fma(spread(peek(M, slot), width), g_k, z)
                                    if need_Y:
                                        dM[slot] += total(mul(wx_i, g_k))
                                dw_e = fma(x_i, z, dw_e)
                                if need_x:
                                    store(
                                        dx,
                                        here + i * step,
                                        fma(w, z, load(dx, here + i * step, width)),
                                    )
                            if need_w:
                                keep(dw, at, left, width, dw_e, shared)
                if need_Y:
                    dfilters[:] = 0
                    for n in range(coefficients.shape[0]):
                        slot, j = peek(terms, 2 * n), peek(terms, 2 * n + 1)
                        sum_j = fma(
                            spread(peek(coefficients, n), BLOCK),
                            load(dM, slot * BLOCK, BLOCK),
                            load(dfilters, j * BLOCK, BLOCK),
                        )
                        store(dfilters, j * BLOCK, sum_j)
                    for j in range(n_filter):
                        for e in range(count):
                            dY[edges[begin + e], j] = dfilters[j * BLOCK + e]

    return sum_edges, differentiate
