r"""Turning the features of edges to the pole and back, compiled by Numba.

With the edge at $\theta$ from the pole and azimuth $\varphi$, the turn to the pole is
$R_x(-\theta)\,R_y(-\varphi)$. About y, the polar axis, a turn mixes m with -m alone. And a half turn
J about $(1, 1, 0)$ exchanges the axes x and y, so that $R_x(-\theta) = J R_y(-\theta) J$: all turns
are turns about y, with a constant matrix between them, three quarters of whose entries are zero.
No Wigner matrix of an edge is made. At the poles the azimuth is taken to be 0; any would do.
"""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["mix", "torque", "turn"]

LANES = 128
"""Numbers in a row that the constant matrices are applied to: channels of a few edges."""


def compiled(function):
    """Compile, and keep the machine code beside this file for the next process where that works."""
    # In a sum over channels the order is free; "contract" lets a product and a sum round once.
    flags = {"contract", "reassoc", "nsz"}
    try:
        return njit(nogil=True, cache=True, fastmath=flags)(function)
    except RuntimeError:  # there is no folder that may be written
        return njit(nogil=True, fastmath=flags)(function)


@compiled
def mix(starts, columns, values, rows, source, target, n):
    """Apply a sparse matrix to rows of n numbers."""
    for i in range(rows):
        first, last = starts[i], starts[i + 1]
        for p in range(n):
            target[i, p] = 0
        for k in range(first, last - 1, 2):
            a, b = columns[k], columns[k + 1]
            v, w = values[k], values[k + 1]
            for p in range(n):
                target[i, p] += v * source[a, p] + w * source[b, p]
        if (last - first) % 2:
            a, v = columns[last - 1], values[last - 1]
            for p in range(n):
                target[i, p] += v * source[a, p]


@compiled
def _angles(u, lmax, table):
    """Cosine and sine of m times the azimuth, then of m times the angle from the pole."""
    one = u.dtype.type(1)
    zero = u.dtype.type(0)
    for e in range(u.shape[0]):
        x, y, z = u[e, 0], u[e, 1], u[e, 2]
        rho = np.sqrt(x * x + z * z)
        if rho > 0:
            table[0, 1, e], table[1, 1, e] = z / rho, x / rho
        else:
            table[0, 1, e], table[1, 1, e] = one, zero
        table[2, 1, e], table[3, 1, e] = y, rho
        for k in (0, 2):
            c, s = table[k, 1, e], table[k + 1, 1, e]
            table[k, 0, e], table[k + 1, 0, e] = one, zero
            for m in range(2, lmax + 1):
                c0, s0 = table[k, m - 1, e], table[k + 1, m - 1, e]
                table[k, m, e] = c0 * c - s0 * s
                table[k + 1, m, e] = s0 * c + c0 * s


