r"""Candidates for symmetries: the places where two points and the center can go.

An orthogonal map that fixes the center is known, up to one reflection, once it is known where it
takes two points that are not on one line with the center. So it is enough to try all images of two
points, best of a label and radius that few others share: quadratic in the size of a shell, where
trying permutations would take n! steps.
"""

from __future__ import annotations

import torch
from torch import Tensor

from equivar._shapes import Bool, Float, Int
from equivar.stabilizer.sites import Sites

CHUNK = 2**19  # distances held in memory at once; few enough for a processor's cache


def off_axis(positions: Float[Tensor, "s 3"], axis: Float[Tensor, " 3"]) -> Float[Tensor, " s"]:
    """How far points are from the line through the center along a unit vector."""
    along = (positions @ axis)[:, None] * axis
    return torch.linalg.vector_norm(positions - along, dim=-1)


def fit(
    r: Float[Tensor, "s 3"], permutations: Int[Tensor, "c s"], signs: Float[Tensor, " c"]
) -> Float[Tensor, "c 3 3"]:
    r"""The orthogonal matrices of given determinants that best take each point to its image.

    Least squares: $\min_Q \sum_i |Q r_i - r_{\pi(i)}|^2$ is solved by the singular vectors of
    $\sum_i r_{\pi(i)} r_i^T$.

    Source:
        Kabsch, Acta Cryst. A32, 922 (1976).
    """
    U, _, Vh = torch.linalg.svd(r[permutations].mT @ r)
    last = signs * torch.linalg.det(U) * torch.linalg.det(Vh)
    ones = torch.ones_like(last)
    return U * torch.stack([ones, ones, last], dim=-1)[:, None, :] @ Vh


def misfit(
    r: Float[Tensor, "s 3"], Q: Float[Tensor, "c 3 3"], permutations: Int[Tensor, "c s"]
) -> Float[Tensor, " c"]:
    """The largest distance between where a matrix takes a point and the point's image."""
    return torch.linalg.vector_norm(r @ Q.mT - r[permutations], dim=-1).amax(dim=-1)


def search(sites: Sites, tolerance: float) -> tuple[Int[Tensor, "c s"], Float[Tensor, " c"]]:
    """All permutations, with a determinant each, whose best fit is within twice the tolerance.

    Twice, since a point and its image may each be off by the tolerance.

    Args:
        sites: not all on one line.
        tolerance: in the unit of the positions.

    Returns:
        Permutations and determinants 1.0 or -1.0, each pair once, the proper ones first, then in
        the order of a dictionary: an order that no rotation of the cloud can change.
    """
    r = sites.positions
    Q = _candidates(sites, tolerance)
    # A matrix that rests on two points takes the others up to 20 tolerances off (the two are at
    # least half as far out as any). The fit to all points then repairs what a match got wrong.
    nearest, distance = match(Q, sites)
    near = distance <= 20 * tolerance
    signs = torch.linalg.det(Q[near]).round()
    permutations, _ = match(fit(r, nearest[near], signs), sites)
    pairs = torch.cat([-signs.to(torch.int64)[:, None], permutations], dim=1)
    pairs = pairs[is_bijective(permutations)]
    identity = torch.arange(-1, len(r)).to(pairs)[None]  # -1, then 0, 1, ...: always there
    pairs = torch.unique(torch.cat([identity, pairs]), dim=0)
    permutations, signs = pairs[:, 1:], -pairs[:, 0].to(r)
    good = misfit(r, fit(r, permutations, signs), permutations) <= 2 * tolerance
    return permutations[good], signs[good]


def is_bijective(matches: Int[Tensor, "c s"]) -> Bool[Tensor, " c"]:
    """Whether each site is the image of one site."""
    return (matches.sort(dim=1).values == torch.arange(matches.shape[1]).to(matches)).all(dim=1)


def match(
    Q: Float[Tensor, "c 3 3"], sites: Sites
) -> tuple[Int[Tensor, "c s"], Float[Tensor, " c"]]:
    """The nearest site of its kind to each image, and the largest distance to one."""
    r = sites.positions
    squares = r.square().sum(dim=-1)
    # |Q r_i - r_j|^2 without its cross term, which is all that depends on Q.
    own = torch.where(sites.kinds[:, None] == sites.kinds, squares[:, None] + squares, torch.inf)
    chunks = Q.split(max(1, CHUNK // len(r) ** 2))
    images = [(r @ part.mT, r.mT.expand(len(part), 3, len(r))) for part in chunks]
    index = [torch.baddbmm(own, a, b, alpha=-2).argmin(dim=-1) for a, b in images]
    matches = torch.cat(index)
    return matches, misfit(r, Q, matches)


def _candidates(sites: Sites, tolerance: float) -> Float[Tensor, "c 3 3"]:
    r = sites.positions
    radius = torch.linalg.vector_norm(r, dim=-1)
    alike = (sites.kinds[:, None] == sites.kinds) & (
        (radius[:, None] - radius).abs() <= 2 * tolerance
    )
    i = _rarest(alike, radius)
    j = _rarest(alike, off_axis(r, r[i] / radius[i]))
    a, b = (
        x.flatten() for x in torch.meshgrid(*map(_members, (alike[i], alike[j])), indexing="ij")
    )
    apart = torch.linalg.vector_norm(r[a] - r[b], dim=-1) - torch.linalg.vector_norm(r[i] - r[j])
    in_line = torch.linalg.vector_norm(torch.linalg.cross(r[a], r[b]), dim=-1) <= 1e-6 * (
        radius[a] * radius[b]
    )
    possible = (apart.abs() <= 4 * tolerance) & ~in_line
    start, end = _frames(r[i], r[j]), _frames(r[a[possible]], r[b[possible]])
    flip = torch.tensor([1.0, 1.0, -1.0]).to(r)
    return torch.cat([end @ start.mT, end * flip @ start.mT])


def _rarest(alike: Bool[Tensor, "s s"], distance: Float[Tensor, " s"]) -> int:
    """Of the outer points, the one that the fewest could be images of; then the outermost."""
    farthest = distance.max()
    score = alike.sum(dim=1) - 0.5 * distance / farthest
    return int(torch.where(distance >= 0.5 * farthest, score, torch.inf).argmin())


def _members(mask: Bool[Tensor, " s"]) -> Int[Tensor, " k"]:
    return mask.nonzero().flatten()


def _frames(a: Float[Tensor, "*c 3"], b: Float[Tensor, "*c 3"]) -> Float[Tensor, "*c 3 3"]:
    """Right-handed axes as columns: along a, in the plane of a and b, across it."""
    u = torch.nn.functional.normalize(a, dim=-1)
    v = torch.nn.functional.normalize(b - (u * b).sum(-1, keepdim=True) * u, dim=-1)
    # Once more, as the first difference leaves only rounding where b is nearly along a.
    v = torch.nn.functional.normalize(v - (u * v).sum(-1, keepdim=True) * u, dim=-1)
    return torch.stack([u, v, torch.linalg.cross(u, v)], dim=-1)
