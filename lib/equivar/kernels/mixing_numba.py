"""Mixed copies on a CPU: loops that turn blocks while they multiply. `mixing` imports it.

A matrix product broadcasts numbers of its left side, and may take them from anywhere: so components
need not be side by side, as a library's product asks. The copies that come out are lanes of a
vector, and are put where they belong from the nearest cache.
"""

# mypy: ignore-errors
from __future__ import annotations

from functools import lru_cache

import numpy as np
from llvmlite.binding import get_host_cpu_features
from numba import njit

from equivar.kernels.convolution_lanes import fma, load, peek, spread, store

__all__ = ["loops", "width_for"]

TILE = 6
"""Rows of a product at a time: with one vector each, they fit in the registers."""

BLOCK = 96
"""Rows of features at a time: they stay in the second cache; a multiple of the tile."""


@lru_cache
def width_for(most: int, bytes_each: int) -> int:
    """How many copies make one vector: two registers, or fewer where copies are few."""
    width = (128 if get_host_cpu_features().get("avx512f") else 64) // bytes_each
    while width > 4 and width >= 2 * most:
        width //= 2
    return width


def compiled(function):
    """Compile, and keep the machine code beside this file for the next process where that works."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # there is no folder that may be written
        return njit(nogil=True)(function)


@compiled
def places(offsets, rows, dim, stride, start):
    """Where copy 0 of each row and component lies; then the last place again, for a whole tile."""
    q = 0
    for r in range(rows):
        for i in range(dim):
            offsets[q] = r * stride + start + i
            q += 1
    for extra in range(TILE):
        offsets[q + extra] = offsets[q - 1]
    return q


@lru_cache
def loops(width: int):
    """The two loops for vectors of `width` copies: the map, and the gradient of its weights."""

    @compiled
    def mix(x, y, w, scale, back, block, add):
        """Write, or add, what copies of x make of one block of y, with weights w, or w turned."""
        dim, mul_in, mul_out, start_in, start_out, row, column = block
        number = x.dtype.type
        padded = (mul_out + width - 1) // width * width
        weights = np.zeros(mul_in * padded, dtype=x.dtype)
        for u in range(mul_in):
            for v in range(mul_out):
                one = w[column + v, row + u] if back else w[row + u, column + v]
                weights[u * padded + v] = one * number(scale)
        read = np.empty(BLOCK * dim + TILE, dtype=np.int64)
        written = np.empty(BLOCK * dim + TILE, dtype=np.int64)
        lanes = np.empty(TILE * width, dtype=x.dtype)
        zero = spread(number(0), width)
        for first in range(0, x.shape[0], BLOCK):
            rows = min(BLOCK, x.shape[0] - first)
            own, into = x[first : first + rows].reshape(-1), y[first : first + rows].reshape(-1)
            count = places(read, rows, dim, x.shape[1], start_in)
            places(written, rows, dim, y.shape[1], start_out)
            for c in range(0, mul_out, width):
                some = min(width, mul_out - c)
                for q in range(0, count, TILE):
                    q0, q1, q2 = peek(read, q), peek(read, q + 1), peek(read, q + 2)
                    q3, q4, q5 = peek(read, q + 3), peek(read, q + 4), peek(read, q + 5)
                    a0, a1, a2, a3, a4, a5 = zero, zero, zero, zero, zero, zero
                    at = 0
                    for u in range(mul_in):
                        w_u = load(weights, u * padded + c, width)
                        a0 = fma(spread(peek(own, q0 + at), width), w_u, a0)
                        a1 = fma(spread(peek(own, q1 + at), width), w_u, a1)
                        a2 = fma(spread(peek(own, q2 + at), width), w_u, a2)
                        a3 = fma(spread(peek(own, q3 + at), width), w_u, a3)
                        a4 = fma(spread(peek(own, q4 + at), width), w_u, a4)
                        a5 = fma(spread(peek(own, q5 + at), width), w_u, a5)
                        at += dim
                    store(lanes, 0, a0)
                    store(lanes, width, a1)
                    store(lanes, 2 * width, a2)
                    store(lanes, 3 * width, a3)
                    store(lanes, 4 * width, a4)
                    store(lanes, 5 * width, a5)
                    for k in range(min(TILE, count - q)):
                        begin = written[q + k] + c * dim
                        copies = into[begin : begin + some * dim : dim]
                        made = lanes[k * width : k * width + some]
                        for v in range(some):
                            copies[v] = copies[v] + made[v] if add else made[v]

    @compiled
    def correlate(x, g, dw, scale, block):
        """Add to dw the sum over rows and components of each copy of x times each of g."""
        dim, mul_in, mul_out, start_in, start_out, row, column = block
        number = x.dtype.type
        padded = (mul_out + width - 1) // width * width
        sums = np.zeros((mul_in + TILE) * padded, dtype=x.dtype)
        read = np.empty(BLOCK * dim + TILE, dtype=np.int64)
        taken = np.empty(BLOCK * dim + TILE, dtype=np.int64)
        lanes = np.zeros(BLOCK * dim * width, dtype=x.dtype)
        zero = spread(number(0), width)
        for first in range(0, x.shape[0], BLOCK):
            rows = min(BLOCK, x.shape[0] - first)
            own, other = x[first : first + rows].reshape(-1), g[first : first + rows].reshape(-1)
            count = places(read, rows, dim, x.shape[1], start_in)
            places(taken, rows, dim, g.shape[1], start_out)
            for c in range(0, mul_out, width):
                some = min(width, mul_out - c)
                for q in range(count):
                    begin = taken[q] + c * dim
                    copies = other[begin : begin + some * dim : dim]
                    made = lanes[q * width : q * width + some]
                    for v in range(some):
                        made[v] = copies[v]
                    for v in range(some, width):
                        lanes[q * width + v] = 0
                for u in range(0, mul_in, TILE):
                    last = mul_in - 1 - u  # a tile at the end repeats the last copy
                    u0, u1, u2 = u * dim, (u + min(1, last)) * dim, (u + min(2, last)) * dim
                    u3, u4 = (u + min(3, last)) * dim, (u + min(4, last)) * dim
                    u5 = (u + min(5, last)) * dim
                    a0, a1, a2, a3, a4, a5 = zero, zero, zero, zero, zero, zero
                    for q in range(count):
                        here, g_q = peek(read, q), load(lanes, q * width, width)
                        a0 = fma(spread(peek(own, here + u0), width), g_q, a0)
                        a1 = fma(spread(peek(own, here + u1), width), g_q, a1)
                        a2 = fma(spread(peek(own, here + u2), width), g_q, a2)
                        a3 = fma(spread(peek(own, here + u3), width), g_q, a3)
                        a4 = fma(spread(peek(own, here + u4), width), g_q, a4)
                        a5 = fma(spread(peek(own, here + u5), width), g_q, a5)
                    one, at = spread(number(1), width), u * padded + c
                    store(sums, at, fma(one, a0, load(sums, at, width)))
                    at += padded
                    store(sums, at, fma(one, a1, load(sums, at, width)))
                    at += padded
                    store(sums, at, fma(one, a2, load(sums, at, width)))
                    at += padded
                    store(sums, at, fma(one, a3, load(sums, at, width)))
                    at += padded
                    store(sums, at, fma(one, a4, load(sums, at, width)))
                    at += padded
                    store(sums, at, fma(one, a5, load(sums, at, width)))
        for u in range(mul_in):
            for v in range(mul_out):
                dw[row + u, column + v] += sums[u * padded + v] * number(scale)

    return mix, correlate
