"""Points that coincide made one, and everything measured from the center."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from equivar._shapes import Float, Int, Shaped


@dataclass(frozen=True, eq=False)
class Sites:
    """Places where points are, s of them for n points.

    Attributes:
        positions: (s, 3) float64, from the center.
        kinds: (s,) int64, equal where sites hold as many points of one label.
        site: (n,) the site of each point.
        copy: (n,) 0 for the first point of a site, 1 for the second, ...
        center: (3,) float64, the mean of the sites.
    """

    positions: Float[Tensor, "s 3"]
    kinds: Int[Tensor, " s"]
    site: Int[Tensor, " n"]
    copy: Int[Tensor, " n"]
    center: Float[Tensor, " 3"]

    def lift(self, permutations: Int[Tensor, "g s"]) -> Int[Tensor, "g n"]:
        """Permutations of points from those of sites: the k-th copy goes to the k-th copy.

        Points that coincide could be swapped at will. This choice composes as the sites do.
        """
        order = torch.argsort(self.site * len(self.site) + self.copy)
        counts = torch.bincount(self.site, minlength=len(self.positions))
        start = counts.cumsum(0) - counts
        return order[start[permutations[:, self.site]] + self.copy]


def slack(positions: Float[Tensor, "n 3"], tolerance: float) -> float:
    """The tolerance, and what the rounding of the coordinates adds to it."""
    size = float(positions.abs().max()) if positions.numel() else 0.0
    return tolerance + 32 * torch.finfo(positions.dtype).eps * size


def find_sites(
    positions: Shaped[Tensor, "..."], labels: Sequence[Hashable] | Tensor | None, tolerance: float
) -> Sites:
    """Join points of one label that are within twice the tolerance, also through others.

    Raises:
        ValueError: the positions are not (n, 3) finite floats, the labels are not n, or the
            tolerance is negative.
    """
    kinds = _check(positions, labels, tolerance)
    r, n = positions.detach().to(torch.float64), len(positions)
    close = torch.cdist(r, r, compute_mode="donot_use_mm_for_euclid_dist") <= 2 * tolerance
    close &= kinds[:, None] == kinds
    close |= torch.eye(n, dtype=torch.bool, device=r.device)
    first = torch.arange(n, device=r.device)
    while n:  # each point takes the smallest number among its neighbors, until nothing changes
        smaller = torch.where(close, first, n).amin(dim=1)
        if torch.equal(smaller, first):
            break
        first = smaller
    _, site = torch.unique(first, return_inverse=True)
    counts = torch.bincount(site)
    together = site[:, None] == site
    copy = together.tril(-1).sum(dim=1)
    mean = r.new_zeros(len(counts), 3).index_add(0, site, r) / counts[:, None]
    center = mean.mean(dim=0) if n else r.new_zeros(3)
    kind = torch.zeros_like(counts).index_put((site,), kinds)
    _, kind = torch.unique(kind * (n + 1) + counts, return_inverse=True)
    return Sites(mean - center, kind, site, copy, center)


def _check(
    positions: Tensor, labels: Sequence[Hashable] | Tensor | None, tolerance: float
) -> Int[Tensor, " n"]:
    if positions.ndim != 2 or positions.shape[1] != 3 or not positions.is_floating_point():
        raise ValueError(
            f"positions have shape {tuple(positions.shape)} and dtype {positions.dtype}; expected "
            "(n, 3) of a float dtype: one cloud, a row for each point"
        )
    bad = (~torch.isfinite(positions)).any(dim=1)
    if bool(bad.any()):
        i = int(bad.int().argmax())
        raise ValueError(
            f"point {i} is at {positions[i].tolist()}; every coordinate must be finite"
        )
    if not (isinstance(tolerance, float | int) and 0 <= tolerance < math.inf):
        raise ValueError(
            f"got tolerance={tolerance}; expected a distance of 0 or more, in the positions' unit"
        )
    n = len(positions)
    if labels is None:
        return torch.zeros(n, dtype=torch.int64, device=positions.device)
    listed = labels.tolist() if isinstance(labels, Tensor) else list(labels)
    if not isinstance(listed, list) or len(listed) != n:
        count = len(listed) if isinstance(listed, list) else "no list of"
        raise ValueError(f"got {count} labels for {n} points; expected one for each")
    try:
        numbers = {label: i for i, label in enumerate(dict.fromkeys(listed))}
    except TypeError as error:
        raise ValueError(
            f"the first label is {listed[0]!r}, which cannot be hashed; expected one number or "
            "string for each point"
        ) from error
    kinds = [numbers[label] for label in listed]
    return torch.tensor(kinds, dtype=torch.int64, device=positions.device)
