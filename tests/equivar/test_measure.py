from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from strategies import SPECIAL_ORTHOGONALS, orthogonals, permutations, point_clouds
from torch import Tensor

from equivar.measure import equivariance_error, orbit


def lengths(x: Tensor) -> Tensor:
    return x.norm(dim=-1)


def shifted(x: Tensor) -> Tensor:
    """Rounding is relative to the largest intermediate, so a shift keeps outputs off zero."""
    return lengths(x).sum() + 1


@given(point_clouds(), orthogonals())
def test_a_sum_of_lengths_is_invariant_under_rotations_and_reflections(x: Tensor, Q: Tensor):
    assert equivariance_error(shifted, x, lambda x: x @ Q.mT) < 1e-14


@given(point_clouds(min_size=5, max_size=5), permutations(5))
def test_lengths_are_equivariant_and_their_sum_invariant_under_permutations(x: Tensor, p: Tensor):
    def permute(x: Tensor) -> Tensor:
        return x[p]

    one = torch.ones(1, 3, dtype=x.dtype)  # so that the output is not zero
    assert equivariance_error(lambda x: lengths(x + one) + 1, x, permute, permute) == 0
    assert equivariance_error(shifted, x, permute) < 1e-14


@pytest.mark.parametrize("Q", SPECIAL_ORTHOGONALS.values(), ids=SPECIAL_ORTHOGONALS)
def test_the_cross_product_rotates_as_a_vector_and_ignores_inversion(Q: Tensor):
    x = torch.tensor([[1.0, -2.0, 0.5], [0.3, 1.0, 2.0]], dtype=torch.float64)

    def cross(x: Tensor) -> Tensor:
        return torch.linalg.cross(x[0], x[1])

    act_in, det = (lambda x: x @ Q.mT), torch.linalg.det(Q)
    assert equivariance_error(cross, x, act_in, lambda y: det * Q @ y) < 1e-14
    if det < 0:  # the control: a vector it is not
        torch.testing.assert_close(
            equivariance_error(cross, x, act_in, lambda y: Q @ y).item(), 2.0, rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("angle", [0.0, 1e-3, math.pi / 3, math.pi])
def test_a_shift_breaks_rotation_by_a_known_amount(angle: float):
    """f(x) = x + t has error |t - R t| / |x + t|, which is 2 sin(angle / 2) / 2 for x = t = e_1."""
    c, s = math.cos(angle), math.sin(angle)
    R = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
    t = torch.tensor([1.0, 0.0], dtype=torch.float64)
    error = equivariance_error(lambda x: x + t, t, lambda x: R @ x, lambda y: R @ y)
    assert error.item() == pytest.approx(math.sin(angle / 2), abs=1e-15)


def test_a_coordinate_is_not_invariant():
    x = torch.tensor([[1.0, 2.0, 3.0]])
    assert equivariance_error(lambda x: x[:, 0], x, lambda x: x.roll(1, dims=1)) > 0.1


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e30])
def test_the_unit_of_the_output_does_not_matter(scale: float):
    x = torch.tensor([1.0, 2.0], dtype=torch.float64)
    error = equivariance_error(lambda x: scale * x[0], x, lambda x: x.flip(0))
    assert error.item() == pytest.approx(1.0)


def test_a_zero_output_passes_no_bound():
    x = torch.tensor([1.0, 2.0])
    assert equivariance_error(torch.zeros_like, x, lambda x: x.flip(0)).isnan()
    only_here = equivariance_error(lambda x: (x[0] - 1)[None], x, lambda x: x.flip(0))
    assert only_here.isinf()
    assert not only_here < 1e9


def test_nan_in_one_entry_is_not_hidden():
    x = torch.tensor([1.0, math.nan, 2.0])
    assert equivariance_error(lambda x: x, x, lambda x: x, lambda y: y).isnan()
    only_after_acting = equivariance_error(torch.sqrt, torch.tensor([1.0, 4.0]), lambda x: -x)
    assert only_after_acting.isnan()


def test_outputs_may_be_integers_or_complex():
    x = torch.tensor([3.0, 1.0, 2.0])
    flip = lambda x: x.flip(0)  # noqa: E731
    assert equivariance_error(lambda x: x.argsort().argsort(), x, flip, flip) == 0
    assert equivariance_error(lambda x: x.argmax() + 1, x, flip) == 2  # class 1 becomes class 3
    assert equivariance_error(lambda x: x > 2.5, x, flip) == math.sqrt(2)
    assert equivariance_error(lambda x: torch.fft.fft(x).abs() + 0j, x, flip) < 1e-6


def test_the_error_is_a_penalty_with_a_gradient():
    x = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)

    def error(w: Tensor) -> Tensor:
        return equivariance_error(lambda x: w * x, x, lambda x: x.roll(1), lambda y: y.roll(1))

    w = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(error, (w,))


def test_sides_of_different_shape_are_refused_with_both_shapes():
    x = torch.ones(3, 2)
    with pytest.raises(ValueError, match=r"act_in.*\(2, 2\).*f\(x\) has shape \(3, 2\)"):
        equivariance_error(lambda x: x, x, lambda x: x[:2])
    with pytest.raises(ValueError, match=r"act_out\(f\(x\)\) has shape \(1, 3, 2\)"):
        equivariance_error(lambda x: x, x, lambda x: x, lambda y: y[None])


def test_an_orbit_lists_the_images_in_order():
    x = torch.tensor([[1.0, 2.0], [0.0, -1.0]])
    turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    elements = torch.stack([torch.linalg.matrix_power(turn, k) for k in range(4)])
    images = orbit(x, elements, lambda R, x: x @ R.mT)
    torch.testing.assert_close(images[1], torch.tensor([[-2.0, 1.0], [1.0, 0.0]]))
    torch.testing.assert_close(images[2], -x)
    assert images.shape == (4, 2, 2)


@given(point_clouds(min_size=4, max_size=4))
def test_the_mean_over_an_orbit_is_invariant(x: Tensor):
    def mean(x: Tensor) -> Tensor:
        images = orbit(x, range(4), lambda g, x: x.roll(g, dims=0))
        return (images * torch.arange(12).reshape(4, 3)).sum(dim=(1, 2)).sort().values + 1e3

    assert equivariance_error(mean, x, lambda x: x.roll(1, dims=0)) < 1e-14


def test_the_orbit_under_no_elements_is_empty():
    assert orbit(torch.ones(3, 2), [], lambda g, x: x).shape == (0, 3, 2)


def test_an_action_that_changes_the_shape_is_refused():
    with pytest.raises(ValueError, match=r"shape \(2,\) for element number 1, .* shape \(3,\)"):
        orbit(torch.ones(3), [3, 2], lambda g, x: x[:g])
