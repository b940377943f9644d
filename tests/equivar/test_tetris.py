"""The shapes are all the ways to glue four cubes, and one pair of them are mirror images."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from equivar.data import TETRIS, tetris


def cube_group() -> list[Tensor]:
    """The 48 matrices that permute and flip the axes."""
    found = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product([1.0, -1.0], repeat=3):
            found.append(torch.diag(torch.tensor(signs, dtype=torch.float64))[list(order)])
    return found


def cells(shape: Tensor) -> frozenset[tuple[int, ...]]:
    """A shape as whole numbers, in whatever order its cubes come."""
    corner = shape - shape.min(dim=0).values
    return frozenset(tuple(cube) for cube in corner.round().int().tolist())


def same(a: Tensor, b: Tensor, proper: bool) -> bool:
    group = [g for g in cube_group() if not proper or torch.linalg.det(g) > 0]
    return any(cells(a @ g.mT) == cells(b) for g in group)


def grown(n: int) -> list[Tensor]:
    """All shapes of n cubes glued face to face, up to rotations, by adding cubes one by one."""
    if n == 1:
        return [torch.zeros(1, 3, dtype=torch.float64)]
    steps = torch.cat([torch.eye(3), -torch.eye(3)]).double()
    found: list[Tensor] = []
    for smaller in grown(n - 1):
        for cube in (smaller[:, None] + steps).reshape(-1, 3):
            shape = torch.cat([smaller, cube[None]])
            if len(cells(shape)) == n and not any(same(shape, old, True) for old in found):
                found.append(shape)
    return found


def test_they_are_all_the_shapes_of_four_cubes() -> None:
    positions, labels = tetris()
    every = grown(4)
    assert len(every) == len(labels) == len(TETRIS) == 8
    for shape in positions:
        assert sum(same(shape, other, True) for other in every) == 1
    for other in every:
        assert sum(same(shape, other, True) for shape in positions) == 1


@pytest.mark.parametrize("label", range(8))
def test_only_the_chiral_pair_are_mirror_images(label: int) -> None:
    positions, _ = tetris()
    partner = {0: 1, 1: 0}.get(label, label)
    mirrored = -positions[label]
    assert [i for i in range(8) if same(mirrored, positions[i], True)] == [partner]
    distances = [torch.cdist(p, p).flatten().sort().values for p in positions]
    torch.testing.assert_close(distances[0], distances[1])


def test_centered_and_fresh_at_each_call() -> None:
    positions, labels = tetris()
    torch.testing.assert_close(positions.mean(dim=1), torch.zeros(8, 3).double())
    assert labels.tolist() == list(range(8))
    positions += 1
    assert tetris()[0].mean().abs() < 1e-12
