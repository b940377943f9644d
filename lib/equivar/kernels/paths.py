r"""Which irreps multiply into which: the bookkeeping of a tensor product, with no tensors.

A path takes one block of the features, one degree of the filter and one degree that their product
contains: $(l_1, l_2) \to l_3$. In the depthwise form each channel of the block is multiplied by the
filter on its own, so a path with `mul` channels has `mul` weights and makes `mul` channels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from equivar.irreps import Irrep, Irreps

__all__ = ["Path", "depthwise_paths"]


@dataclass(frozen=True)
class Path:
    """One path of a depthwise tensor product.

    Attributes:
        mul: the number of channels.
        l1: the degree of the features' block.
        l2: the degree of the filter's block, which has one channel.
        l3: the degree of the result.
        start_in: where the block begins on the features' axis; it has mul * (2 l1 + 1) columns.
        start_filter: where the filter's block begins; 2 l2 + 1 columns.
        start_out: where the result begins; mul * (2 l3 + 1) columns.
        start_weight: where the weights begin; mul columns.
    """

    mul: int
    l1: int
    l2: int
    l3: int
    start_in: int
    start_filter: int
    start_out: int
    start_weight: int


def depthwise_paths(
    irreps_in: Irreps | str,
    irreps_filter: Irreps | str,
    keep: Iterable[Irrep | str] | None = None,
) -> tuple[tuple[Path, ...], Irreps]:
    """All paths of a depthwise product, and the layout of what they make.

    Args:
        irreps_in: the features.
        irreps_filter: the filter, one channel for each irrep; usually
            `Irreps.spherical_harmonics(lmax)`.
        keep: the irreps to make; None for all. Others are skipped.

    Returns:
        The paths, and the irreps of the result: sorted by degree, one block for each path. Results
        of equal irreps lie side by side in the order of (block of the features, of the filter).

    Raises:
        ValueError: the filter has a multiplicity other than 1.

    >>> paths, irreps_out = depthwise_paths("8x0e + 4x1o", "0e + 1o", keep=["0e", "1o"])
    >>> irreps_out
    Irreps('8x0e + 4x0e + 8x1o + 4x1o')
    >>> [(path.l1, path.l2, path.l3) for path in paths]
    [(0, 0, 0), (1, 1, 0), (0, 1, 1), (1, 0, 1)]
    """
    irreps_in, irreps_filter = Irreps(irreps_in), Irreps(irreps_filter)
    if any(mul != 1 for mul, _ in irreps_filter):
        raise ValueError(
            f"the filter is {irreps_filter}; expected multiplicity 1 in each block, since a "
            "depthwise product multiplies every channel by the same filter"
        )
    wanted = None if keep is None else {Irrep.parse(k) if isinstance(k, str) else k for k in keep}
    found = [
        (irrep, i, j)
        for i, (mul, first) in enumerate(irreps_in)
        for j, (_, second) in enumerate(irreps_filter)
        for irrep in first * second
        if mul > 0 and (wanted is None or irrep in wanted)
    ]
    found.sort()
    blocks_in, blocks_filter = irreps_in.blocks, irreps_filter.blocks
    irreps_out = Irreps([(blocks_in[i][0], irrep) for irrep, i, _ in found])
    paths, weight = [], 0
    for (irrep, i, j), out in zip(found, irreps_out.slices, strict=True):
        mul, first = blocks_in[i]
        starts = irreps_in.slices[i].start, irreps_filter.slices[j].start, out.start, weight
        paths.append(Path(mul, first.l, blocks_filter[j][1].l, irrep.l, *starts))
        weight += mul
    return tuple(paths), irreps_out
