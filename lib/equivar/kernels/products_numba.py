"""Products of irreps in a compiled loop. Import it only where Numba is: `products` does so."""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from numba import njit

__all__ = ["multiply_rows"]


@njit(cache=True, nogil=True)
@no_type_check  # a checked function is a closure, which Numba can neither compile nor keep
def multiply_rows(
    a: np.ndarray,
    b: np.ndarray,
    out: np.ndarray,
    starts: np.ndarray,
    factors: np.ndarray,
    coefficients: np.ndarray,
) -> None:
    """Write sum(C * a[i] * b[j]) over the entries of each component k into out[k], row by row.

    Args:
        a: (n, d1), contiguous.
        b: (n, d2), contiguous.
        out: (n, d3), contiguous; it is written over.
        starts: (d3 + 1,), where the entries of each k begin.
        factors: (n_entries, 2), i and j.
        coefficients: (n_entries,).
    """
    for n in range(a.shape[0]):
        for k in range(out.shape[1]):
            total = out.dtype.type(0)
            for q in range(starts[k], starts[k + 1]):
                total += coefficients[q] * (a[n, factors[q, 0]] * b[n, factors[q, 1]])
            out[n, k] = total
