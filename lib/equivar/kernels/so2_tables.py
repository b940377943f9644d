r"""What a product with harmonics is at the pole: which orders mix, and by which matrices.

At the pole only the components m = 0 of the harmonics are not zero, so coefficients $C_{i0k}$ are
all that is left of the coupling, and they vanish unless i and k are the same order up to its sign.
Written as complex numbers $x_m + i\,x_{-m}$, where $l_1 + l_2 + l_3$ is even they multiply by a
real number, and where it is odd by an imaginary one, since then a product mixes m with -m. The
parities of input and output decide which it is. An irrep whose parity is not $(-1)^l$ is therefore
stored divided by i, and every order is left with one real matrix.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from equivar._kept import kept
from equivar.irreps import Irrep, Irreps
from equivar.kernels.couplings import coupling

__all__ = ["Block", "Side", "Tables", "tables"]


class Block(NamedTuple):
    """A block of the features, and where its channels stand among all of a turned edge.

    Attributes:
        mul: the number of channels.
        l: the degree.
        over_i: whether it is stored divided by i, as its parity is not (-1)^l.
        start: its first column in the features.
        column: its first channel among all.
    """

    mul: int
    l: int
    over_i: bool
    start: int
    column: int


class Side(NamedTuple):
    """All channels of the inputs, or of the outputs, sorted by degree.

    Attributes:
        blocks: where they come from, in the order of the layout.
        dim: the width of the features.
        channels: how many there are.
        first: for each order, and one more, the first channel whose degree has it.
    """

    blocks: tuple[Block, ...]
    dim: int
    channels: int
    first: tuple[int, ...]


class IrrepWeights(NamedTuple):
    """How the weights of one irrep of the output enter the matrices.

    Attributes:
        name: of the irrep.
        copies: how many there are.
        pairs: the weights of one copy.
        rows: (channels in, degrees of the filter): of the weights; `pairs` where there is none.
        factors: (channels in, orders, degrees of the filter), float64.
    """

    name: str
    copies: int
    pairs: int
    rows: Tensor
    factors: Tensor


class Tables(NamedTuple):
    """Everything about a product that does not depend on numbers.

    Attributes:
        inputs: channels of the features.
        outputs: channels of the result, sorted by irrep.
        orders: how many orders m = 0, 1, ... both have.
        irreps: of the result, sorted.
    """

    inputs: Side
    outputs: Side
    orders: int
    irreps: tuple[IrrepWeights, ...]


def _natural(irrep: Irrep) -> bool:
    """Whether the parity is that of harmonics."""
    return irrep.p == (-1) ** irrep.l


def _side(irreps: Irreps, orders: int) -> Side:
    names = sorted({irrep for mul, irrep in irreps if mul})
    sizes = [irreps.count(name) for name in names]
    free = {name: sum(sizes[:i]) for i, name in enumerate(names)}
    blocks = []
    for (mul, irrep), where in zip(irreps, irreps.slices, strict=True):
        if mul:
            blocks.append(Block(mul, irrep.l, not _natural(irrep), where.start, free[irrep]))
            free[irrep] += mul
    first = [
        sum(n for name, n in zip(names, sizes, strict=True) if name.l < m)
        for m in range(orders + 1)
    ]
    return Side(tuple(blocks), irreps.dim, sum(sizes), tuple(first))


def _factor(first: Irrep, l2: int, out: Irrep, m: int) -> float:
    """What order m of the first is multiplied by, for a filter at the pole."""
    C = coupling(first.l, l2, out.l)
    i, k = (m if _natural(irrep) else -m for irrep in (first, out))
    return math.sqrt(2 * l2 + 1) * C[first.l + i, l2, out.l + k].item()


def _rows_and_factors(
    out: Irrep, inputs: list[tuple[int, Irrep, int]], lmax: int, orders: int
) -> tuple:
    """Pairs, rows of the weights and factors, for the channels of the inputs in sorted order."""
    filters = Irreps.spherical_harmonics(lmax)
    row, rows = 0, {}
    for number, (mul, irrep, _) in enumerate(inputs):
        for l2, (_, filter) in enumerate(filters):
            if out in irrep * filter:
                rows[number, l2] = row
                row += mul
    channels = sum(mul for mul, _, _ in inputs)
    index = torch.full((channels, lmax + 1), row)
    factors = torch.zeros(channels, orders, lmax + 1, dtype=torch.float64)
    for (number, l2), start in rows.items():
        mul, irrep, column = inputs[number]
        index[column : column + mul, l2] = torch.arange(start, start + mul)
        for m in range(min(irrep.l, out.l) + 1):
            value = _factor(irrep, l2, out, m) / math.sqrt(row)
            factors[column : column + mul, m, l2] = value
    return row, index, factors


def tables(irreps_in: Irreps | str, lmax: int, irreps_out: Irreps | str) -> Tables:
    """The tables of a product with harmonics.

    Args:
        irreps_in: the layout of the features.
        lmax: the largest degree of the harmonics.
        irreps_out: the layout of the result.

    Returns:
        The tables, made once for each product.

    >>> t = tables("2x0e + 1o", 1, "1e + 3x1o")
    >>> [(irrep.name, irrep.copies, irrep.pairs) for irrep in t.irreps]
    [('1o', 3, 3), ('1e', 1, 1)]
    >>> t.orders, t.inputs.first  # all channels have m = 0, and one has m = 1
    (2, (0, 2, 3))
    """
    return _tables(irreps_in, lmax, irreps_out)


# What torch.compiler.assume_constant_result does, without the second that its import takes: the
# compiler takes the tables as they are and does not trace how they were made.
tables._dynamo_marked_constant = True  # type: ignore[attr-defined]


@kept
def _tables(layout_in: Irreps | str, lmax: int, layout_out: Irreps | str) -> Tables:
    irreps_in, irreps_out = Irreps(layout_in), Irreps(layout_out)
    degrees = [
        max((irrep.l for mul, irrep in irreps if mul), default=-1)
        for irreps in (irreps_in, irreps_out)
    ]
    orders = min(degrees) + 1
    inputs, outputs = _side(irreps_in, orders), _side(irreps_out, orders)
    present = [(mul, irrep) for mul, irrep in irreps_in if mul]
    channels = [(*block, own.column) for block, own in zip(present, inputs.blocks, strict=True)]
    irreps = [
        IrrepWeights(
            str(name), irreps_out.count(name), *_rows_and_factors(name, channels, lmax, orders)
        )
        for name in sorted({irrep for mul, irrep in irreps_out if mul})
    ]
    return Tables(inputs, outputs, orders, tuple(irreps))
