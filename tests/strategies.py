"""Inputs that a law of geometry has to hold for, the awkward ones first.

Oracles that are compared on points of one octant agree by accident. So what is drawn here has
signs, axes, zero and repeated points, and each group comes with its special elements: identity,
half turns, inversion, reflections. `SPECIAL_ROTATIONS` and `SPECIAL_ORTHOGONALS` are for tests
that must meet each of them in every run.
"""

from __future__ import annotations

import itertools
import math

import torch
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from torch import Tensor

Strategy = st.SearchStrategy

AXES = ([1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, -1], [1, 1, 0], [1, -1, 0], [1, 1, 1], [-1, 1, -1])


def _rotation(axis: list[float], angle: float) -> Tensor:
    """By SciPy, so that the library's own rotations are never tested on themselves."""
    length = math.hypot(*axis)
    return torch.from_numpy(Rotation.from_rotvec([angle * c / length for c in axis]).as_matrix())


SPECIAL_ROTATIONS: dict[str, Tensor] = {"identity": torch.eye(3, dtype=torch.float64)} | {
    f"{name} turn about {axis}": _rotation(axis, angle)
    for axis in AXES
    for name, angle in {"quarter": math.pi / 2, "half": math.pi, "tiny": 1e-7}.items()
}
SPECIAL_ORTHOGONALS: dict[str, Tensor] = SPECIAL_ROTATIONS | {
    f"inverted {name}": -R for name, R in SPECIAL_ROTATIONS.items()
}  # an inverted half turn is a reflection, the inverted identity the inversion


def coordinates(largest: float = 10.0) -> Strategy[float]:
    """Numbers of both signs; zero and the units come often."""
    return st.sampled_from([0.0, 1.0, -1.0]) | st.floats(-largest, largest).map(
        lambda x: 0.0 if abs(x) < 1e-6 else x  # no subnormals: their relative error is large
    )


def vectors() -> Strategy[Tensor]:
    """Vectors (3,), float64; along an axis or diagonal, zero, or anywhere."""
    anywhere = st.lists(coordinates(), min_size=3, max_size=3)
    return (st.sampled_from(AXES) | anywhere).map(lambda v: torch.tensor(v, dtype=torch.float64))


def axes() -> Strategy[Tensor]:
    """Vectors (3,) that point somewhere."""
    return vectors().filter(lambda v: bool(v.any()))


def angles() -> Strategy[float]:
    """Radians, beyond one turn in both directions; the special ones come often."""
    special = [0.0, math.pi, -math.pi, math.pi / 2, 2 * math.pi, 1e-9, math.pi - 1e-9]
    return st.sampled_from(special) | st.floats(-10, 10)


def rotations() -> Strategy[Tensor]:
    """Rotation matrices (3, 3), float64; one time in two a special one."""
    anywhere = st.builds(_rotation, axes().map(Tensor.tolist), angles())
    return st.sampled_from(list(SPECIAL_ROTATIONS.values())) | anywhere


def orthogonals() -> Strategy[Tensor]:
    """Orthogonal matrices (3, 3) of both determinants, float64."""
    return st.builds(lambda R, sign: sign * R, rotations(), st.sampled_from([1.0, -1.0]))


@st.composite
def point_clouds(draw: st.DrawFn, min_size: int = 1, max_size: int = 8) -> Tensor:
    """Positions (n, 3), float64; points may coincide, lie on axes, or at the origin."""
    points = draw(st.lists(vectors(), min_size=min_size, max_size=max_size))
    if len(points) > 1 and draw(st.booleans()):
        points[-1] = points[0]
    return torch.stack(points) if points else torch.zeros(0, 3, dtype=torch.float64)


def permutations(n: int) -> Strategy[Tensor]:
    """Orders of n things, as an index tensor (n,)."""
    return st.permutations(range(n)).map(torch.tensor)


def irreps_text(lmax: int = 4) -> Strategy[str]:
    """Texts such as "32x0e + 8x1o", also empty, with repeats, zeros and odd spacing."""
    names = [f"{l}{p}" for l, p in itertools.product(range(lmax + 1), "eo")]
    term = st.builds(
        lambda mul, name, space: name if mul is None else f"{mul}x{space}{name}",
        st.none() | st.integers(0, 20),
        st.sampled_from(names),
        st.sampled_from(["", " "]),
    )
    return st.lists(term, max_size=6).map(" + ".join)
