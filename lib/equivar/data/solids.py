"""The five Platonic solids: the most symmetric clouds of points that there are."""

from __future__ import annotations

import torch
from torch import Tensor

from equivar._shapes import Float, Int

__all__ = ["SOLIDS", "platonic_solid"]

SOLIDS = ("tetrahedron", "cube", "octahedron", "icosahedron", "dodecahedron")
"""The names of the solids; cube and octahedron share their symmetry, and so do the last two."""

_GOLDEN = (1 + 5**0.5) / 2
_SIGNS = (-1.0, 1.0)


def platonic_solid(name: str) -> tuple[Float[Tensor, "n 3"], Int[Tensor, "m 2"]]:
    """Corners and edges of a Platonic solid.

    Centered, on the unit sphere, with axes of symmetry along x, y and z. Useful because a point in
    the middle sees the same in many directions: degrees of spherical harmonics that could tell the
    directions apart vanish, up to a degree that only the symmetry decides.

    Args:
        name: one of `SOLIDS`.

    Returns:
        The corners (n, 3), at distance 1 from the origin, float64; and the edges (m, 2), pairs of
        corner indices, the smaller first.

    Raises:
        ValueError: there is no solid of that name.

    >>> for name in SOLIDS:
    ...     corners, edges = platonic_solid(name)
    ...     print(name, len(corners), len(edges))
    tetrahedron 4 6
    cube 8 12
    octahedron 6 12
    icosahedron 12 30
    dodecahedron 20 30

    Source:
        Coxeter, Regular Polytopes, section 3.7, for the coordinates.
    """
    if name not in SOLIDS:
        raise ValueError(f"there is no solid {name!r}; expected one of {', '.join(SOLIDS)}")
    cube = [(x, y, z) for x in _SIGNS for y in _SIGNS for z in _SIGNS]
    if name == "tetrahedron":
        corners = [corner for corner in cube if corner[0] * corner[1] * corner[2] > 0]
    elif name == "octahedron":
        corners = [c for s in _SIGNS for c in ((s, 0.0, 0.0), (0.0, s, 0.0), (0.0, 0.0, s))]
    elif name == "icosahedron":
        corners = _rectangles(1.0, _GOLDEN)
    else:
        corners = cube + (_rectangles(1 / _GOLDEN, _GOLDEN) if name == "dodecahedron" else [])
    points = torch.tensor(corners, dtype=torch.float64)
    points = points / points.norm(dim=-1, keepdim=True)
    distances = torch.cdist(points, points).fill_diagonal_(torch.inf)
    return points, (distances < 1.001 * distances.min()).triu().nonzero()


def _rectangles(short: float, long: float) -> list[tuple[float, float, float]]:
    """Corners of three rectangles, each at right angles to the other two."""
    flat = [(0.0, s * short, t * long) for s in _SIGNS for t in _SIGNS]
    return [way for a, b, c in flat for way in ((a, b, c), (b, c, a), (c, a, b))]
