r"""The numbers in the recursion for spherical harmonics and in their gradient.

A harmonic of degree l and order m is $q_l^m$, which depends on the height y and the distance from
the polar axis, times the real (m >= 0) or imaginary (m < 0) part of $(z + ix)^{|m|}$.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equivar._shapes import Float
from equivar.so3 import clebsch_gordan

__all__ = ["gradient_entries", "legendre_coefficients"]


def legendre_coefficients(lmax: int) -> Float[Tensor, "2 n n"]:
    r"""The numbers of the recursion downward in m, for harmonics of component normalization.

    With $\rho^2 = x^2 + z^2$ and the polar axis y, the factor of degree l and order m is

    $$q_l^l = \text{const}, \quad
      q_l^m = a_l^m\, y\, q_l^{m+1} - b_l^m \rho^2 q_l^{m+2}.$$

    Downward is the stable direction. Near the pole $\rho^2$ is small and has small errors, where
    the textbook's recursion upward in l takes the difference of $y^2$ and $r^2$.

    Args:
        lmax: the largest degree.

    Returns:
        Tensor (2, lmax+1, lmax+1), float64: a and b at [l, m]; the constants stand in a at [l, l].

    >>> legendre_coefficients(1)[0].round(decimals=4).tolist()
    [[1.0, 0.0], [1.0, 1.7321]]

    Source:
        NIST Digital Library of Mathematical Functions, equation 14.10.1.
    """
    a = [[0.0] * (lmax + 1) for _ in range(lmax + 1)]
    b = [[0.0] * (lmax + 1) for _ in range(lmax + 1)]
    for l in range(lmax + 1):
        a[l][l] = _norm(l, l) * math.prod(range(1, 2 * l, 2))
        for m in range(l):
            steps = (l - m) * (l + m + 1)
            a[l][m] = 2 * (m + 1) / steps * _norm(l, m) / _norm(l, m + 1)
            if m + 2 <= l:
                b[l][m] = _norm(l, m) / _norm(l, m + 2) / steps
    return torch.tensor([a, b], dtype=torch.float64)


def _norm(l: int, m: int) -> float:
    ratio = math.factorial(l - m) / math.factorial(l + m)
    return math.sqrt((2 if m else 1) * (2 * l + 1) * ratio)


@cache
def gradient_entries(lmax: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    r"""The gradient of harmonics is a sparse linear map of the harmonics one degree lower.

    $\partial_a Y^l_m = \sqrt l\,(2l + 1) \sum_k C_{kam} Y^{l-1}_k$ for harmonics as polynomials.

    Args:
        lmax: the largest degree.

    Returns:
        Integers (n, 3), the columns (m, a, k) with m and k counted from degree 0, and their n
        factors. Sorted by k.

    >>> entries, factors = gradient_entries(1)  # Y^1 = sqrt(3) (x, y, z)
    >>> entries.tolist(), factors.round(4).tolist()
    ([[1, 0, 0], [2, 1, 0], [3, 2, 0]], [1.7321, 1.7321, 1.7321])
    """
    entries, factors = [np.zeros((0, 3), dtype=np.int64)], [np.zeros(0)]
    for l in range(1, lmax + 1):
        C = clebsch_gordan(l - 1, 1, l).numpy() * (math.sqrt(l) * (2 * l + 1))
        k, a, m = np.nonzero(C)
        entries.append(np.stack([m + l * l, a, k + (l - 1) ** 2], axis=-1))
        factors.append(C[k, a, m])
    return np.concatenate(entries), np.concatenate(factors)
