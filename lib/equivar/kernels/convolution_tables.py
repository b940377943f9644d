r"""What the loops of the Numba form read: where everything lies, and the non-zero couplings.

Features are turned around from (channel, component) to (component, channel), each component's
channels padded to a multiple of the vector's width: "lanes". On each edge the filter and the
coefficients make one small matrix for each coupling, the same for all channels:
$M_{ik} = \sum_j \sqrt{2 l_3 + 1}\, C_{ijk} Y_j$. Its entries that are not zero for
every Y have a number each: "slots".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from equivar.kernels.couplings import coupling
from equivar.kernels.paths import Path

__all__ = ["BLOCK", "Table", "table"]

BLOCK = 8
"""Edges whose matrices are made together, one in each lane."""


@dataclass(frozen=True)
class Table:
    """Integer arrays that drive the loops.

    Attributes:
        width: the number of lanes.
        n_slots: the number of matrix entries of one edge.
        n_filter: the number of columns of the filter that are read.
        terms: (n_terms, 2), the slot and the filter's column of each non-zero coefficient. The
            first n_slots of them are the first terms of the slots, in order.
        coefficients: (n_terms,), float64.
        paths: (n_paths, 7): channels, where the block begins in the features' lanes and in the
            result's, the distance of two components, where the weights begin, the path's first
            line in `by_out`, in `by_in`.
        by_out: (rows + 1,), for each path and component k: where its entries begin; n_k of them
            for each path.
        by_in: the same for each path and component i.
        entries_out: (n_entries, 2), slot and component i, sorted by path and k.
        entries_in: (n_entries, 2), slot and component k, sorted by path and i.
        shapes: (n_paths, 2): 2 l1 + 1 and 2 l3 + 1.
        blocks_in: (n_blocks, 4), how to turn features to lanes and back: the first column, the
            first lane, the multiplicity, 2l+1.
        blocks_out: the same for results.
        lanes_in: the number of lanes of one row of features.
        lanes_out: of one row of results.
    """

    width: int
    n_slots: int
    n_filter: int
    terms: np.ndarray
    coefficients: np.ndarray
    paths: np.ndarray
    by_out: np.ndarray
    by_in: np.ndarray
    entries_out: np.ndarray
    entries_in: np.ndarray
    shapes: np.ndarray
    blocks_in: np.ndarray
    blocks_out: np.ndarray
    lanes_in: int
    lanes_out: int


def _blocks(layout: list[tuple[int, int, int]], width: int) -> tuple[dict, np.ndarray, int]:
    """Where each of (first column, multiplicity, 2l+1) begins in lanes."""
    starts, rows, lanes = {}, [], 0
    for start, mul, dim in sorted(set(layout)):
        starts[start, mul, dim] = lanes
        rows.append((start, lanes, mul, dim))
        lanes += _padded(mul, width) * dim
    return starts, np.array(rows, dtype=np.int64).reshape(-1, 4), lanes


def _integers(rows: list, *shape: int) -> np.ndarray:
    return np.array(rows, dtype=np.int64).reshape(shape)


def _padded(mul: int, width: int) -> int:
    return -(-mul // width) * width


@lru_cache(maxsize=64)
def table(paths: tuple[Path, ...], width: int) -> Table:
    """The table of a set of paths, kept for the next call.

    Args:
        paths: as `depthwise_paths` makes them.
        width: the number of lanes.

    >>> from equivar.kernels.paths import depthwise_paths
    >>> paths, _ = depthwise_paths("4x1o", "1o", keep=["1e"])  # a cross product: 6 terms
    >>> table(paths, 8).terms.shape, table(paths, 8).lanes_in
    ((6, 2), 24)
    """
    start_in, blocks_in, lanes_in = _blocks(
        [(p.start_in, p.mul, 2 * p.l1 + 1) for p in paths], width
    )
    start_out, blocks_out, lanes_out = _blocks(
        [(p.start_out, p.mul, 2 * p.l3 + 1) for p in paths], width
    )
    slots: dict[tuple, np.ndarray] = {}
    n_slots = 0
    first, more = [], []
    rows, shapes = [], []
    by_out, by_in = [0], [0]
    entries_out: list[tuple] = []
    entries_in: list[tuple] = []
    for p in paths:
        key = p.l1, p.l2, p.l3, p.start_filter
        if key not in slots:
            C = coupling(p.l1, p.l2, p.l3).cpu().numpy()
            used = (C != 0).any(axis=1).T  # k, i
            number = np.full(used.shape, -1)
            number[used] = n_slots + np.arange(used.sum())
            slots[key] = number
            n_slots += int(used.sum())
            for k, i in np.argwhere(used):
                terms = [
                    (number[k, i], p.start_filter + j, C[i, j, k])
                    for j in np.flatnonzero(C[i, :, k])
                ]
                first.append(terms[0])
                more.extend(terms[1:])
        number = slots[key]
        rows.append(
            (
                p.mul,
                start_in[p.start_in, p.mul, 2 * p.l1 + 1],
                start_out[p.start_out, p.mul, 2 * p.l3 + 1],
                _padded(p.mul, width),
                p.start_weight,
                len(by_out) - 1,
                len(by_in) - 1,
            )
        )
        shapes.append((2 * p.l1 + 1, 2 * p.l3 + 1))
        for k in range(2 * p.l3 + 1):
            entries_out.extend((number[k, i], i) for i in np.flatnonzero(number[k] >= 0))
            by_out.append(len(entries_out))
        for i in range(2 * p.l1 + 1):
            entries_in.extend((number[k, i], k) for k in np.flatnonzero(number[:, i] >= 0))
            by_in.append(len(entries_in))
    terms = first + more
    return Table(
        width,
        n_slots,
        max([0, *(p.start_filter + 2 * p.l2 + 1 for p in paths)]),
        _integers([t[:2] for t in terms], -1, 2),
        np.array([t[2] for t in terms], dtype=np.float64),
        _integers(rows, -1, 7),
        _integers(by_out, -1),
        _integers(by_in, -1),
        _integers(entries_out, -1, 2),
        _integers(entries_in, -1, 2),
        _integers(shapes, -1, 2),
        blocks_in,
        blocks_out,
        lanes_in,
        lanes_out,
    )
