"""Spherical harmonics for the CPU, compiled by Numba: a block of points at a time.

A block is as many points as a vector register takes numbers, so that every line of the loops is one
instruction for all of them, and all about a block stays in the nearest cache. Import this only
where Numba is: `harmonics` does so.
"""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from equivar._kept import kept
from equivar.kernels.convolution_lanes import fma, load, mul, spread, store
from equivar.kernels.convolution_loops import compiled
from equivar.kernels.harmonics_lanes import inverse_root
from equivar.kernels.harmonics_tables import legendre_coefficients, legendre_slopes
from equivar.kernels.transpose_numba import WIDTH, turn_tile

__all__ = ["gradient", "values"]


def values(v: Tensor, lmax: int, normalize: bool) -> Tensor:
    """Harmonics of all points. Arguments as `harmonics` has them, on the CPU.

    Args:
        v: (n, 3), float32 or float64.
        lmax: the largest degree.
        normalize: whether to divide by the length first.

    Returns:
        Tensor (n, (lmax+1)^2).
    """
    n, points = len(v), _padded(v, len(v))
    Y = points.new_empty(len(points), (lmax + 1) ** 2)
    _values(lmax, _tables(lmax, v.dtype)[0], _flat(points), normalize, _flat(Y))
    return Y[:n]


def gradient(v: Tensor, g: Tensor, lmax: int, normalize: bool) -> Tensor:
    """The gradient of sum(harmonics * g) by the points.

    Args:
        v: (n, 3), float32 or float64.
        g: (n, (lmax+1)^2), in the dtype of v.
        lmax: the largest degree.
        normalize: whether to divide by the length first.

    Returns:
        Tensor (n, 3).
    """
    n, points, weights = len(v), _padded(v, len(v)), _padded(g, len(v))
    out = points.new_empty(len(points), 3)
    tables = _tables(lmax, v.dtype)
    _gradient(lmax, *tables, _flat(points), normalize, _flat(weights), _flat(out))
    return out[:n]


def _padded(t: Tensor, n: int) -> Tensor:
    """At least a block of rows: the loops have no other way to do the last few points."""
    t = t.detach()
    return t if n == 0 or n >= WIDTH else torch.cat([t, t.new_zeros(WIDTH - n, t.shape[1])])


def _flat(t: Tensor):
    return t.contiguous().reshape(-1).numpy()


@kept
def _tables(lmax: int, dtype: torch.dtype):
    tables = legendre_coefficients(lmax), legendre_slopes(lmax)
    return tuple(table.to(dtype).numpy() for table in tables)


# Below, arrays are flat, and a row is WIDTH numbers, one for each point of a block.


@compiled
def _place(vectors, start, normalize, r):
    """Rows x, y, z of a block of points, and one over their lengths."""
    for p in range(WIDTH):
        for a in range(3):
            r[a * WIDTH + p] = vectors[3 * (start + p) + a]
    store(r, 3 * WIDTH, spread(r.dtype.type(1), WIDTH))
    if normalize:
        x, y, z = load(r, 0, WIDTH), load(r, WIDTH, WIDTH), load(r, 2 * WIDTH, WIDTH)
        inverse = inverse_root(fma(x, x, fma(y, y, mul(z, z))))
        store(r, 0, mul(x, inverse))
        store(r, WIDTH, mul(y, inverse))
        store(r, 2 * WIDTH, mul(z, inverse))
        store(r, 3 * WIDTH, inverse)


@compiled
def _factors(lmax, ab, r, q, real, imaginary):
    """What harmonics are products of: q, a row for each (l, m >= 0), and powers of z + ix."""
    zero, one = spread(r.dtype.type(0), WIDTH), spread(r.dtype.type(1), WIDTH)
    minus = spread(r.dtype.type(-1), WIDTH)
    x, y, z = load(r, 0, WIDTH), load(r, WIDTH, WIDTH), load(r, 2 * WIDTH, WIDTH)
    minus_x = mul(minus, x)
    minus_rho2 = mul(minus, fma(x, x, mul(z, z)))
    re, im = one, zero
    store(real, 0, re)
    store(imaginary, 0, im)
    for m in range(1, lmax + 1):
        re, im = fma(z, re, mul(minus_x, im)), fma(z, im, mul(x, re))
        store(real, m * WIDTH, re)
        store(imaginary, m * WIDTH, im)
    for l in range(lmax + 1):
        row = l * (l + 1) // 2
        last, before = spread(ab[0, l, l], WIDTH), zero
        store(q, (row + l) * WIDTH, last)
        for m in range(l - 1, -1, -1):
            a, b = spread(ab[0, l, m], WIDTH), spread(ab[1, l, m], WIDTH)
            last, before = fma(mul(a, y), last, mul(mul(b, minus_rho2), before)), last
            store(q, (row + m) * WIDTH, last)


@compiled
def _copy(source, start, target, to, count):
    for i in range(0, count, WIDTH):
        store(target, to + i, load(source, start + i, WIDTH))


