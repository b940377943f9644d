"""Which blocks a linear map connects, and by which part of which matrix: no tensors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from equivar.irreps import Irrep, Irreps

__all__ = ["Pair", "Plan", "plan"]


class Pair(NamedTuple):
    """A block of the inputs and one of the outputs that hold the same irrep."""

    weight: int  # which matrix
    scale: float  # what it is multiplied by
    add: bool  # whether another pair has written to this output before
    block: tuple[int, int, int, int, int, int, int]
    """2l + 1; copies in and out; the first columns of the inputs and of the outputs; the row and
    the column of the matrix where these copies begin."""


class Way(NamedTuple):
    """The pairs in one direction."""

    width: int  # of the results
    whole: bool  # whether each of their columns is written
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class Plan:
    """What a map connects, and which matrices it needs."""

    width_in: int
    names: tuple[str, ...]  # an irrep for each matrix
    shapes: tuple[tuple[int, int], ...]
    there: Way
    back: Way  # from outputs to inputs, as the gradient goes
    biased: tuple[tuple[int, int], ...]  # first column and copies of each block of even scalars


@cache
def plan(irreps_in: Irreps, irreps_out: Irreps) -> Plan:
    """Find all pairs of blocks that a linear map may connect.

    Args:
        irreps_in: the layout of the inputs.
        irreps_out: that of the outputs.

    Returns:
        The plan, with one matrix (copies in, copies out) for each irrep that is in both, sorted.

    >>> found = plan(Irreps("2x0e + 1o"), Irreps("0e + 2x1o"))
    >>> found.names, found.shapes
    (('0e', '1o'), ((2, 1), (1, 2)))
    """
    common = sorted({i for m, i in irreps_in if m} & {i for m, i in irreps_out if m})
    shapes = tuple((irreps_in.count(irrep), irreps_out.count(irrep)) for irrep in common)
    there, back = [], []
    for number, irrep in enumerate(common):
        scale = shapes[number][0] ** -0.5
        ins, outs = list(_blocks(irreps_in, irrep)), list(_blocks(irreps_out, irrep))
        for n, start_in, row in ins:
            for m, start_out, column in outs:
                block = irrep.dim, n, m, start_in, start_out, row, column
                there.append(Pair(number, scale, row > 0, block))
                block = irrep.dim, m, n, start_out, start_in, column, row
                back.append(Pair(number, scale, column > 0, block))
    return Plan(
        irreps_in.dim,
        tuple(str(irrep) for irrep in common),
        shapes,
        _way(irreps_out, there, common),
        _way(irreps_in, back, common),
        tuple((start, mul) for mul, start, _ in _blocks(irreps_out, Irrep(0, 1))),
    )


def _way(results: Irreps, pairs: list[Pair], common: list[Irrep]) -> Way:
    whole = all(irrep in common for mul, irrep in results if mul)
    return Way(results.dim, whole, tuple(pairs))


def _blocks(irreps: Irreps, wanted: Irrep) -> Iterator[tuple[int, int, int]]:
    """Blocks of one irrep: copies, first column, copies before. Neighbors are one."""
    before, irreps = 0, irreps.simplify()
    for (mul, irrep), where in zip(irreps, irreps.slices, strict=True):
        if irrep == wanted:
            yield mul, where.start, before
            before += mul
