"""Mixed copies on a CPU: loops that turn blocks while they multiply. `mixing` imports it.

A matrix product broadcasts numbers of its left side, and may take them from anywhere: so components
need not be side by side, as a library's product asks. The copies that come out are lanes of a
vector, and are put where they belong from the nearest cache.
"""

# mypy: ignore-errors
from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from equivar.kernels.convolution_lanes import fma, load, peek, spread, store
from equivar.kernels.convolution_loops import compiled
from equivar.kernels.mixing_plan import Pair

__all__ = ["loops", "pack", "table_of", "unpack"]

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


@intrinsic
def fetch(typing, array, start):
    """Ask for the number at `start` to be in the second cache soon; it need not exist."""

    def build(context, builder, signature, args):
        data = context.make_array(array)(context, builder, args[0]).data
        pointer = builder.bitcast(builder.gep(data, [args[1]]), ir.IntType(8).as_pointer())
        kinds = [ir.IntType(32)(n) for n in (0, 2, 1)]  # to be read; the second cache; data
        signature = ir.FunctionType(ir.VoidType(), [a.type for a in (pointer, *kinds)])
        function = cgutils.get_or_insert_function(builder.module, signature, "llvm.prefetch.p0")
        builder.call(function, [pointer, *kinds])
        return context.get_dummy_value()

    return types.void(array, types.intp), build


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


@compiled
def pack(w, scale, back, row, column, mul_in, mul_out, at, padded, packed):
    """Write a part of a matrix, or of its transpose, with rows of a whole number of vectors."""
    for u in range(mul_in):
        for v in range(mul_out):
            one = w[column + v, row + u] if back else w[row + u, column + v]
            packed[at + u * padded + v] = one * packed.dtype.type(scale)


@compiled
def unpack(w, scale, row, column, mul_in, mul_out, at, padded, packed):
    """Add to a part of a matrix, from rows of a whole number of vectors."""
    for u in range(mul_in):
        for v in range(mul_out):
            w[row + u, column + v] += packed[at + u * padded + v] * packed.dtype.type(scale)


@compiled
def fetch_ahead(block, step, steps, size):
    """Ask for one of `steps` parts of what follows a block, so that nobody waits for it later.

    Without it memory and arithmetic take turns: each row is read once, a little from each of its
    parts, which no CPU foresees.
    """
    line = 64 // block.itemsize
    part = size // (line * steps) + 1
    for n in range(step * part, (step + 1) * part):
        fetch(block, block.shape[0] + n * line)


@compiled
def count_steps(table, width, tile):
    """Tiles of a whole block, over all pairs."""
    steps = 1
    for p in range(table.shape[0]):
        steps += BLOCK * table[p, 0] // tile * ((table[p, 2] + width - 1) // width)
    return steps


