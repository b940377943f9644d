"""Point clouds turned in a compiled loop. Import it only where Numba is: `rotate` does so."""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from numba import njit

__all__ = ["turn"]


@njit(cache=True, nogil=True)
@no_type_check  # a checked function is a closure, which Numba can neither compile nor keep
def turn(R: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Write R[b] @ x[b, n] into y[b, n].

    Args:
        R: (batch, 3, 3), contiguous.
        x: (batch, n, 3), contiguous.
        y: like x; it is written over.
    """
    for b in range(x.shape[0]):
        for n in range(x.shape[1]):
            x0, x1, x2 = x[b, n, 0], x[b, n, 1], x[b, n, 2]
            for i in range(3):
                y[b, n, i] = R[b, i, 0] * x0 + R[b, i, 1] * x1 + R[b, i, 2] * x2
