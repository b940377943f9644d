"""Sums over segments in compiled loops. Import it only where Numba is: `segments` does so."""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from numba import njit

__all__ = ["sum_rows"]


@njit(cache=True, nogil=True)
@no_type_check  # a checked function is a closure, which Numba can neither compile nor keep
def sum_rows(x: np.ndarray, source: np.ndarray, target: np.ndarray, out: np.ndarray) -> bool:
    """Write the sum of x[source[e]] over the edges e to t into out[t], in an order they fix.

    Args:
        x: (n, width), contiguous.
        source: (n_edges,), rows of x.
        target: (n_edges,), rows of out.
        out: (size, width), contiguous; it is written over.

    Returns:
        Whether all indices are in range. If not, nothing is written.
    """
    # Indices are looked at here and not by the caller: a pass over them costs a few hundredths of
    # what a pass over rows costs, where calls into PyTorch would outweigh the sums of small graphs.
    s_low = s_high = t_low = t_high = unsorted = 0
    previous = 0
    for e in range(target.shape[0]):
        s, t = source[e], target[e]
        s_low, s_high = min(s_low, s), max(s_high, s)
        t_low, t_high = min(t_low, t), max(t_high, t)
        unsorted |= t < previous
        previous = t
    n_edges = target.shape[0]
    if n_edges and (s_low < 0 or s_high >= x.shape[0] or t_low < 0 or t_high >= out.shape[0]):
        return False
    if unsorted:
        source, target = _sort(source, target, out.shape[0])
    end = 0
    for t in range(out.shape[0]):
        e = end
        while end < n_edges and target[end] == t:
            end += 1
        _sum_segment(x, source, e, end, out, t)
    return True


@njit(cache=True, nogil=True)
@no_type_check
def _sort(source, target, size):
    """Both in the order of targets, and of edges where they are equal: one pass of counting."""
    place = np.zeros(size + 1, dtype=np.int64)
    for e in range(target.shape[0]):
        place[target[e] + 1] += 1
    for t in range(size):
        place[t + 1] += place[t]
    by_target, targets = np.empty_like(source), np.empty_like(target)
    for e in range(target.shape[0]):
        t = target[e]
        by_target[place[t]], targets[place[t]] = source[e], t
        place[t] += 1
    return by_target, targets


@njit(cache=True, nogil=True)
@no_type_check
def _sum_segment(x, source, e, end, out, t):
    """Eight rows at a time: the sum then goes to the cache and back an eighth as often."""
    for u in range(out.shape[1]):
        out[t, u] = 0
    while e + 8 <= end:
        a, b, c, d = source[e], source[e + 1], source[e + 2], source[e + 3]
        f, g, h, i = source[e + 4], source[e + 5], source[e + 6], source[e + 7]
        for u in range(out.shape[1]):
            left = (x[a, u] + x[b, u]) + (x[c, u] + x[d, u])
            right = (x[f, u] + x[g, u]) + (x[h, u] + x[i, u])
            out[t, u] += left + right
        e += 8
    while e < end:
        a = source[e]
        for u in range(out.shape[1]):
            out[t, u] += x[a, u]
        e += 1
