r"""The numbers in the recursion for spherical harmonics and in their gradient.

A harmonic of degree l and order m is $q_l^m$, which depends on the height y and the distance from
the polar axis, times the real (m >= 0) or imaginary (m < 0) part of $(z + ix)^{|m|}$.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from equivar._shapes import Float

__all__ = ["legendre_coefficients", "legendre_slopes"]


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


def legendre_slopes(lmax: int) -> Float[Tensor, "2 n n"]:
    r"""The derivatives of those factors, which are the factors of one degree less.

    $$\frac{\partial q_l^m}{\partial y} = s_l^m\, q_{l-1}^m, \qquad
      \frac{\partial q_l^m}{\partial x} = t_l^m\, x\, q_{l-1}^{m+1}, \qquad
      \frac{\partial q_l^m}{\partial z} = t_l^m\, z\, q_{l-1}^{m+1}.$$

    Args:
        lmax: the largest degree.

    Returns:
        Tensor (2, lmax+1, lmax+1), float64: s and t at [l, m], zero where there is no such factor.

    >>> legendre_slopes(1)[0].round(decimals=4).tolist()  # Y = sqrt(3) y
    [[0.0, 0.0], [1.7321, 0.0]]

    Source:
        Bigi, Fraux, Browning and Ceriotti, J. Chem. Phys. 159, 064802 (2023).
    """
    s = [[0.0] * (lmax + 1) for _ in range(lmax + 1)]
    t = [[0.0] * (lmax + 1) for _ in range(lmax + 1)]
    for l in range(1, lmax + 1):
        for m in range(l):
            s[l][m] = (l + m) * _norm(l, m) / _norm(l - 1, m)
            if m + 1 < l:
                t[l][m] = -_norm(l, m) / _norm(l - 1, m + 1)
    return torch.tensor([s, t], dtype=torch.float64)
