r"""Turning the features of edges to the pole and back, compiled by Numba.

An edge at $\theta$ from the pole, with azimuth $\varphi$, is turned there by
$R_x(-\theta)\,R_y(-\varphi)$. About y, the polar axis, a turn mixes m with -m alone. And a half
turn J about $(1, 1, 0)$ exchanges the axes x and y, so that
$R_x(-\theta) = J R_y(-\theta) J$: all turns are turns about y, with a constant matrix between them,
three quarters of whose entries are zero.
No Wigner matrix of an edge is made. At the poles the azimuth is taken to be 0; any would do.

All loops treat `WIDTH` edges at once, a row of lanes for each component of each channel.
"""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from equivar.kernels.convolution_lanes import fma, load, mul, peek, spread, store

__all__ = ["WIDTH", "torque", "turn"]

WIDTH = 32
"""Edges at a time: two AVX-512 registers of float32."""

TILE = 8
"""Edges and columns that are transposed in registers."""


def _compiled(function):
    """Compile, and keep the machine code beside this file for the next process where that works."""
    # "contract" lets a product and a sum become one instruction, which rounds once.
    try:
        return njit(nogil=True, cache=True, fastmath={"contract"})(function)
    except RuntimeError:  # there is no folder that may be written
        return njit(nogil=True, fastmath={"contract"})(function)


@intrinsic(prefer_literal=True)
def transpose(typing, source, at, step, target, to, step_to, size):
    """Write a square of `size` numbers a side into another array, transposed.

    Blocks of 1, then of 2, 4 ... are exchanged across the diagonal: two rows make two rows.
    """
    n = size.literal_value

    def build(context, builder, signature, args):
        def pointer(number, offset):
            array_type, array = signature.args[number], args[number]
            data = context.make_array(array_type)(context, builder, array).data
            vector = ir.VectorType(context.get_value_type(array_type.dtype), n)
            return builder.bitcast(builder.gep(data, [offset]), vector.as_pointer())

        def row(offset, stride, i):
            return builder.add(offset, builder.mul(stride, ir.Constant(offset.type, i)))

        align = source.dtype.bitwidth // 8
        rows = [builder.load(pointer(0, row(args[1], args[2], i)), align=align) for i in range(n)]
        block = 1
        while block < n:
            for i in (i for i in range(n) if not i & block):
                a, b = rows[i], rows[i + block]
                up = [j if not j & block else n + j - block for j in range(n)]
                for k, lanes in ((i, up), (i + block, [j + block for j in up])):
                    mask = ir.Constant(ir.VectorType(ir.IntType(32), n), lanes)
                    rows[k] = builder.shuffle_vector(a, b, mask)
            block *= 2
        for i, value in enumerate(rows):
            builder.store(value, pointer(3, row(args[4], args[5], i)), align=align)
        return context.get_dummy_value()

    arrays = types.void(source, types.intp, types.intp, target, types.intp, types.intp, size)
    return arrays, build


@_compiled
def _angles(u, e0, count, lmax, table):
    """Cosine and sine of m times the azimuth, then of m times the angle from the pole: lanes."""
    one, zero = table.dtype.type(1), table.dtype.type(0)
    of_k = (lmax + 1) * WIDTH
    if lmax == 0:
        return
    for e in range(WIDTH):
        x, y, z = zero, one, zero
        if e < count:
            x, y, z = u[e0 + e, 0], u[e0 + e, 1], u[e0 + e, 2]
        rho = np.sqrt(x * x + z * z)
        at = WIDTH + e
        table[at] = z / rho if rho > 0 else one
        table[of_k + at] = x / rho if rho > 0 else zero
        table[2 * of_k + at], table[3 * of_k + at] = y, rho
    for k in range(0, 4, 2):
        for m in range(2, lmax + 1):
            c, s = load(table, k * of_k + WIDTH, WIDTH), load(table, (k + 1) * of_k + WIDTH, WIDTH)
            at = k * of_k + (m - 1) * WIDTH
            c0, s0 = load(table, at, WIDTH), load(table, at + of_k, WIDTH)
            minus = mul(spread(-one, WIDTH), s)
            store(table, at + WIDTH, fma(c0, c, mul(s0, minus)))
            store(table, at + of_k + WIDTH, fma(s0, c, mul(c0, s)))


@_compiled
def _exchange(rows, width, start, columns, e0, count, lanes, back):
    """Columns of the features of a few edges to lanes of edges, or back."""
    whole = columns - columns % TILE if count == WIDTH else 0
    if count < WIDTH and not back:  # what stands for no edge adds nothing to a gradient
        for i in range(columns * WIDTH):
            lanes[i] = 0
    for e in range(0, WIDTH, TILE):
        for c in range(0, whole, TILE):
            at = (e0 + e) * width + start + c
            if back:
                transpose(lanes, c * WIDTH + e, WIDTH, rows, at, width, TILE)
            else:
                transpose(rows, at, width, lanes, c * WIDTH + e, WIDTH, TILE)
    for e in range(count):
        at = (e0 + e) * width + start
        for c in range(whole, columns):
            if back:
                rows[at + c] = lanes[c * WIDTH + e]
            else:
                lanes[c * WIDTH + e] = rows[at + c]


@_compiled
def _about_axis(z, at, l, table, first, sign):
    """Turn one channel about the polar axis by an angle whose cosines and sines are in a table."""
    of_k = table.shape[0] // 4
    s_sign = spread(sign, WIDTH)
    for m in range(1, l + 1):
        c = load(table, first + m * WIDTH, WIDTH)
        s = mul(s_sign, load(table, first + of_k + m * WIDTH, WIDTH))
        p, q = at + (l - m) * WIDTH, at + (l + m) * WIDTH
        minus, plus = load(z, p, WIDTH), load(z, q, WIDTH)
        store(z, p, fma(c, minus, mul(s, plus)))
        store(z, q, fma(c, plus, mul(mul(spread(z.dtype.type(-1), WIDTH), s), minus)))


