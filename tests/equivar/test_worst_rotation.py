"""The climb finds the worst rotation where it is known, and stays on the rotations."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from equivar.measure import worst_rotation
from equivar.rotations import random_rotations, rotation_angle, rotation_grid

EYE = torch.eye(3).double()


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", range(4))
def test_it_finds_the_rotation_that_fits_a_matrix_best(seed: int) -> None:
    """Known in closed form: U V^T of the singular value decomposition, of determinant 1."""
    M = torch.randn(3, 3, generator=generator(seed), dtype=torch.float64)
    U, S, V = torch.linalg.svd(M)
    sign = torch.linalg.det(U @ V).sign()
    best = U @ torch.diag(torch.stack([sign / sign, sign / sign, sign])) @ V
    start = random_rotations(5, generator(9))
    R, found = worst_rotation(lambda R: (R * M).sum(dim=(-1, -2)), start, steps=150)
    wanted = S[0] + S[1] + sign * S[2]
    torch.testing.assert_close(found, wanted.expand(5), rtol=0, atol=1e-6)
    if S[1] + sign * S[2] > 0.1:  # else the best rotation is nearly not unique
        torch.testing.assert_close(R, best.expand(5, 3, 3), rtol=0, atol=1e-2)


def test_what_it_finds_are_rotations_and_never_worse_than_the_start() -> None:
    w = torch.randn(3, 3, generator=generator(1), dtype=torch.float64)

    def score(R: Tensor) -> Tensor:
        return torch.sin(4 * (R * w).sum(dim=(-1, -2))) + R[:, 0, 0]

    start = random_rotations(20, generator(2))
    R, found = worst_rotation(score, start, steps=200)
    torch.testing.assert_close(R @ R.mT, EYE.expand(20, 3, 3), rtol=0, atol=1e-12)
    assert (torch.linalg.det(R) > 0).all()
    torch.testing.assert_close(found, score(R))
    assert (found >= score(start)).all()
    assert (found > score(start) + 0.01).any()
    dense = score(rotation_grid(4000)).max()
    assert found.max() > dense - 1e-3


def test_the_flat_score_of_an_invariant_function_is_left_alone() -> None:
    x = torch.randn(4, 3, generator=generator(3), dtype=torch.float64)
    start = random_rotations(3, generator(4))
    _, found = worst_rotation(lambda R: (x @ R.mT).norm(dim=-1).sum(dim=-1), start)
    torch.testing.assert_close(found, x.norm(dim=-1).sum().expand(3), rtol=1e-13, atol=0)
    R, found = worst_rotation(lambda R: 0 * R[:, 0, 0] + 1, start)
    torch.testing.assert_close(R, start)
    assert found.tolist() == [1, 1, 1]


def test_no_steps_give_the_starts_and_more_steps_go_farther() -> None:
    start = random_rotations(6, generator(5))
    R, found = worst_rotation(far_from_first(start), start, steps=0)
    torch.testing.assert_close(R, start)
    _, few = worst_rotation(far_from_first(start), start, steps=3)
    assert (few >= found).all()
    assert few.sum() > found.sum() + 0.1


def far_from_first(start: Tensor) -> Callable[[Tensor], Tensor]:
    """A score whose maximum is known: the squared distance from one rotation, at most 8."""
    return lambda R: (R - start[0]).square().sum(dim=(-1, -2))


def test_the_farthest_rotation_is_a_half_turn_away() -> None:
    start = random_rotations(6, generator(6))
    R, found = worst_rotation(far_from_first(start), start[1:])
    torch.testing.assert_close(found, torch.full((5,), 8.0).double(), rtol=0, atol=1e-6)
    assert (rotation_angle(R @ start[0].mT) > 3.1).all()


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (torch.diag(torch.tensor([1.0, 1.0, -1.0]))[None], "start"),
        (2 * torch.eye(3)[None], "start"),
    ],
)
def test_starts_that_are_no_rotations_are_refused(start: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        worst_rotation(lambda R: R[:, 0, 0], start)


def test_a_score_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"has shape \(\); expected \(2,\)"):
        worst_rotation(lambda R: R.sum(), random_rotations(2, generator(7)))
