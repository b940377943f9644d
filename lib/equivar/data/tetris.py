"""The eight shapes of 3D tetris: the smallest data set on which handedness matters."""

from __future__ import annotations

import torch
from torch import Tensor

from equivar._shapes import Float, Int

__all__ = ["TETRIS", "tetris"]

TETRIS = ("chiral_1", "chiral_2", "square", "line", "corner", "ell", "tee", "zigzag")
"""The names of the shapes, in the order of their labels."""

_CUBES = (
    ((0, 0, 0), (0, 0, 1), (1, 0, 0), (1, 1, 0)),
    ((0, 0, 0), (0, 0, 1), (1, 0, 0), (1, -1, 0)),  # the mirror image in y of the one above
    ((0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0)),
    ((0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 0, 3)),
    ((0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)),
    ((0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 1, 0)),
    ((0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 1, 1)),
    ((0, 0, 0), (1, 0, 0), (1, 1, 0), (2, 1, 0)),
)


def tetris() -> tuple[Float[Tensor, "8 4 3"], Int[Tensor, " 8"]]:
    """Four cubes glued face to face, in all ways that no rotation makes equal.

    The first two are mirror images of each other and differ in nothing else: all their distances
    and angles agree. A network that reads only those, or only vectors of three points, gives both
    the same answer. The other six each equal their own mirror image.

    Returns:
        The centers of the cubes (8, 4, 3), edge length 1, centroid at the origin, float64; and the
        labels 0 to 7, named by `TETRIS`.

    >>> positions, labels = tetris()
    >>> TETRIS[3], (positions[3, 0] - positions[3, 3]).norm().item()
    ('line', 3.0)

    Source:
        Thomas et al., Tensor field networks, arXiv:1802.08219, section 5.1, for the task.
    """
    positions = torch.tensor(_CUBES, dtype=torch.float64)
    return positions - positions.mean(dim=1, keepdim=True), torch.arange(8)
