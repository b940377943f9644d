r"""The loop that training on forces asks for: the gradient of the convolution's gradient.

With the cotangents $x', Y', w'$ of the first gradients, their gradient is that of

$$F(x', Y, w, g) + F(x, Y', w, g) + F(x, Y, w', g)$$

with respect to all seven. One after the other, the three would read each edge nine times; here all
sums are made while its channels are in registers.
"""

# mypy: ignore-errors
from __future__ import annotations

from functools import lru_cache

import numpy as np

from equivar.kernels.convolution_lanes import (
    fma,
    load,
    load_some,
    mul,
    peek,
    spread,
    store,
    total,
)
from equivar.kernels.convolution_loops import compiled, keep, matrices, turn
from equivar.kernels.convolution_tables import BLOCK

__all__ = ["loop"]


@lru_cache
def loop(width: int):
    """The compiled loop for vectors of `width` channels."""

    @compiled
    def differentiate_twice(
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
        x_,
        Y_,
        weights_,
        has_x,
        has_Y,
        has_w,
        dx,
        dY,
        dw,
        dg,
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
        x_, weights_ = x_.reshape(-1), weights_.reshape(-1)
        M = np.empty(n_slots * BLOCK, dtype=x.dtype)
        M_ = np.zeros(n_slots * BLOCK, dtype=x.dtype)
        dM = np.empty(n_slots * BLOCK, dtype=x.dtype)
        filters = np.zeros(n_filter * BLOCK, dtype=x.dtype)
        row = np.zeros((1, lanes_out), dtype=x.dtype)
        drow = np.zeros((1, lanes_out), dtype=x.dtype)
        flat, dflat = row.reshape(-1), drow.reshape(-1)
        zero = spread(number(0), width)
        for t in range(first, last):
            dflat[:] = 0
            turn(g[t : t + 1], row, blocks_out, width, False)
            for begin in range(starts[t], starts[t + 1], BLOCK):
                count = min(BLOCK, starts[t + 1] - begin)
                matrices(M, filters, Y, edges, begin, count, n_filter, n_slots, terms, coefficients)
                if has_Y:
                    matrices(
                        M_, filters, Y_, edges, begin, count, n_filter, n_slots, terms, coefficients
                    )
                dM[:] = 0
                for p in range(paths.shape[0]):
                    channels, lane_in, lane_out, step, weight, _, line = paths[p]
                    for c in range(0, channels, width):
                        left = channels - c
                        for e in range(count):
                            edge = edges[begin + e]
                            at = weight_rows[edge] * n_weights + weight + c
                            w, w_ = zero, zero
                            if left >= width:
                                w = load(weights, at, width)
                                if has_w:
                                    w_ = load(weights_, at, width)
                            else:
                                w = load_some(weights, at, left, width)
                                if has_w:
                                    w_ = load_some(weights_, at, left, width)
                            dw_e = zero
                            here = source[edge] * lanes_in + lane_in + c
                            for i in range(shapes[p, 0]):
                                at_i = here + i * step
                                x_i, y_i = load(x, at_i, width), zero
                                if has_x:
                                    y_i = load(x_, at_i, width)
                                wx_i = mul(w, x_i)
                                a_i = fma(w, y_i, mul(w_, x_i))
                                z, z_ = zero, zero
                                for q in range(by_in[line + i], by_in[line + i + 1]):
                                    slot = peek(entries, 2 * q) * BLOCK + e
                                    at_k = lane_out + peek(entries, 2 * q + 1) * step + c
                                    g_k = load(flat, at_k, width)
                                    m = spread(peek(M, slot), width)
                                    m_ = spread(peek(M_, slot), width)
                                    z = fma(m, g_k, z)
                                    z_ = fma(m_, g_k, z_)
                                    dM[slot] += total(mul(a_i, g_k))
                                    dg_k = fma(m_, wx_i, load(dflat, at_k, width))
                                    store(dflat, at_k, fma(m, a_i, dg_k))
                                dw_e = fma(y_i, z, fma(x_i, z_, dw_e))
                                dx_i = fma(w_, z, load(dx, at_i, width))
                                store(dx, at_i, fma(w, z_, dx_i))
                            keep(dw, at, left, width, dw_e, shared)
                filters[:] = 0
                for n in range(coefficients.shape[0]):
                    slot, j = peek(terms, 2 * n), peek(terms, 2 * n + 1)
                    sum_j = fma(
                        spread(peek(coefficients, n), BLOCK),
                        load(dM, slot * BLOCK, BLOCK),
                        load(filters, j * BLOCK, BLOCK),
                    )
                    store(filters, j * BLOCK, sum_j)
                for j in range(n_filter):
                    for e in range(count):
                        dY[edges[begin + e], j] = filters[j * BLOCK + e]
            turn(dg[t : t + 1], drow, blocks_out, width, True)

    return differentiate_twice
