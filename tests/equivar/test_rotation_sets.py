"""Rotations by the list: drawn at random, spread on a grid, and the gaps that they leave."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.spatial.transform import Rotation
from torch import Tensor

from equivar.rotations import (
    covering_radius,
    random_orthogonal,
    random_rotations,
    rotation_angle,
    rotation_grid,
)

ROOT_OF_PSI = 1.533751168755204288118041


def close(actual: Tensor, expected: Tensor, atol: float = 1e-14) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# Drawn at random


@pytest.mark.parametrize("draw", [random_rotations, random_orthogonal])
def test_random_matrices_have_the_moments_of_the_group(draw):
    """E[R_ij] = 0, E[R_ij R_kl] = d_ik d_jl / 3, and the third moments tell SO(3) from O(3):

    E[R_ij R_kl R_mn] = e_ikm e_jln / 6 for rotations, as det R = 1, and 0 with reflections.
    """
    R = draw(40_000, seeded()).flatten(1)
    n, bound = len(R), 5 / math.sqrt(40_000)  # five standard deviations of an entry at most 1
    close(R.mean(0), torch.zeros(9, dtype=R.dtype), atol=bound)
    close(R.mT @ R / n, torch.eye(9, dtype=R.dtype) / 3, atol=bound)
    third = torch.einsum("ni,nj,nk->ijk", R, R, R) / n
    e = torch.zeros(3, 3, 3, dtype=R.dtype)
    for i, j, k in [(0, 1, 2), (1, 2, 0), (2, 0, 1)]:
        e[i, j, k], e[i, k, j] = 1, -1
    exact = torch.einsum("ikm,jln->ijklmn", e, e).reshape(9, 9, 9) / 6
    close(third, exact if draw is random_rotations else 0 * exact, atol=bound)


def test_random_rotations_have_the_angles_and_axes_of_the_uniform_law():
    """Angles have the distribution (t - sin t) / pi, and an axis's coordinate is uniform."""
    R = random_rotations(20_000, seeded())
    angle = rotation_angle(R).numpy()
    assert stats.kstest(angle, lambda t: (t - np.sin(t)) / np.pi).pvalue > 0.01
    rotvec = Rotation.from_matrix(R.numpy()).as_rotvec()
    for coordinate in (rotvec / angle[:, None]).T:
        assert stats.kstest(coordinate, stats.uniform(-1, 2).cdf).pvalue > 0.01


def test_drawing_axis_and_angle_uniformly_would_not_be_uniform():
    """The control: the common mistake fails the test above."""
    angle = np.pi * torch.rand(20_000, generator=seeded()).numpy()
    assert stats.kstest(angle, lambda t: (t - np.sin(t)) / np.pi).pvalue < 1e-6


def test_both_determinants_come_equally_often():
    det = torch.linalg.det(random_orthogonal(10_000, seeded()))
    assert abs((det > 0).double().mean().item() - 0.5) < 0.025  # five standard deviations


@pytest.mark.parametrize("draw", [random_rotations, random_orthogonal])
def test_draws_repeat_with_their_generator_and_with_the_global_seed(draw):
    assert torch.equal(draw(3, seeded(7)), draw(3, seeded(7)))
    assert not torch.equal(draw(3, seeded(7)), draw(3, seeded(8)))
    torch.manual_seed(7)
    first = draw(3)
    torch.manual_seed(7)
    assert torch.equal(first, draw(3))


# The grid


def test_the_constant_of_the_grid_is_a_root():
    assert math.isclose(ROOT_OF_PSI**4, ROOT_OF_PSI + 4, rel_tol=1e-15)


def test_the_grid_is_the_spiral_of_the_paper():
    """The paper's loop, typed again; SciPy's quaternions have the real part last."""
    n, quaternions = 50, []
    for i in range(n):
        s = i + 0.5
        t, a, b = s / n, 2 * np.pi * s / np.sqrt(2), 2 * np.pi * s / ROOT_OF_PSI
        first, second = np.sqrt(t), np.sqrt(1 - t)
        real, *rest = first * np.sin(a), first * np.cos(a), second * np.sin(b), second * np.cos(b)
        quaternions.append([*rest, real])
    close(rotation_grid(n), torch.from_numpy(Rotation.from_quat(quaternions).as_matrix()), 1e-13)


@pytest.mark.parametrize("n", [50, 500])
def test_the_grid_leaves_smaller_gaps_than_chance(n: int):
    probes = random_rotations(20_000, seeded(99))
    gap = covering_radius(rotation_grid(n), probes)
    chance = [covering_radius(random_rotations(n, seeded(seed)), probes) for seed in range(5)]
    assert gap < 0.85 * min(chance)


def test_no_covering_beats_counting_volumes():
    """n balls of radius t fill at most n (t - sin t) / pi of SO(3), so the gap cannot be less."""
    n = 500
    t = covering_radius(rotation_grid(n), random_rotations(20_000, seeded())).item()
    assert n * (t - math.sin(t)) / math.pi > 1
    assert n * (t - math.sin(t)) / math.pi < 4  # and the grid is not far above


def test_the_grid_has_the_moments_of_the_group_better_than_chance():
    def miss(R: Tensor) -> float:
        R = R.flatten(1)
        second = R.mT @ R / len(R) - torch.eye(9, dtype=R.dtype) / 3
        return (R.mean(0).norm() + second.norm()).item()

    chance = [miss(random_rotations(1000, seeded(seed))) for seed in range(5)]
    assert miss(rotation_grid(1000)) < 0.1 * min(chance)


def test_a_covering_radius_is_the_largest_of_smallest_angles():
    R, probes = rotation_grid(20), random_rotations(30, seeded())
    smallest = [min(rotation_angle(A.mT @ B).item() for A in R) for B in probes]
    assert covering_radius(R, probes).item() == pytest.approx(max(smallest), abs=1e-12)
    assert covering_radius(R, R) < 1e-7


@pytest.mark.parametrize(("n", "m"), [(0, 1), (1, 0)])
def test_a_covering_radius_needs_rotations_and_probes(n: int, m: int):
    with pytest.raises(ValueError, match=f"got {n} rotations and {m} probes"):
        covering_radius(rotation_grid(n), rotation_grid(m))


# For all of them


@pytest.mark.parametrize("make", [random_rotations, random_orthogonal, rotation_grid])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [0, 1, 7])
def test_lists_are_orthogonal_in_the_dtype_and_on_the_device_asked_for(make, dtype, n: int):
    R = make(n, dtype=dtype, device="cpu")
    assert R.shape == (n, 3, 3)
    assert R.dtype == dtype
    tolerance = 10 * torch.finfo(dtype).eps
    close(R @ R.mT, torch.eye(3, dtype=dtype).expand(n, 3, 3), atol=tolerance)
    assert make(n, device="meta").device.type == "meta"
