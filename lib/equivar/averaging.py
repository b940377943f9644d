r"""Averages over a few rotations in place of all of them, and what they leave.

Any function becomes invariant when it is averaged over a group: $\bar f(x)$ is the mean of $f(R x)$
over all rotations $R$. There are infinitely many, so one takes finitely many. As a function of the
rotation, $f(R x)$ is a sum over degrees $l$ of entries of the Wigner matrices $D^l(R)$, and the
average over all rotations is the part of degree 0. So a set of rotations is as good as all of them
up to a degree exactly if its mean of $D^l$ is zero for every $l$ from 1 up to there.
"""

from __future__ import annotations

import torch
from torch import Tensor

from equivar._checks import check_axes, check_count, check_rotations
from equivar._shapes import Float
from equivar.data import platonic_solid
from equivar.so3 import wigner_d
from equivar.stabilizer import stabilizer


def solid_rotations(name: str) -> Float[Tensor, "n 3 3"]:
    """All rotations that take a Platonic solid to itself: the largest evenly spread finite sets.

    Each is a group: products and inverses are in it. Cube and octahedron have the same, and so do
    icosahedron and dodecahedron.

    Args:
        name: one of `equivar.data.SOLIDS`.

    Returns:
        (12, 3, 3) for the tetrahedron, (24, 3, 3) or (60, 3, 3), float64, the identity first.

    Raises:
        ValueError: there is no solid of that name.

    >>> [len(solid_rotations(name)) for name in ("tetrahedron", "cube", "icosahedron")]
    [12, 24, 60]
    """
    corners, _ = platonic_solid(name)
    matrices = stabilizer(corners).matrices
    return matrices[torch.linalg.det(matrices) > 0]


def averaging_error(rotations: Float[Tensor, "n 3 3"], lmax: int) -> Float[Tensor, " degrees"]:
    r"""How much of each degree is left by an average over some rotations: 0 exact, 1 nothing done.

    $$e_l = \Big\lVert \frac1n \sum_k D^l(R_k) \Big\rVert_F \Big/ \sqrt{2l+1}$$

    It is the root mean square factor by which the average scales a feature of degree l that points
    in a random direction. An average over all rotations has $e_l = 0$ for each l above 0. For n
    random rotations the expectation of $e_l^2$ is 1/n, whatever the degree. For a group $e_l^2$ is
    the share of the 2l + 1 dimensions that the group leaves alone.

    Args:
        rotations: (n, 3, 3), at least one, proper.
        lmax: the highest degree.

    Returns:
        (lmax + 1,): the errors of degrees 0 (always 1) to lmax.

    Raises:
        ValueError: no rotations, one that is none, or a degree below 0.

    The 24 rotations of a cube are exact up to degree 3, and not at 4:

    >>> averaging_error(solid_rotations("cube"), 4).round(decimals=3).abs().tolist()
    [1.0, 0.0, 0.0, 0.0, 0.333]

    Source:
        Delsarte, Goethals and Seidel, Geometriae Dedicata 6, 363 (1977), for designs on spheres.
    """
    check_axes("rotations", rotations, "n", 3, 3)
    check_count("lmax", lmax)
    if not len(rotations):
        raise ValueError("there are no rotations to average over; expected at least one")
    check_rotations(rotations, "rotations")
    means = [wigner_d(f"{l}e", rotations).mean(dim=0) for l in range(lmax + 1)]
    return torch.stack([D.norm() / len(D) ** 0.5 for D in means])