@lru_cache
def loops(width: int):
    """The two loops for vectors of `width` copies: the map, and the gradient of its weights.

    Both read a table with a line for each pair of blocks: 2l + 1, copies in and out, the first
    columns in x and in y, where its matrix is packed, and whether something is written already.
    """

    @compiled
    def mix(x, y, packed, table):
        """Write what copies of x make of y."""
        longest = BLOCK * table[:, 0].max() + TILE
        read, written = np.empty(longest, dtype=np.int64), np.empty(longest, dtype=np.int64)
        lanes = np.empty(TILE * width, dtype=x.dtype)
        steps = count_steps(table, width, TILE)
        zero = spread(x.dtype.type(0), width)
        for first in range(0, x.shape[0], BLOCK):
            rows = min(BLOCK, x.shape[0] - first)
            own, into = x[first : first + rows].reshape(-1), y[first : first + rows].reshape(-1)
            step = 0
            for p in range(table.shape[0]):
                dim, mul_in, mul_out, start_in, start_out, place, add = table[p]
                padded = (mul_out + width - 1) // width * width
                count = places(read, rows, dim, x.shape[1], start_in)
                places(written, rows, dim, y.shape[1], start_out)
                for c in range(0, mul_out, width):
                    some = min(width, mul_out - c)
                    for q in range(0, count, TILE):
                        q0, q1, q2 = peek(read, q), peek(read, q + 1), peek(read, q + 2)
                        q3, q4, q5 = peek(read, q + 3), peek(read, q + 4), peek(read, q + 5)
                        a0, a1, a2, a3, a4, a5 = zero, zero, zero, zero, zero, zero
                        at = 0
                        fetch_ahead(own, step, steps, BLOCK * x.shape[1])
                        fetch_ahead(into, step, steps, BLOCK * y.shape[1])
                        step += 1
                        for u in range(mul_in):
                            w_u = load(packed, place + u * padded + c, width)
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
                            if add:
                                for v in range(some):
                                    copies[v] += made[v]
                            else:
                                for v in range(some):
                                    copies[v] = made[v]

    @compiled
    def correlate(x, g, packed, table):
        """Add up, over rows and components, each copy of x times each of g."""
        longest = BLOCK * table[:, 0].max() + TILE
        read, taken = np.empty(longest, dtype=np.int64), np.empty(longest, dtype=np.int64)
        lanes = np.zeros(longest * width, dtype=x.dtype)
        steps = count_steps(table, width, 1)
        zero, one = spread(x.dtype.type(0), width), spread(x.dtype.type(1), width)
        for first in range(0, x.shape[0], BLOCK):
            rows = min(BLOCK, x.shape[0] - first)
            own, other = x[first : first + rows].reshape(-1), g[first : first + rows].reshape(-1)
            step = 0
            for p in range(table.shape[0]):
                dim, mul_in, mul_out, start_in, start_out, place, _ = table[p]
                padded = (mul_out + width - 1) // width * width
                count = places(read, rows, dim, x.shape[1], start_in)
                places(taken, rows, dim, g.shape[1], start_out)
                for c in range(0, mul_out, width):
                    some = min(width, mul_out - c)
                    for q in range(count):
                        begin = taken[q] + c * dim
                        fetch_ahead(own, step, steps, BLOCK * x.shape[1])
                        fetch_ahead(other, step, steps, BLOCK * g.shape[1])
                        step += 1
                        copies = other[begin : begin + some * dim : dim]
                        made = lanes[q * width : q * width + some]
                        for v in range(some):
                            made[v] = copies[v]
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
                        at = place + u * padded + c
                        store(packed, at, fma(one, a0, load(packed, at, width)))
                        at += padded
                        store(packed, at, fma(one, a1, load(packed, at, width)))
                        at += padded
                        store(packed, at, fma(one, a2, load(packed, at, width)))
                        at += padded
                        store(packed, at, fma(one, a3, load(packed, at, width)))
                        at += padded
                        store(packed, at, fma(one, a4, load(packed, at, width)))
                        at += padded
                        store(packed, at, fma(one, a5, load(packed, at, width)))

    return mix, correlate


class Table(NamedTuple):
    """Numbers that both loops read, for one way of a plan."""

    width: int
    lines: np.ndarray
    size: int  # of all packed matrices
    parts: tuple[tuple[int, int, int, int, int, int, int], ...]
    """For each pair: the matrix, its row, column, copies in and out; where it is packed; the
    length of a packed row."""


@lru_cache(maxsize=1024)
def table_of(pairs: tuple[Pair, ...], bytes_each: int) -> Table:
    """Lay the packed matrices out."""
    width = width_for(max(p.block[2] for p in pairs), bytes_each)
    lines, parts, size = [], [], 0
    for p in pairs:
        dim, mul_in, mul_out, start_in, start_out, row, column = p.block
        padded = (mul_out + width - 1) // width * width
        lines.append((dim, mul_in, mul_out, start_in, start_out, size, p.add))
        parts.append((p.weight, row, column, mul_in, mul_out, size, padded))
        size += (mul_in + TILE) * padded  # a tile may write past the end
    return Table(width, np.array(lines, dtype=np.int64), size, tuple(parts))
