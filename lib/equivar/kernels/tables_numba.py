"""Passes over n x n tables in compiled loops. Import it only where Numba is: `tables` does so."""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from numba import njit

__all__ = ["add_ends", "sum_ends"]


@njit(cache=True, nogil=True)
@no_type_check  # a checked function is a closure, which Numba can neither compile nor keep
def sum_ends(x: np.ndarray, out: np.ndarray) -> None:
    """Diagonal, sums of rows and sums of columns of each table, in one pass.

    Args:
        x: (batch, n, n, c), contiguous.
        out: (batch, n, 3, c), contiguous; it is written over.
    """
    out[:] = 0
    n, width = x.shape[1], x.shape[3]
    for k in range(x.shape[0]):
        for i in range(n):
            for u in range(width):
                out[k, i, 0, u] = x[k, i, i, u]
            for j in range(n):
                for u in range(width):
                    out[k, i, 1, u] += x[k, i, j, u]
                    out[k, j, 2, u] += x[k, i, j, u]


@njit(cache=True, nogil=True)
@no_type_check
def add_ends(y: np.ndarray, other: np.ndarray, ends: np.ndarray) -> None:
    """Add to each table another one transposed, and what belongs to the ends of a pair.

    Args:
        y: (batch, n, n, c), contiguous; it is added to.
        other: (batch, n, n, c), contiguous.
        ends: (batch, n, 3, c), contiguous: what to add to the diagonal, each row and each column.
    """
    n, width = y.shape[1], y.shape[3]
    for k in range(y.shape[0]):
        for i in range(n):
            for j in range(n):
                for u in range(width):
                    y[k, i, j, u] += other[k, j, i, u] + (ends[k, i, 1, u] + ends[k, j, 2, u])
            for u in range(width):
                y[k, i, i, u] += ends[k, i, 0, u]
