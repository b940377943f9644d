r"""The numbers in the recursion for Wigner D matrices, and where each entry of a matrix comes from.

A pair of orders M >= m >= 0 belongs to two blocks of each matrix: rows +-M with columns +-m, and
rows +-m with columns +-M. `wigner` says what stands in them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from equivar._shapes import Float, Int

__all__ = ["entry_order", "order_pairs", "recursion"]


def recursion(lmax: int) -> Float[Tensor, "n n n 3"]:
    r"""The numbers of the recursion upward in l for both factors P and Q of a pair of orders.

    $P_l = (\alpha y + \beta) P_{l-1} - \gamma P_{l-2}$ from the constant $P_M$ on, and Q the same
    with $-\beta$. Up to a factor these are Jacobi polynomials of degree l - M.

    Args:
        lmax: the largest degree.

    Returns:
        Tensor (lmax+1, lmax+1, lmax+1, 3), float64: alpha, beta and gamma at [M, m, l]; the
        constant stands in alpha at [M, m, M].

    >>> recursion(2)[0, 0].round(decimals=4).tolist()  # Legendre's: 1, y, (3 y y - 1) / 2
    [[0.5, 0.0, 0.0], [1.0, 0.0, 0.0], [1.5, 0.0, 0.5]]

    Source:
        NIST Digital Library of Mathematical Functions, equation 18.9.2, for Jacobi polynomials;
        Varshalovich, Quantum Theory of Angular Momentum, section 4.3.4, for their factor.
    """
    n = lmax + 1
    table = [[[[0.0, 0.0, 0.0] for _ in range(n)] for _ in range(n)] for _ in range(n)]
    for M in range(n):
        for m in range(M + 1):
            # The order zero has no sine, so that its cosine comes without the factor sqrt(2).
            table[M][m][M][0] = _size(M, M, m) / math.sqrt(2) ** ((M == 0) + (m == 0))
            for l in range(M + 1, n):
                steps = (l - M) * (l + M)
                once = _size(l, M, m) / _size(l - 1, M, m)
                table[M][m][l][0] = (2 * l - 1) * l / steps * once
                if m:
                    table[M][m][l][1] = -(2 * l - 1) * M * m / ((l - 1) * steps) * once
                if l > M + 1:
                    twice = _size(l, M, m) / _size(l - 2, M, m)
                    back = l * (l - 1 - m) * (l - 1 + m)
                    table[M][m][l][2] = back / ((l - 1) * steps) * twice
    return torch.tensor(table, dtype=torch.float64)


def _size(l: int, M: int, m: int) -> float:
    f = math.factorial
    return math.sqrt(f(l + M) * f(l - M) / (f(l + m) * f(l - m)))


def order_pairs(lmax: int) -> Int[Tensor, "2 n"]:
    """All pairs M >= m >= 0 of orders up to lmax, ascending in M.

    >>> order_pairs(1).tolist()
    [[0, 1, 1], [0, 0, 1]]
    """
    return torch.tensor([(M, m) for M in range(lmax + 1) for m in range(M + 1)]).T


def entry_order(l: int) -> Int[Tensor, " n"]:
    """For each entry of the matrix of degree l, its place among (pair, block, sign).

    Signs are cosine with cosine, sine with sine, sine with cosine, cosine with sine, the row's
    first.

    >>> entry_order(0).tolist()  # the first block of the only pair: cosine with cosine
    [0]
    """
    order = []
    for row in range(-l, l + 1):
        for column in range(-l, l + 1):
            M, m = max(abs(row), abs(column)), min(abs(row), abs(column))
            sign = {(1, 1): 0, (0, 0): 1, (0, 1): 2, (1, 0): 3}[row >= 0, column >= 0]
            order.append(8 * (M * (M + 1) // 2 + m) + 4 * (abs(row) < abs(column)) + sign)
    return torch.tensor(order)
