"""Spherical harmonics for the CPU: one loop over blocks of points, compiled by Numba.

All about a block of points stays in the nearest cache, and the innermost loops run over its points,
so that the compiler makes vector instructions of them. Import this only where Numba is: `harmonics`
does so. It is one function, so that Numba can keep what it compiled on disk.
"""

# mypy: ignore-errors
from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["loop"]

BLOCK = 32
"""Points at a time: four AVX registers of float32; a block of degree 8 takes 10 KB."""


# "contract" lets a product and a sum become one instruction, which rounds once.
@njit(nogil=True, cache=True, fastmath={"contract"})
def loop(lmax, ab, entries, factors, vectors, normalize, g, take_gradient, out):
    """Harmonics of all points, or the gradient of sum(harmonics * g) by each.

    Args:
        lmax: the largest degree to make; for the gradient, one less than that of g.
        ab: `legendre_coefficients(lmax)`, as all arrays in the dtype of the vectors.
        entries: `gradient_entries`, unused without gradient; sorted by the lower component.
        factors: likewise.
        vectors: (n, 3), contiguous.
        normalize: whether to give each the length 1 first.
        g: (n, width), contiguous; unused without gradient.
        take_gradient: which of the two.
        out: harmonics (n, (lmax+1)^2), or the gradient (n, 3).
    """
    n, dtype = len(vectors), out.dtype
    one = dtype.type(1)
    zero = dtype.type(0)
    d_Y, d_g = (lmax + 1) ** 2, g.shape[1]
    r, d = np.empty((3, BLOCK), dtype), np.empty((3, BLOCK), dtype)
    inverse, rho2 = np.empty(BLOCK, dtype), np.empty(BLOCK, dtype)
    last, before = np.empty(BLOCK, dtype), np.empty(BLOCK, dtype)
    real, imaginary = np.empty((lmax + 1, BLOCK), dtype), np.empty((lmax + 1, BLOCK), dtype)
    Y, G = np.empty((d_Y, BLOCK), dtype), np.empty((d_g, BLOCK), dtype)
    for start in range(0, n, BLOCK):
        for p in range(BLOCK):
            i = min(start + p, n - 1)  # the last block repeats its last point
            x, y, z = vectors[i, 0], vectors[i, 1], vectors[i, 2]
            length = one
            if normalize:
                squared = x * x + y * y + z * z
                length = one / np.sqrt(squared) if squared > 0 else zero
            inverse[p] = length
            r[0, p], r[1, p], r[2, p] = x * length, y * length, z * length
        for p in range(BLOCK):
            real[0, p], imaginary[0, p] = one, zero
            rho2[p] = r[0, p] * r[0, p] + r[2, p] * r[2, p]
        for m in range(lmax):  # of (z + ix)^m
            for p in range(BLOCK):
                real[m + 1, p] = r[2, p] * real[m, p] - r[0, p] * imaginary[m, p]
                imaginary[m + 1, p] = r[2, p] * imaginary[m, p] + r[0, p] * real[m, p]
        for l in range(lmax + 1):
            center = l * l + l
            a, b = ab[0, l, l], zero
            for p in range(BLOCK):
                last[p], before[p] = a, zero
                Y[center - l, p] = a * imaginary[l, p]
                Y[center + l, p] = a * real[l, p]
            for m in range(l - 1, -1, -1):
                a, b = ab[0, l, m], ab[1, l, m]
                for p in range(BLOCK):
                    q = a * (r[1, p] * last[p]) - b * (rho2[p] * before[p])
                    before[p], last[p] = last[p], q
                    Y[center - m, p] = q * imaginary[m, p]
                    Y[center + m, p] = q * real[m, p]
        end = min(BLOCK, n - start)
        if not take_gradient:
            for p in range(end):
                for i in range(d_Y):
                    out[start + p, i] = Y[i, p]
            continue
        for p in range(end):
            for i in range(d_g):
                G[i, p] = g[start + p, i]
        for p in range(end, BLOCK):
            for i in range(d_g):
                G[i, p] = zero
        for p in range(BLOCK):
            d[0, p], d[1, p], d[2, p] = zero, zero, zero
        for e in range(len(factors)):
            m, a, k, factor = entries[e, 0], entries[e, 1], entries[e, 2], factors[e]
            for p in range(BLOCK):
                d[a, p] += factor * (G[m, p] * Y[k, p])
        if normalize:  # what points outward does not turn the direction
            for p in range(BLOCK):
                outward = d[0, p] * r[0, p] + d[1, p] * r[1, p] + d[2, p] * r[2, p]
                for a in range(3):
                    d[a, p] = (d[a, p] - outward * r[a, p]) * inverse[p]
        for p in range(end):
            for a in range(3):
                out[start + p, a] = d[a, p]