@compiled
def _values(lmax, ab, vectors, normalize, out):
    n, d, dtype = len(vectors) // 3, (lmax + 1) ** 2, vectors.dtype
    r, q = np.empty(4 * WIDTH, dtype), np.empty((lmax + 1) * (lmax + 2) // 2 * WIDTH, dtype)
    real, imaginary = np.empty((lmax + 1) * WIDTH, dtype), np.empty((lmax + 1) * WIDTH, dtype)
    # A tile may be larger than what there is: room for whatever it takes along.
    Y, turned = np.zeros((d + WIDTH) * WIDTH, dtype), np.empty((d + WIDTH) * WIDTH, dtype)
    for begin in range(0, n, WIDTH):
        start = min(begin, n - WIDTH)  # the last block overlaps the one before
        _place(vectors, start, normalize, r)
        _factors(lmax, ab, r, q, real, imaginary)
        for l in range(lmax + 1):
            row, center = l * (l + 1) // 2, (l * l + l) * WIDTH
            for m in range(l + 1):
                q_lm = load(q, (row + m) * WIDTH, WIDTH)
                store(Y, center - m * WIDTH, mul(q_lm, load(imaginary, m * WIDTH, WIDTH)))
                store(Y, center + m * WIDTH, mul(q_lm, load(real, m * WIDTH, WIDTH)))
        for i in range(0, d, WIDTH):  # likewise: what one row of a tile spoils, the next mends
            i = max(min(i, d - WIDTH), 0)
            turn_tile(Y, i * WIDTH, WIDTH, turned, i, d)
        _copy(turned, 0, out, start * d, WIDTH * d)  # memory likes one stream


@compiled
def _gradient(lmax, ab, slopes, vectors, normalize, g, out):
    n, d, dtype = len(vectors) // 3, (lmax + 1) ** 2, vectors.dtype
    r, q = np.empty(4 * WIDTH, dtype), np.empty((lmax + 1) * (lmax + 2) // 2 * WIDTH, dtype)
    real, imaginary = np.empty((lmax + 1) * WIDTH, dtype), np.empty((lmax + 1) * WIDTH, dtype)
    G, turned = np.empty((d + WIDTH) * WIDTH, dtype), np.zeros((d + WIDTH) * WIDTH, dtype)
    zero, minus = spread(dtype.type(0), WIDTH), spread(dtype.type(-1), WIDTH)
    for begin in range(0, n, WIDTH):
        start = min(begin, n - WIDTH)
        _place(vectors, start, normalize, r)
        _factors(lmax, ab, r, q, real, imaginary)
        _copy(g, start * d, turned, 0, WIDTH * d)
        for i in range(0, d, WIDTH):
            i = max(min(i, d - WIDTH), 0)
            turn_tile(turned, i, d, G, i * WIDTH, WIDTH)
        by_x = by_y = by_z = by_rho = zero
        for m in range(lmax + 1):
            re, im = load(real, m * WIDTH, WIDTH), load(imaginary, m * WIDTH, WIDTH)
            by_re = by_im = zero
            for l in range(max(m, 1), lmax + 1):
                row, center = (l * (l + 1) // 2 + m) * WIDTH, (l * l + l) * WIDTH
                g_re = load(G, center + m * WIDTH, WIDTH)
                g_im = load(G, center - m * WIDTH, WIDTH)
                q_lm = load(q, row, WIDTH)
                by_re, by_im = fma(g_re, q_lm, by_re), fma(g_im, q_lm, by_im)
                by_q = fma(g_re, re, mul(g_im, im))
                below = row - l * WIDTH  # the same order, one degree less
                if m < l:
                    slope = mul(spread(slopes[0, l, m], WIDTH), load(q, below, WIDTH))
                    by_y = fma(slope, by_q, by_y)
                if m + 1 < l:
                    slope = mul(spread(slopes[1, l, m], WIDTH), load(q, below + WIDTH, WIDTH))
                    by_rho = fma(slope, by_q, by_rho)
            if m > 0:  # a power's derivative is m times the power below
                times = spread(dtype.type(m), WIDTH)
                by_re, by_im = mul(times, by_re), mul(times, by_im)
                re, im = load(real, (m - 1) * WIDTH, WIDTH), load(imaginary, (m - 1) * WIDTH, WIDTH)
                by_z = fma(by_re, re, fma(by_im, im, by_z))
                by_x = fma(by_im, re, fma(mul(minus, by_re), im, by_x))
        x, y, z = load(r, 0, WIDTH), load(r, WIDTH, WIDTH), load(r, 2 * WIDTH, WIDTH)
        by_x, by_z = fma(by_rho, x, by_x), fma(by_rho, z, by_z)
        if normalize:  # what points outward does not turn the direction
            inward = mul(minus, fma(by_x, x, fma(by_y, y, mul(by_z, z))))
            inverse = load(r, 3 * WIDTH, WIDTH)
            by_x = mul(fma(inward, x, by_x), inverse)
            by_y = mul(fma(inward, y, by_y), inverse)
            by_z = mul(fma(inward, z, by_z), inverse)
        store(r, 0, by_x)
        store(r, WIDTH, by_y)
        store(r, 2 * WIDTH, by_z)
        for p in range(WIDTH):
            for a in range(3):
                out[3 * (start + p) + a] = r[a * WIDTH + p]