@_compiled
def _mixed(starts, columns, values, row, source, at):
    """One row of a sparse matrix times the components of a channel."""
    first, last = peek(starts, row), peek(starts, row + 1)
    value = spread(peek(values, first), WIDTH)
    total = mul(value, load(source, at + peek(columns, first) * WIDTH, WIDTH))
    for k in range(first + 1, last):
        part = load(source, at + peek(columns, k) * WIDTH, WIDTH)
        total = fma(spread(peek(values, k), WIDTH), part, total)
    return total


@_compiled
def turn(rows, width, u, blocks, lmax, to_pole, from_pole, places, buffer, back):
    """Features of edges to turned channels, order by order; or back.

    Args:
        rows: features (n * width,).
        width: of the features.
        u: directions (n, 3).
        blocks: of features: channels, degree, whether stored over i, first column, first channel.
        lmax: the largest degree of them.
        to_pole: the matrices J of all degrees, sparse: starts of rows, columns, values, and where
            each degree begins among the starts; then the same with rows in the order 0, 1, -1, ...
            of the buffer, plain and over i.
        from_pole: their transposes.
        places: for each order 0, 1, -1, ...: where channel 0 would be in the buffer, and the
            numbers between two channels.
        buffer: the turned channels; for each order (channels that have it, sign, edges).
        back: which of the two.
    """
    n, orders = u.shape[0], places.shape[0]
    one, zero = buffer.dtype.type(1), buffer.dtype.type(0)
    table = np.empty(4 * (lmax + 1) * WIDTH, buffer.dtype)
    z = np.empty((2 * lmax + 1) * WIDTH, buffer.dtype)
    polar = 2 * (lmax + 1) * WIDTH
    most = 0
    for b in range(blocks.shape[0]):
        most = max(most, blocks[b, 0] * (2 * blocks[b, 1] + 1))
    lanes = np.zeros(most * WIDTH, buffer.dtype)
    starts, columns, values, begin = to_pole
    starts_back, columns_back, values_back, begin_back = from_pole
    for e0 in range(0, n, WIDTH):
        count = min(WIDTH, n - e0)
        _angles(u, e0, count, lmax, table)
        for b in range(blocks.shape[0]):
            channels, l, over_i, start, channel = blocks[b]
            d, kept = 2 * l + 1, min(2 * l + 1, orders)
            J = begin[0, l]
            if not back:
                K = begin[1 + over_i, l]
                _exchange(rows, width, start, channels * d, e0, count, lanes, False)
                for c in range(channels):
                    at = c * d * WIDTH
                    _about_axis(lanes, at, l, table, 0, -one)
                    for i in range(d):
                        store(z, i * WIDTH, _mixed(starts, columns, values, J + i, lanes, at))
                    _about_axis(z, 0, l, table, polar, -one)
                    for i in range(kept):
                        to = places[i, 0] + (channel + c) * places[i, 1] + e0
                        store(buffer, to, _mixed(starts, columns, values, K + i, z, 0))
            else:
                K = begin_back[1 + over_i, l]
                for c in range(channels):
                    at = c * d * WIDTH
                    for i in range(kept):
                        to = places[i, 0] + (channel + c) * places[i, 1] + e0
                        store(lanes, at + i * WIDTH, load(buffer, to, WIDTH))
                    for i in range(kept, d):
                        store(lanes, at + i * WIDTH, spread(zero, WIDTH))
                    for i in range(d):
                        made = _mixed(starts_back, columns_back, values_back, K + i, lanes, at)
                        store(z, i * WIDTH, made)
                    _about_axis(z, 0, l, table, polar, one)
                    for i in range(d):
                        store(lanes, at + i * WIDTH, _mixed(starts, columns, values, J + i, z, 0))
                    _about_axis(lanes, at, l, table, 0, one)
                _exchange(rows, width, start, channels * d, e0, count, lanes, True)


@_compiled
def torque(blocks, entries, factors, begin, places, left, right, n, out, sign):
    """Add sign * left . X right for the generators X about x and z, for each edge.

    Args:
        blocks: as for `turn`.
        entries: of the generators above the diagonal: axis, row and column in the order 0, 1, -1...
        factors: their values.
        begin: where the entries of each degree begin, plain and over i.
        places: as for `turn`.
        left: a buffer.
        right: another.
        n: the number of edges, a multiple of WIDTH.
        out: (2 * n,), added to.
        sign: 1 or -1.
    """
    minus = spread(left.dtype.type(-1), WIDTH)
    for e0 in range(0, n, WIDTH):
        for b in range(blocks.shape[0]):
            channels, l, over_i, _, channel = blocks[b]
            for k in range(begin[over_i, l], begin[over_i, l + 1]):
                axis, i, j = entries[k]
                if i >= places.shape[0] or j >= places.shape[0]:
                    continue
                total = spread(left.dtype.type(0), WIDTH)
                for c in range(channel, channel + channels):
                    p = places[i, 0] + c * places[i, 1] + e0
                    q = places[j, 0] + c * places[j, 1] + e0
                    total = fma(load(left, p, WIDTH), load(right, q, WIDTH), total)
                    back = mul(load(left, q, WIDTH), load(right, p, WIDTH))
                    total = fma(minus, back, total)
                at = axis * n + e0
                factor = spread(sign * factors[k], WIDTH)
                store(out, at, fma(factor, total, load(out, at, WIDTH)))