@compiled
def turn(rows, u, blocks, table, to_pole, from_pole, places, buffer, back):
    """Features of edges to turned channels, order by order; or back.

    Args:
        rows: features (n, width).
        u: directions (n, 3).
        blocks: of features: channels, degree, whether stored over i, first column, first channel.
        table: room for cosines and sines (4, degrees, n).
        to_pole: the matrices J of all degrees, sparse: starts of rows, columns, values, and where
            each degree begins among the starts; then the same with rows in the order 0, 1, -1, ...
            of the buffer, plain and over i.
        from_pole: their transposes.
        places: for each order 0, 1, -1, ...: where it begins in the buffer less its first channel,
            and the numbers between two edges.
        buffer: the turned channels, one matrix (edges, channels) for each order.
        back: which of the two.
    """
    n, orders = rows.shape[0], places.shape[0]
    _angles(u, table.shape[1] - 1, table)
    starts, columns, values, begin = to_pole
    starts_back, columns_back, values_back, begin_back = from_pole
    for b in range(blocks.shape[0]):
        mul, l, over_i, start, column = blocks[b]
        d, kept = 2 * l + 1, min(2 * l + 1, orders)
        group = max(1, LANES // mul)
        one, two = np.empty((d, group * mul), rows.dtype), np.empty((d, group * mul), rows.dtype)
        at = begin[0, l]
        for e0 in range(0, n, group):
            count = min(group, n - e0)
            size = count * mul
            if not back:
                _about_axis_from_rows(rows, e0, count, start, mul, l, table, one)
                mix(starts[at:], columns, values, d, one, two, size)
                _about_axis(two, count, mul, l, table, e0, False)
                mix(starts[begin[1 + over_i, l] :], columns, values, kept, two, one, size)
                for i in range(kept):
                    place, step = places[i]
                    for e in range(count):
                        to = place + (e0 + e) * step + column
                        for p in range(mul):
                            buffer[to + p] = one[i, e * mul + p]
            else:
                for i in range(kept):
                    place, step = places[i]
                    for e in range(count):
                        to = place + (e0 + e) * step + column
                        for p in range(mul):
                            one[i, e * mul + p] = buffer[to + p]
                for i in range(kept, d):
                    for p in range(size):
                        one[i, p] = 0
                mix(
                    starts_back[begin_back[1 + over_i, l] :],
                    columns_back,
                    values_back,
                    d,
                    one,
                    two,
                    size,
                )
                _about_axis(two, count, mul, l, table, e0, True)
                mix(starts[at:], columns, values, d, two, one, size)
                _about_axis_to_rows(rows, e0, count, start, mul, l, table, one)


@compiled
def _about_axis_from_rows(rows, e0, count, start, mul, l, table, out):
    """Read a block of features, channels innermost, turned about the polar axis by -azimuth."""
    d = 2 * l + 1
    for e in range(count):
        row = rows[e0 + e, start : start + mul * d]
        for u in range(mul):
            out[l, e * mul + u] = row[u * d + l]
        for m in range(1, l + 1):
            c, s = table[0, m, e0 + e], table[1, m, e0 + e]
            for u in range(mul):
                minus, plus = row[u * d + l - m], row[u * d + l + m]
                out[l - m, e * mul + u] = c * minus - s * plus
                out[l + m, e * mul + u] = c * plus + s * minus


@compiled
def _about_axis_to_rows(rows, e0, count, start, mul, l, table, source):
    """Undo `_about_axis_from_rows`."""
    d = 2 * l + 1
    for e in range(count):
        row = rows[e0 + e, start : start + mul * d]
        for u in range(mul):
            row[u * d + l] = source[l, e * mul + u]
        for m in range(1, l + 1):
            c, s = table[0, m, e0 + e], table[1, m, e0 + e]
            for u in range(mul):
                minus, plus = source[l - m, e * mul + u], source[l + m, e * mul + u]
                row[u * d + l - m] = c * minus + s * plus
                row[u * d + l + m] = c * plus - s * minus


@compiled
def _about_axis(z, count, mul, l, table, e0, back):
    """Turn about the polar axis by minus the angle from the pole, or by the angle."""
    for m in range(1, l + 1):
        for e in range(count):
            c, s = table[2, m, e0 + e], table[3, m, e0 + e]
            if back:
                s = -s
            for p in range(e * mul, e * mul + mul):
                minus, plus = z[l - m, p], z[l + m, p]
                z[l - m, p] = c * minus - s * plus
                z[l + m, p] = c * plus + s * minus


@compiled
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
        n: the number of edges.
        out: (n, 2), added to.
        sign: 1 or -1.
    """
    for b in range(blocks.shape[0]):
        mul, l, over_i, _, column = blocks[b]
        for k in range(begin[over_i, l], begin[over_i, l + 1]):
            axis, i, j = entries[k]
            if i >= places.shape[0] or j >= places.shape[0]:
                continue
            factor = sign * factors[k]
            for e in range(n):
                p = places[i, 0] + e * places[i, 1] + column
                q = places[j, 0] + e * places[j, 1] + column
                total = left.dtype.type(0)
                for u in range(mul):
                    total += left[p + u] * right[q + u] - left[q + u] * right[p + u]
                out[e, axis] += factor * total
