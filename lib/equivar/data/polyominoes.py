"""Squares glued edge to edge: the smallest pictures whose symmetry can be counted by hand."""

from __future__ import annotations

import torch
from torch import Tensor

from equivar._shapes import Float

__all__ = ["TETROMINOES", "polyominoes", "tetromino"]

_CELLS = {
    "I": ((0, 0), (1, 0), (2, 0), (3, 0)),
    "O": ((0, 0), (1, 0), (0, 1), (1, 1)),
    "T": ((0, 0), (1, 0), (2, 0), (1, 1)),
    "S": ((0, 0), (1, 0), (1, 1), (2, 1)),
    "Z": ((0, 1), (1, 1), (1, 0), (2, 0)),
    "L": ((0, 0), (1, 0), (2, 0), (2, 1)),
    "J": ((0, 0), (1, 0), (2, 0), (0, 1)),
}

TETROMINOES = tuple(_CELLS)
"""The seven pieces of the game, by the letter that each looks like. S and Z are mirror images of
each other, and so are L and J."""

_LARGEST = 9


def tetromino(name: str) -> Float[Tensor, "4 2"]:
    """The cells of one tetromino, its bounding box centered at the origin.

    Centered, so that turning and reflecting about the origin keeps the box centered, and two
    pieces that differ by such a motion alone have the same set of cells.

    Args:
        name: one of `TETROMINOES`.

    Returns:
        The centers of the cells (4, 2), x right and y up, edge length 1, float64.

    Raises:
        ValueError: there is no piece of that name.

    >>> tetromino("T").tolist()
    [[-1.0, -0.5], [0.0, -0.5], [1.0, -0.5], [0.0, 0.5]]
    """
    if name not in _CELLS:
        raise ValueError(f"there is no tetromino {name!r}; expected one of {', '.join(_CELLS)}")
    return _centered(_CELLS[name])


def polyominoes(n: int) -> Float[Tensor, "count n 2"]:
    """Every shape that n squares make, glued edge to edge, each orientation counted on its own.

    Found by growing: every shape of n squares is one of n - 1 with a square added. No symmetry is
    used, so the list can check what counting by symmetry says.

    Args:
        n: the number of squares, from 1 to 9; there are 9,910 shapes of nine.

    Returns:
        The centers of the cells (count, n, 2), bounding box centered at the origin, edge length 1,
        float64. No shape occurs twice, and cells are in ascending order.

    Raises:
        ValueError: n is not a whole number from 1 to 9.

    >>> [len(polyominoes(n)) for n in range(1, 6)]
    [1, 2, 6, 19, 63]

    Source:
        Redelmeier, Discrete Math. 36, 191 (1981), for the counts.
    """
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= _LARGEST:
        raise ValueError(f"got n = {n!r}; expected a number of squares from 1 to {_LARGEST}")
    shapes: set[tuple[tuple[int, int], ...]] = {((0, 0),)}
    for _ in range(n - 1):
        shapes = {
            _to_corner({*cells, (x + dx, y + dy)})
            for cells in shapes
            for x, y in cells
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1))
            if (x + dx, y + dy) not in cells
        }
    return torch.stack([_centered(cells) for cells in sorted(shapes)])


def _to_corner(cells: set[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    left, low = (min(axis) for axis in zip(*cells, strict=True))
    return tuple(sorted((x - left, y - low) for x, y in cells))


def _centered(cells: tuple[tuple[int, int], ...]) -> Float[Tensor, "n 2"]:
    points = torch.tensor(cells, dtype=torch.float64)
    return points - (points.amin(dim=0) + points.amax(dim=0)) / 2
