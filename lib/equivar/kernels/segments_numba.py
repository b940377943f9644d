"""Sums over segments in compiled loops. Import it only where Numba is: `segments` does so."""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from numba import njit

__all__ = ["sum_rows"]


@njit(cache=True, nogil=True)
@no_type_check  # a checked function is a closure, which Numba can neither compile nor keep
def sum_rows(x: np.ndarray, source: np.ndarray, target: np.ndarray, out: np.ndarray) -> None:
    """Add x[source[e]] to out[target[e]] for each edge e, in an order fixed by the edges.

    Args:
        x: (n, width), contiguous.
        source: (n_edges,), rows of x.
        target: (n_edges,), rows of out.
        out: (size, width), contiguous, zero.
    """
    start = np.zeros(out.shape[0] + 1, dtype=np.int64)
    is_sorted = True
    for e in range(target.shape[0]):
        start[target[e] + 1] += 1
        if e and target[e] < target[e - 1]:
            is_sorted = False
    for t in range(out.shape[0]):
        start[t + 1] += start[t]
    if not is_sorted:  # one pass of counting sort, which keeps the order of a target's edges
        place, by_target = start[:-1].copy(), np.empty_like(source)
        for e in range(target.shape[0]):
            by_target[place[target[e]]] = source[e]
            place[target[e]] += 1
        source = by_target
    for t in range(out.shape[0]):
        row, e, end = out[t], start[t], start[t + 1]
        # Four sources at a time: the sum then goes to the cache and back a quarter as often.
        while e + 4 <= end:
            a, b, c, d = x[source[e]], x[source[e + 1]], x[source[e + 2]], x[source[e + 3]]
            for u in range(row.shape[0]):
                row[u] += (a[u] + b[u]) + (c[u] + d[u])
            e += 4
        while e < end:
            a = x[source[e]]
            for u in range(row.shape[0]):
                row[u] += a[u]
            e += 1
