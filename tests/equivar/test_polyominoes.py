"""Polyominoes: as many as the literature counts, and the seven pieces among them."""

from __future__ import annotations

import pytest
import torch

from equivar.data import TETROMINOES, polyominoes, tetromino
from equivar.rotations import rotation_2d

FIXED = (1, 2, 6, 19, 63, 216, 760)  # Redelmeier (1981): up to translation alone
ONE_SIDED = (1, 1, 2, 7, 18, 60, 196)  # up to turns too
FREE = (1, 1, 2, 5, 12, 35, 108)  # up to turns and reflections


def key(cells: torch.Tensor) -> frozenset[tuple[float, ...]]:
    return frozenset(tuple(cell) for cell in cells.round(decimals=6).add(0.0).tolist())


def images(cells: torch.Tensor, reflect: bool) -> frozenset[frozenset[tuple[float, ...]]]:
    flips = [torch.eye(2), torch.diag(torch.tensor([1.0, -1.0]))][: 1 + reflect]
    turns = rotation_2d(torch.arange(4).double() * torch.pi / 2)
    return frozenset(key(cells @ (R @ flip.double()).mT) for R in turns for flip in flips)


@pytest.mark.parametrize("n", range(1, 8))
def test_there_are_as_many_as_the_literature_counts(n: int) -> None:
    shapes = polyominoes(n)
    assert shapes.shape == (FIXED[n - 1], n, 2)
    assert len({key(cells) for cells in shapes}) == FIXED[n - 1]
    assert len({images(cells, reflect=False) for cells in shapes}) == ONE_SIDED[n - 1]
    assert len({images(cells, reflect=True) for cells in shapes}) == FREE[n - 1]


def test_boxes_are_centered_and_cells_are_glued() -> None:
    for cells in polyominoes(5):
        torch.testing.assert_close(cells.amin(dim=0), -cells.amax(dim=0))
        touching = (torch.cdist(cells, cells) < 1.1).double()
        assert bool((torch.linalg.matrix_power(touching, 5) > 0).all())


def test_the_pieces_are_the_seven_that_no_turn_makes_equal() -> None:
    pieces = {name: images(tetromino(name), reflect=False) for name in TETROMINOES}
    assert len(set(pieces.values())) == 7
    assert set().union(*pieces.values()) == {key(cells) for cells in polyominoes(4)}
    mirrored = {name: images(tetromino(name), reflect=True) for name in TETROMINOES}
    assert len(set(mirrored.values())) == 5
    assert mirrored["S"] == mirrored["Z"]
    assert mirrored["L"] == mirrored["J"]


@pytest.mark.parametrize("n", [0, -1, 10, True])
def test_a_number_of_squares_that_makes_no_sense_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match=r"expected a number of squares from 1 to 9"):
        polyominoes(n)


def test_an_unknown_piece_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match=r"no tetromino 'X'; expected one of I, O, T, S, Z, L, J"):
        tetromino("X")
