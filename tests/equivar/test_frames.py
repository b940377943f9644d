"""Distances are invariant, Gaussians describe them, and elements are not ranked."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from scipy.spatial.distance import cdist
from strategies import SPECIAL_ORTHOGONALS, orthogonals, point_clouds, vectors
from torch import Tensor

from equivar.frames import one_hot, pairwise_distances, radial_features
from equivar.measure import equivariance_error

CLOUD = torch.tensor(
    [[0.3, -1.2, 0.5], [-0.7, 0.4, 2.0], [1.1, 0.9, -0.8], [0.0, 0.0, 0.0]], dtype=torch.float64
)


@given(point_clouds())
def test_distances_are_those_of_scipy(cloud: Tensor) -> None:
    np.testing.assert_allclose(
        pairwise_distances(cloud).numpy(), cdist(cloud.numpy(), cloud.numpy()), atol=1e-12
    )


@given(point_clouds(), orthogonals(), vectors())
def test_distances_do_not_feel_an_isometry(cloud: Tensor, R: Tensor, t: Tensor) -> None:
    torch.testing.assert_close(
        pairwise_distances(cloud @ R.mT + t), pairwise_distances(cloud), atol=1e-12, rtol=0
    )


@pytest.mark.parametrize("name", SPECIAL_ORTHOGONALS)
def test_distances_are_invariant_and_coordinates_are_not(name: str) -> None:
    R = SPECIAL_ORTHOGONALS[name]
    assert equivariance_error(pairwise_distances, CLOUD, lambda p: p @ R.mT) < 1e-14
    if not torch.equal(R, torch.eye(3, dtype=R.dtype)) and "tiny" not in name:
        assert equivariance_error(lambda p: p, CLOUD, lambda p: p @ R.mT) > 0.1


def test_distances_permute_with_the_points() -> None:
    order = torch.tensor([2, 0, 3, 1])
    d = pairwise_distances(CLOUD)
    torch.testing.assert_close(pairwise_distances(CLOUD[order]), d[order][:, order])


def test_distances_far_from_the_origin_keep_their_digits() -> None:
    near, far = pairwise_distances(CLOUD), pairwise_distances(CLOUD + 1e6)
    assert torch.linalg.vector_norm(far - near) < 1e-8 * torch.linalg.vector_norm(near)


def test_gradient_is_finite_where_points_coincide() -> None:
    cloud = CLOUD[[0, 0, 1]].requires_grad_()
    (gradient,) = torch.autograd.grad(pairwise_distances(cloud).sum(), cloud)
    assert bool(torch.isfinite(gradient).all())


def test_gradients_of_distances_and_features() -> None:
    cloud = CLOUD[:3].clone().requires_grad_()
    upper = torch.triu_indices(3, 3, offset=1)
    assert torch.autograd.gradcheck(lambda p: pairwise_distances(p)[upper[0], upper[1]], cloud)
    assert torch.autograd.gradcheck(lambda p: radial_features(p, 4, 3.0), cloud)


def test_no_points_have_no_distances() -> None:
    assert pairwise_distances(torch.zeros(0, 3)).shape == (0, 0)
    assert pairwise_distances(torch.zeros(2, 0, 3)).shape == (2, 0, 0)


def test_features_are_gaussians_two_steps_wide() -> None:
    features = radial_features(torch.tensor([1.3], dtype=torch.float64), n_radial=5, cutoff=4.0)
    by_hand = [math.exp(-0.5 * ((1.3 - center) / 2.0) ** 2) for center in (0, 1, 2, 3, 4)]
    torch.testing.assert_close(features[0], torch.tensor(by_hand, dtype=torch.float64))


@pytest.mark.parametrize(("n_radial", "cutoff"), [(1, 4.0), (8, 0.0), (8, -1.0)])
def test_features_refuse_a_step_that_does_not_exist(n_radial: int, cutoff: float) -> None:
    with pytest.raises(ValueError, match=f"n_radial={n_radial} and cutoff={cutoff}"):
        radial_features(torch.ones(2), n_radial, cutoff)


def test_an_element_that_was_not_named_is_refused_by_its_number() -> None:
    with pytest.raises(ValueError, match=r"\[6, 7\].*species are \[1, 8\]"):
        one_hot(torch.tensor([1, 7, 6]), torch.tensor([1, 8]))


def test_one_hot_names_each_element_once() -> None:
    hot = one_hot(torch.tensor([8, 1, 8]), torch.tensor([1, 6, 8]))
    assert hot.int().tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 1]]
