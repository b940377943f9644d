"""What the fast depthwise product multiplies by: the coefficients of all paths, side by side."""

from __future__ import annotations

from functools import cache
from itertools import accumulate
from typing import Any, NamedTuple

import torch
from torch import Tensor

from equivar.kernels.couplings import coupling
from equivar.kernels.paths import Path

__all__ = ["Group", "Run", "groups_of"]


class Run(NamedTuple):
    """Paths side by side with results of one degree."""

    row: int  # where they begin among the K rows of products
    number: int
    dim: int
    start_out: int
    start_weight: int


class Group(NamedTuple):
    """All paths of one multiplicity, and their coefficients side by side."""

    mul: int
    blocks: tuple[tuple[int, int, int], ...]  # of the features: row among I, first column, 2 l1 + 1
    runs: tuple[Run, ...]
    table: Tensor  # (d_filter, I, K): I components of all blocks, K of all results


@cache
def groups_of(paths: tuple[Path, ...], d_filter: int, like: tuple[Any, Any]) -> tuple[Group, ...]:
    """One group for each multiplicity among the paths; coefficients of a dtype and a device."""
    groups = []
    for mul in sorted({path.mul for path in paths}):
        members = [path for path in paths if path.mul == mul]
        starts = sorted({(p.start_in, 2 * p.l1 + 1) for p in members})
        ends = [0, *accumulate(dim for _, dim in starts)]
        row_of = {start: row for (start, _), row in zip(starts, ends, strict=False)}
        rows = [0, *accumulate(2 * p.l3 + 1 for p in members)]
        table = torch.zeros(d_filter, ends[-1], rows[-1], dtype=torch.float64)
        runs: list[Run] = []
        for p, row in zip(members, rows, strict=False):
            i, j, dim = row_of[p.start_in], p.start_filter, 2 * p.l3 + 1
            C = coupling(p.l1, p.l2, p.l3).permute(1, 0, 2)
            table[j : j + 2 * p.l2 + 1, i : i + 2 * p.l1 + 1, row : row + dim] = C
            if runs and _end(runs[-1], mul) == (dim, p.start_out, p.start_weight):
                runs[-1] = runs[-1]._replace(number=runs[-1].number + 1)
            else:
                runs.append(Run(row, 1, dim, p.start_out, p.start_weight))
        blocks = tuple((row_of[start], start, dim) for start, dim in starts)
        table = table.to(dtype=like[0], device=like[1])
        groups.append(Group(mul, blocks, tuple(runs), table))
    return tuple(groups)


def _end(run: Run, mul: int) -> tuple[int, int, int]:
    """What the next path must be to belong to the run: degree, first column, first weight."""
    past = run.number * mul
    return run.dim, run.start_out + past * run.dim, run.start_weight + past
