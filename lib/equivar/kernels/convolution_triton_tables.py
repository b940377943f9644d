r"""What the Triton kernels of the convolution read: lists of the couplings that are not zero.

All lists are nested, from the outside in:

* a task is some channels of one block of the result, for one program;
* a line is one component of the block;
* a group is one path that leads there, and so one column of weights for each channel;
* a term is one coefficient $\sqrt{2 l_3 + 1}\, C_{ijk}$, times a column of the filter, times a
  component of what the path reads.

To sum the gradient by the features is to exchange what is read and what is written, so it is the
same kernel with another list.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import starmap

import torch
from torch import Tensor

from equivar.kernels.couplings import coupling
from equivar.kernels.launch_triton import CHANNELS, tile
from equivar.kernels.paths import Path

__all__ = ["ByFilter", "Lists", "Tables", "tables"]

Block = tuple[int, int, int]
"""First column, multiplicity, 2l + 1."""


@dataclass(frozen=True)
class Lists:
    """What is added up for one row of a result.

    Attributes:
        tasks: (n_tasks, 6), int32: the first channel, the number of channels of the block, the
            block's first column in the result, 2l + 1, its first and its last line.
        lines: (n_lines + 1,), int32, where the groups of each line begin.
        groups: (n_groups + 1,), int32, where the terms of each group begin.
        factors: (n_groups, 2), int32: the first column of the weights, and the distance of
            channels in what is read.
        terms: (n_terms, 2), int32: the column of the filter, and the first column that is read.
        coefficients: (n_terms,).
    """

    tasks: Tensor
    lines: Tensor
    groups: Tensor
    factors: Tensor
    terms: Tensor
    coefficients: Tensor


@dataclass(frozen=True)
class ByFilter:
    """What is added up for one column of the filter.

    Attributes:
        columns: (n_filter + 1,), where the groups of each column begin.
        groups: (n_groups, 6): the path's first column of the weights, its channels, its first
            column in the features, 2 l1 + 1, its first column in the result, 2 l3 + 1.
        starts: (n_groups + 1,), where the terms of each group begin.
        terms: (n_terms, 2): the component i of the features and k of the result.
        coefficients: (n_terms,).
    """

    columns: Tensor
    groups: Tensor
    starts: Tensor
    terms: Tensor
    coefficients: Tensor


@dataclass(frozen=True)
class Tables:
    """Everything for one set of paths, on one device, in one dtype.

    Attributes:
        channels: the channels of a task.
        there: from features to results.
        back: from results to features.
        by_filter: from both to the filter.
    """

    channels: int
    there: Lists
    back: Lists
    by_filter: ByFilter


@lru_cache(maxsize=64)
def tables(paths: tuple[Path, ...], dtype: torch.dtype, device: torch.device) -> Tables:
    """The tables of a set of paths, kept for the next call.

    Args:
        paths: as `depthwise_paths` makes them, at least one.
        dtype: of the coefficients.
        device: of everything.

    >>> from equivar.kernels.paths import depthwise_paths
    >>> paths, _ = depthwise_paths("4x1o", "1o", keep=["1e"])  # a cross product: 6 terms
    >>> found = tables(paths, torch.float64, torch.device("cpu"))
    >>> found.there.terms.shape, found.there.tasks.tolist()
    (torch.Size([6, 2]), [[0, 4, 0, 3, 0, 3]])
    """

    def numbers(rows: list, width: int = 0) -> Tensor:
        dtype_ = dtype if rows and isinstance(rows[0], float) else torch.int32
        made = torch.tensor(rows, dtype=torch.float64 if dtype_ == dtype else torch.int32)
        return (made.reshape(-1, width) if width else made).to(device, dtype_)

    channels = tile(max(p.mul for p in paths), CHANNELS)
    there: dict[tuple[Block, int], list] = {}
    back: dict[tuple[Block, int], list] = {}
    for p in paths:
        d1, d3 = 2 * p.l1 + 1, 2 * p.l3 + 1
        C = coupling(p.l1, p.l2, p.l3)
        for i, j, k in C.nonzero().tolist():
            term = C[i, j, k].item(), p.start_filter + j
            into, onto = ((p.start_out, p.mul, d3), k), ((p.start_in, p.mul, d1), i)
            there.setdefault(into, []).append(((p.start_weight, d1), *term, p.start_in + i))
            back.setdefault(onto, []).append(((p.start_weight, d3), *term, p.start_out + k))
    forward, backward = (
        Lists(*starmap(numbers, _lists(found, channels))) for found in (there, back)
    )
    by_filter = ByFilter(*starmap(numbers, _by_filter(paths)))
    return Tables(channels, forward, backward, by_filter)


def _lists(found: dict[tuple[Block, int], list], channels: int) -> list[tuple]:
    """The parts of `Lists`, from the terms of each component of each block."""
    tasks, lines, groups, factors, terms, coefficients = [], [0], [0], [], [], []
    for block in sorted({block for block, _ in found}):
        start, mul, dim = block
        first = len(lines) - 1
        for component in range(dim):
            path = None
            for factor, coefficient, *term in found.get((block, component), []):
                if factor != path:
                    path = factor
                    factors.append(factor)
                    groups.append(0)
                terms.append(term)
                coefficients.append(coefficient)
                groups[-1] = len(terms)
            lines.append(len(factors))
        for channel in range(0, mul, channels):
            tasks.append((channel, mul, start, dim, first, len(lines) - 1))
    return [(tasks, 6), (lines,), (groups,), (factors, 2), (terms, 2), (coefficients,)]


def _by_filter(paths: tuple[Path, ...]) -> list[tuple]:
    """The parts of `ByFilter`."""
    columns, groups, starts, terms, coefficients = [0], [], [0], [], []
    for column in range(max(p.start_filter + 2 * p.l2 + 1 for p in paths)):
        for p in paths:
            if not 0 <= column - p.start_filter <= 2 * p.l2:
                continue
            C = coupling(p.l1, p.l2, p.l3)[:, column - p.start_filter]
            found = C.nonzero().tolist()
            terms += found
            coefficients += [C[i, k].item() for i, k in found]
            start_in, start_out = (p.start_in, 2 * p.l1 + 1), (p.start_out, 2 * p.l3 + 1)
            groups.append((p.start_weight, p.mul, *start_in, *start_out))
            starts.append(len(terms))
        columns.append(len(groups))
    return [(columns,), (groups, 6), (starts,), (terms, 2), (coefficients,)]
