r"""Rotation matrices in two and three dimensions.

Active and counter-clockwise: `R @ r` moves the vector r, for rows `r @ R.mT`. Angles in radians.
All of three dimensions rests on one formula. With a unit vector $u$, half the angle $\theta$, and
$[v]_\times r = v \times r$, the unit quaternion $(w, v) = (\cos\tfrac\theta2, u \sin\tfrac\theta2)$
gives the rotation about $u$ by $\theta$ (Euler-Rodrigues):

$$R = 1 + 2 w [v]_\times + 2 [v]_\times^2 = 1 + \sin\theta\,[u]_\times
    + (1 - \cos\theta)\,[u]_\times^2.$$
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from equivar._checks import check_axes, check_count, check_rotations
from equivar._shapes import Float


def rotation_2d(angle: Float[Tensor, "*batch"] | float | int) -> Float[Tensor, "*batch 2 2"]:
    r"""The matrix that turns the plane counter-clockwise by an angle.

    Args:
        angle: radians; any batch shape. A Python number counts as float64, which it is.

    Returns:
        (..., 2, 2), differentiable in the angle.

    A quarter turn takes x to y, and angles add:

    >>> (rotation_2d(math.pi / 2) @ torch.tensor([1.0, 0.0], dtype=torch.float64)).round().tolist()
    [0.0, 1.0]
    >>> error = rotation_2d(0.3) @ rotation_2d(0.4) - rotation_2d(0.7)
    >>> bool(error.abs().max() < 1e-15)
    True
    """
    theta = angle if isinstance(angle, Tensor) else torch.tensor(angle, dtype=torch.float64)
    c, s = theta.cos(), theta.sin()
    return torch.stack([c, -s, s, c], dim=-1).unflatten(-1, (2, 2))


def rotation_3d(
    axis: Float[Tensor, "*#batch 3"], angle: Float[Tensor, "*#batch"] | float | int
) -> Float[Tensor, "... 3 3"]:
    r"""The rotation about an axis by an angle, counter-clockwise seen from the axis's tip.

    Args:
        axis: (..., 3), of any length but zero; only its direction counts.
        angle: radians; broadcasts with the axes. A Python number takes the axis's dtype.

    Returns:
        (..., 3, 3), differentiable in the angle, also at 0 and pi, and in the axis.

    Raises:
        ValueError: an axis is zero or not finite, and so points nowhere.

    A third of a turn about the diagonal permutes the axes, x to y to z to x. Turning the axis turns
    the rotation: $R(S u, \theta) = S R(u, \theta) S^T$.

    >>> u = torch.tensor([1.0, 1.0, 1.0], dtype=torch.float64)
    >>> R = rotation_3d(u, 2 * math.pi / 3)
    >>> R.round().abs().tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    >>> v = torch.tensor([0.0, 3.0, -4.0], dtype=torch.float64)
    >>> error = rotation_3d(R @ v, 0.5) - R @ rotation_3d(v, 0.5) @ R.mT
    >>> bool(error.abs().max() < 1e-15)
    True
    """
    check_axes("axis", axis, 3)
    longest = axis.detach().abs().amax(dim=-1, keepdim=True)
    bad = ~((longest > 0) & longest.isfinite()).squeeze(-1)
    if bad.any():
        where = bad.nonzero()[0].tolist()
        raise ValueError(
            f"the axis{f' at index {where}' if where else ''} is {axis[bad][0].tolist()}; "
            "expected a finite vector that is not zero. For the identity, give any axis and angle 0"
        )
    # Scaled first, so that squares of very long or short axes neither overflow nor vanish.
    unit = torch.nn.functional.normalize(axis / longest, dim=-1)
    theta = angle if isinstance(angle, Tensor) else axis.new_tensor(angle)
    half = theta / 2
    return _from_quaternion(half.cos(), half.sin()[..., None] * unit)


def random_rotations(
    n: int,
    generator: Generator | None = None,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str | None = None,
) -> Float[Tensor, "n 3 3"]:
    r"""Rotations drawn uniformly: from the Haar measure of SO(3).

    Four independent normal numbers have a density that depends on their norm alone, so their
    direction, a unit quaternion, is as likely here as there on the sphere. To rotate by a fixed
    rotation is to multiply by a fixed unit quaternion, which turns that sphere; hence $SR$ has
    the law of $R$ for each rotation $S$, and only the uniform law has that property.
    Drawing an axis and then an angle uniformly does not: small angles would be too frequent.

    Args:
        n: how many; 0 is fine.
        generator: the source of randomness; None is torch's global one.
        dtype: of the result.
        device: of the result; None is the generator's, or torch's default.

    Returns:
        (n, 3, 3).

    >>> R = random_rotations(1000, torch.Generator().manual_seed(0))
    >>> bool((R @ R.mT - torch.eye(3, dtype=R.dtype)).abs().max() < 1e-14)
    True
    >>> bool((torch.linalg.det(R) - 1).abs().max() < 1e-14)
    True
    >>> bool(R.mean(0).abs().max() < 0.1)  # they cancel: the mean over the group is zero
    True
    """
    check_count("n", n)
    q = torch.randn(n, 4, generator=generator, dtype=dtype, device=_device(generator, device))
    q = torch.nn.functional.normalize(q, dim=-1)
    return _from_quaternion(q[:, 0], q[:, 1:])


def random_orthogonal(
    n: int,
    generator: Generator | None = None,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str | None = None,
) -> Float[Tensor, "n 3 3"]:
    r"""Orthogonal matrices of both determinants, drawn from the Haar measure of O(3).

    In three dimensions -1 has determinant -1 and commutes with all, so O(3) is the product of
    SO(3) and {1, -1}: a uniform rotation times a fair sign is uniform.

    Args:
        n: how many; 0 is fine.
        generator: the source of randomness; None is torch's global one.
        dtype: of the result.
        device: of the result; None is the generator's, or torch's default.

    Returns:
        (n, 3, 3).

    >>> Q = random_orthogonal(1000, torch.Generator().manual_seed(0))
    >>> bool((Q @ Q.mT - torch.eye(3, dtype=Q.dtype)).abs().max() < 1e-14)
    True
    >>> sorted(torch.linalg.det(Q).round().unique().tolist())
    [-1.0, 1.0]
    """
    R = random_rotations(n, generator, dtype, device)
    where = _device(generator, device)
    sign = torch.randint(0, 2, (n, 1, 1), generator=generator, device=where)
    return (2 * sign - 1) * R


def rotation_grid(
    n: int, dtype: torch.dtype = torch.float64, device: torch.device | str | None = None
) -> Float[Tensor, "n 3 3"]:
    r"""Any number of rotations spread evenly over SO(3): a super-Fibonacci spiral.

    Quaternion number $i$ is $(\sqrt t \sin\alpha, \sqrt t \cos\alpha, \sqrt{1-t} \sin\beta,
    \sqrt{1-t} \cos\beta)$ with $t = s / n$, $\alpha = 2 \pi s / \phi$, $\beta = 2 \pi s / \psi$ and
    $s = i + 1/2$. The squared radius $t$ of the first pair is uniform on a uniform 3-sphere,
    and the two irrational frequencies keep the angles from ever lining up. The grid is
    deterministic, but a larger one does not contain a smaller one.

    Args:
        n: how many; 0 is fine.
        dtype: of the result; computed in float64 in any case.
        device: of the result.

    Returns:
        (n, 3, 3).

    Source: Alexa, Super-Fibonacci Spirals: Fast, Low-Discrepancy Sampling of SO(3), CVPR 2022.

    The grid's mean is nearer to that of the group, zero, than chance brings it:

    >>> chance = random_rotations(500, torch.Generator().manual_seed(0))
    >>> bool(10 * rotation_grid(500).mean(0).norm() < chance.mean(0).norm())
    True
    """
    check_count("n", n)
    phi = math.sqrt(2)
    psi = 1.533751168755204288118041  # the positive root of psi^4 = psi + 4
    s = torch.arange(n, dtype=torch.float64, device=device) + 0.5
    alpha, beta = 2 * math.pi * s / phi, 2 * math.pi * s / psi
    inner, outer = (s / n).sqrt(), (1 - s / n).sqrt()
    v = [inner * alpha.cos(), outer * beta.sin(), outer * beta.cos()]
    return _from_quaternion(inner * alpha.sin(), torch.stack(v, dim=-1)).to(dtype)


def rotation_angle(R: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch"]:
    r"""By how much a rotation turns, from 0 to pi.

    The trace is $1 + 2 \cos\theta$ and the antisymmetric part $\sin\theta\,[u]_\times$. The inverse
    cosine alone loses half the digits near 0 and pi, where the cosine is flat, and the inverse sine
    those near a quarter turn; the angle of the pair (sine, cosine) is exact everywhere.
    `rotation_angle(A.mT @ B)` is the distance between two rotations.

    Args:
        R: (..., 3, 3), proper rotations.

    Returns:
        Radians (...). Differentiable between 0 and pi; at the ends the angle has a kink,
        and the gradient given is finite.

    Raises:
        ValueError: a matrix is not orthogonal, or its determinant is negative.

    >>> z = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    >>> [rotation_angle(rotation_3d(z, angle)).item() for angle in (0.0, 1e-12, 1.0)]
    [0.0, 1e-12, 1.0]
    """
    check_rotations(R)
    w = [R[..., 2, 1] - R[..., 1, 2], R[..., 0, 2] - R[..., 2, 0], R[..., 1, 0] - R[..., 0, 1]]
    twice_sine = torch.linalg.vector_norm(torch.stack(w, dim=-1), dim=-1)
    return torch.atan2(twice_sine, R.diagonal(dim1=-2, dim2=-1).sum(-1) - 1)


def covering_radius(
    rotations: Float[Tensor, "n 3 3"], probes: Float[Tensor, "m 3 3"]
) -> Float[Tensor, ""]:
    r"""How far the worst-placed probe is from the nearest of some rotations: a covering's gap.

    With probes dense in SO(3), each rotation there is lies within this angle of one in the list.

    Args:
        rotations: (n, 3, 3), at least one.
        probes: (m, 3, 3), at least one. Memory grows as n times m.

    Returns:
        Radians; good to the square root of the rounding error (about 1e-8 in float64).

    Raises:
        ValueError: one of the lists is empty, or holds what is no rotation.

    Two rotations about z, a half turn apart, leave the quarter turn between them uncovered:

    >>> z = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    >>> ends = rotation_3d(z, torch.tensor([0.0, math.pi], dtype=torch.float64))
    >>> between = rotation_3d(z, torch.tensor([0.3, math.pi / 2], dtype=torch.float64))
    >>> round(torch.rad2deg(covering_radius(ends, between)).item(), 6)
    90.0
    """
    check_axes("rotations", rotations, "n", 3, 3)
    check_axes("probes", probes, "n", 3, 3)
    if not (len(rotations) and len(probes)):
        raise ValueError(
            f"got {len(rotations)} rotations and {len(probes)} probes; expected at least one each"
        )
    check_rotations(rotations, "rotations")
    check_rotations(probes, "probes")
    # The trace of A^T B is the inner product of their entries, and falls as the angle grows.
    trace = probes.flatten(1) @ rotations.flatten(1).mT
    worst = trace.amax(dim=1).amin()
    return ((worst - 1) / 2).clamp(-1, 1).arccos()


def _from_quaternion(
    w: Float[Tensor, "*#b"], v: Float[Tensor, "*#b 3"]
) -> Float[Tensor, "... 3 3"]:
    """Rotation matrices of unit quaternions with real part w."""
    x, y, z = v.unbind(-1)
    o = torch.zeros_like(x)
    K = torch.stack([o, -z, y, z, o, -x, -y, x, o], dim=-1).unflatten(-1, (3, 3))
    eye = torch.eye(3, dtype=v.dtype, device=v.device)
    return eye + 2 * w[..., None, None] * K + 2 * K @ K


def _device(
    generator: Generator | None, device: torch.device | str | None
) -> torch.device | str | None:
    return generator.device if device is None and generator is not None else device
