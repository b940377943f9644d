"""Wigner D matrices for the CPU: sixteen rotations at a time, one in each lane, compiled by Numba.

What the recursion needs stays in registers. Entries are made with the rotations side by side, and
turned around, sixteen by sixteen, when a block is done. Import this only where Numba is: `wigner`
does so.
"""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np
from numba import njit

from equivar.kernels.convolution_lanes import fma, load, mul, peek, spread, store
from equivar.kernels.transpose_numba import WIDTH, turn_tile

__all__ = ["matrices", "slopes"]


def compiled(function):
    """Compile, and keep the machine code beside this file for the next process where that works."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # there is no folder that may be written
        return njit(nogil=True)(function)


@compiled
def lanes_to_rows(block, first, rows, start, size, count):
    """Numbers (size, WIDTH) of a block to rows (count, size)."""
    done = size - size % WIDTH if count == WIDTH else 0
    for i in range(0, done, WIDTH):
        turn_tile(block, (first + i) * WIDTH, WIDTH, rows, start + i, size)
    for i in range(done, size):
        for p in range(count):
            rows[start + p * size + i] = block[(first + i) * WIDTH + p]


@compiled
def rows_to_lanes(rows, start, size, count, block):
    """Rows (count, size) to numbers (size, WIDTH) of a block."""
    done = size - size % WIDTH if count == WIDTH else 0
    for i in range(0, done, WIDTH):
        turn_tile(rows, start + i, size, block, i * WIDTH, WIDTH)
    for i in range(done, size):
        for p in range(count):
            block[i * WIDTH + p] = rows[start + p * size + i]


@compiled
def start_powers(R, start, powers, y, sign):
    """Powers 0 and 1 of the four factors, R_yy, and the determinant of each rotation of a block."""
    one, half = y.dtype.type(1), y.dtype.type(0.5)
    for p in range(WIDTH):
        # The last block repeats its last rotation.
        xx, xy, xz, yx, yy, yz, zx, zy, zz = R[min(start + p, len(R) - 1)]
        det = xx * (yy * zz - yz * zy) - xy * (yx * zz - yz * zx) + xz * (yx * zy - yy * zx)
        y[p], sign[p] = yy, one if det > 0 else -one
        for c in range(8):
            powers[0, c, p] = 1 - c % 2
        powers[1, 0, p], powers[1, 1, p] = half * (zz + xx), half * (xz - zx)
        powers[1, 2, p], powers[1, 3, p] = half * (zz - xx), half * (xz + zx)
        powers[1, 4, p], powers[1, 5, p] = half * zy, half * xy
        powers[1, 6, p], powers[1, 7, p] = half * yz, -half * yx


@compiled
def factor(powers, m, c):
    """Real and imaginary part of power m of factor c: A, B, C, E."""
    place = (8 * m + 2 * c) * WIDTH
    return load(powers, place, WIDTH), load(powers, place + WIDTH, WIDTH)


@compiled
def product(a, b, minus):
    """Of two complex numbers, real and imaginary part."""
    return fma(a[0], b[0], mul(minus, mul(a[1], b[1]))), fma(a[0], b[1], mul(a[1], b[0]))


@compiled
def put(block, middle, row, column, Pa, Qb, minus):
    """Four entries: rows +-row and columns +-column, from two complex numbers times P and Q.

    Of the order zero there is the cosine alone. It is written last, over its sine.
    """
    P, (a_re, a_im), Q, (b_re, b_im) = Pa[0], Pa[1], Qb[0], Qb[1]
    store(block, middle - row - column, fma(P, a_re, mul(minus, mul(Q, b_re))))
    store(block, middle - row + column, fma(P, a_im, mul(Q, b_im)))
    store(block, middle + row - column, fma(Q, b_im, mul(minus, mul(P, a_im))))
    store(block, middle + row + column, fma(P, a_re, mul(Q, b_re)))


@compiled
def matrices(lmax, table, R, out):
    """The matrices of all rotations.

    Args:
        lmax: the largest degree.
        table: `recursion`, flat; as all arrays in the dtype of R.
        R: (n, 9), contiguous.
        out: flat: all matrices of degree 0, then all of degree 1, and so on.
    """
    n, dtype, w, d = len(R), out.dtype, WIDTH, lmax + 1
    one = spread(dtype.type(1), WIDTH)
    zero, minus = spread(dtype.type(0), WIDTH), spread(dtype.type(-1), WIDTH)
    y, sign = np.empty(WIDTH, dtype), np.empty(WIDTH, dtype)
    powers = np.empty((max(d, 2), 8, WIDTH), dtype)
    flat = powers.reshape(-1)
    block = np.empty(d * (2 * lmax + 1) * (2 * lmax + 3) // 3 * WIDTH, dtype)
    for start in range(0, n, WIDTH):
        start_powers(R, start, powers, y, sign)
        for m in range(2, d):
            for c in range(4):
                re, im = product(factor(flat, m - 1, c), factor(flat, 1, c), minus)
                store(flat, (8 * m + 2 * c) * w, re)
                store(flat, (8 * m + 2 * c + 1) * w, im)
        height, det = load(y, 0, WIDTH), load(sign, 0, WIDTH)
        for M in range(d):
            for m in range(M + 1):
                A, B = factor(flat, m, 0), factor(flat, m, 1)
                C, E = factor(flat, M - m, 2), factor(flat, M - m, 3)
                AC, BC, AE = product(A, C, minus), product(B, C, minus), product(A, E, minus)
                BE = product(B, (E[0], mul(minus, E[1])), minus)
                place = 3 * d * (d * M + m)
                P, P_before, Q_before = spread(peek(table, place + 3 * M), WIDTH), zero, zero
                Q = P
                for l in range(M, d):
                    if l > M:
                        slope = mul(spread(peek(table, place + 3 * l), WIDTH), height)
                        shift = mul(spread(peek(table, place + 3 * l + 1), WIDTH), det)
                        back = spread(-peek(table, place + 3 * l + 2), WIDTH)
                        P_next = fma(fma(one, slope, shift), P, mul(back, P_before))
                        Q_next = fma(fma(minus, shift, slope), Q, mul(back, Q_before))
                        P, P_before, Q, Q_before = P_next, P, Q_next, Q
                    size = 2 * l + 1
                    middle = (l * (4 * l * l - 1) // 3 + l * size + l) * w
                    put(block, middle, M * size * w, m * w, (P, AC), (Q, BC), minus)
                    put(block, middle, m * size * w, M * w, (P, AE), (Q, BE), minus)
        for l in range(d):
            first, size = l * (4 * l * l - 1) // 3, (2 * l + 1) ** 2
            count = min(WIDTH, n - start)
            lanes_to_rows(block, first, out, n * first + start * size, size, count)


@compiled
def slopes(d, places, factors, D, g, out):
    """How sum(D * g) changes when each rotation is turned further about x, y and z.

    Args:
        d: the size of the matrices.
        places: of the generators' entries, (n_entries, 3): axis, row, column.
        factors: the entries, (n_entries,); as all arrays in the dtype of D.
        D: the matrices of n rotations, flat.
        g: likewise.
        out: (n, 3).
    """
    w = WIDTH
    D_block, g_block = np.empty(d * d * WIDTH, D.dtype), np.empty(d * d * WIDTH, D.dtype)
    sums = np.empty((3, WIDTH), D.dtype)
    flat = sums.reshape(-1)
    for start in range(0, len(out), WIDTH):
        count = min(WIDTH, len(out) - start)
        rows_to_lanes(D, start * d * d, d * d, count, D_block)
        rows_to_lanes(g, start * d * d, d * d, count, g_block)
        sums[:] = 0
        for e in range(len(factors)):
            axis, row, column = places[e, 0], places[e, 1] * d, places[e, 2] * d
            dot = spread(D.dtype.type(0), WIDTH)
            for j in range(d):
                g_j = load(g_block, (row + j) * w, WIDTH)
                dot = fma(g_j, load(D_block, (column + j) * w, WIDTH), dot)
            factor = spread(peek(factors, e), WIDTH)
            store(flat, axis * w, fma(factor, dot, load(flat, axis * w, WIDTH)))
        for p in range(count):
            for axis in range(3):
                out[start + p, axis] = sums[axis, p]
