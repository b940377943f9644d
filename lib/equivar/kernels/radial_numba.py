r"""Derivatives of the radial features, order by order: what `radial` runs on a CPU.

With x = pi d / c, they are $\pi \sqrt{1/2}\; k\, j_0(k x)\, u(d)$, and $j_0(y) = \sin y / y$ solves
$y j'' + 2 j' + y j = 0$. So its derivatives follow from its values, one after the other; near zero,
where that divides by zero, from its series.
"""

# mypy: ignore-errors
from __future__ import annotations

import math

from numba import njit

__all__ = ["fill"]

NEAR = 0.5
TERMS = 9
COEFFICIENTS = tuple((-1) ** i / math.factorial(2 * i + 1) for i in range(TERMS))


def compiled(function):
    """Compile, and keep the machine code beside this file for the next process where that works."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # there is no folder that may be written
        return njit(nogil=True)(function)


@compiled
def series(y):
    """The value of j_0 and its three derivatives near zero."""
    q = y * y
    j0, j1, j2, j3 = 0.0, 0.0, 0.0, 0.0
    for i in range(TERMS - 1, -1, -1):
        m, a = 2 * i, COEFFICIENTS[i]
        j0 = j0 * q + a
        if i > 0:
            j1 = j1 * q + a * m
            j2 = j2 * q + a * m * (m - 1)
        if i > 1:
            j3 = j3 * q + a * m * (m - 1) * (m - 2)
    return j0, j1 * y, j2, j3 * y


@compiled
def fill(distances, table, order, cutoff):
    """Write the derivatives of one order, 0 to 3, with respect to the distance."""
    n = table.shape[1]
    unit = math.pi / cutoff
    scale = math.sqrt(2 / cutoff) * unit * cutoff**1.5 / 2
    for e in range(len(distances)):
        d = float(distances[e])
        if d >= cutoff:
            table[e] = 0
            continue
        t = d / cutoff
        t3 = t * t * t
        u0 = 1 - t3 * t3 * (28 - t * (48 - 21 * t))
        u1 = -168 * t3 * t * t * (1 - t) * (1 - t) / cutoff
        u2 = -168 * t3 * t * (1 - t) * (5 - 7 * t) / cutoff**2
        u3 = -168 * t3 * (20 - t * (60 - 42 * t)) / cutoff**3
        x = d * unit
        sine, cosine = math.sin(x), math.cos(x)
        s, c = 0.0, 1.0
        for k in range(1, n + 1):
            s, c = s * cosine + c * sine, c * cosine - s * sine
            y, w = k * x, k * unit
            if y < NEAR:
                j0, j1, j2, j3 = series(y)
            else:
                over = 1 / y
                j0 = s * over
                j1 = (c - j0) * over
                j2 = -j0 - 2 * j1 * over
                j3 = -(3 * j2 + j0) * over - j1
            j1, j2, j3 = j1 * w, j2 * w * w, j3 * w * w * w
            if order == 0:
                f = j0 * u0
            elif order == 1:
                f = j1 * u0 + j0 * u1
            elif order == 2:
                f = j2 * u0 + 2 * j1 * u1 + j0 * u2
            else:
                f = j3 * u0 + 3 * (j2 * u1 + j1 * u2) + j0 * u3
            table[e, k - 1] = scale * k * f
