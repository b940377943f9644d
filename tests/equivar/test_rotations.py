from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from strategies import SPECIAL_ROTATIONS, angles, axes, orthogonals, rotations, vectors
from torch import Tensor

from equivar.rotations import (
    rotation_2d,
    rotation_3d,
    rotation_angle,
)

EYE = torch.eye(3, dtype=torch.float64)


def close(actual: Tensor, expected: Tensor, atol: float = 1e-14) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# Two dimensions


@given(angles(), angles())
def test_angles_in_the_plane_add(a: float, b: float):
    close(rotation_2d(a) @ rotation_2d(b), rotation_2d(a + b))


@given(angles())
def test_a_plane_rotation_multiplies_complex_numbers_by_a_phase(angle: float):
    turned = np.exp(1j * angle) * (3 - 2j)
    actual = rotation_2d(angle) @ torch.tensor([3.0, -2.0], dtype=torch.float64)
    close(actual, torch.tensor([turned.real, turned.imag], dtype=torch.float64))


@given(angles())
def test_a_plane_rotation_is_a_rotation_about_z(angle: float):
    z = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    close(rotation_3d(z, angle)[:2, :2], rotation_2d(angle))


# Three dimensions


@given(axes(), angles())
def test_rotation_3d_agrees_with_scipy(axis: Tensor, angle: float):
    expected = Rotation.from_rotvec(angle * axis.numpy() / axis.norm().item()).as_matrix()
    close(rotation_3d(axis, angle), torch.from_numpy(expected))


@given(axes(), angles())
def test_a_rotation_is_orthogonal_proper_and_keeps_its_axis(axis: Tensor, angle: float):
    R = rotation_3d(axis, angle)
    close(R @ R.mT, EYE)
    close(torch.linalg.det(R), torch.tensor(1.0, dtype=torch.float64))
    close(R @ axis, axis, atol=1e-13)


@given(axes(), angles(), orthogonals())
def test_turning_the_axis_turns_the_rotation(axis: Tensor, angle: float, Q: Tensor):
    """R(Q u, angle) = Q R(u, angle) Q^T, and with a reflection Q the sense of the turn reverses."""
    sense = torch.linalg.det(Q).round().item()
    close(rotation_3d(Q @ axis, sense * angle), Q @ rotation_3d(axis, angle) @ Q.mT, atol=1e-13)


@given(axes(), st.floats(-3, 3), vectors())
def test_rotations_are_the_flow_of_the_cross_product(axis: Tensor, angle: float, r: Tensor):
    """d/dt R(u, t) r = u x R(u, t) r: the definition of counter-clockwise."""
    unit = axis / axis.norm()
    t = torch.tensor(angle, dtype=torch.float64)
    flow = torch.autograd.functional.jacobian(lambda t: rotation_3d(axis, t) @ r, t)
    close(flow, torch.linalg.cross(unit, rotation_3d(axis, angle) @ r), atol=1e-13)


def test_a_quarter_turn_about_z_takes_x_to_y():
    R = rotation_3d(torch.tensor([0.0, 0.0, 2.0], dtype=torch.float64), math.pi / 2)
    close(R, torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]], dtype=torch.float64))


def test_axes_and_angles_broadcast():
    axis = torch.randn(4, 1, 3, generator=seeded(), dtype=torch.float64)
    angle = torch.randn(5, generator=seeded(1), dtype=torch.float64)
    R = rotation_3d(axis, angle)
    assert R.shape == (4, 5, 3, 3)
    close(R[2, 3], rotation_3d(axis[2, 0], angle[3]))
    assert rotation_2d(angle.reshape(5, 1)).shape == (5, 1, 2, 2)


@pytest.mark.parametrize("length", [1e-300, 1e300])
def test_the_length_of_the_axis_does_not_matter(length: float):
    axis = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    close(rotation_3d(length * axis, 0.7), rotation_3d(axis, 0.7))


@pytest.mark.parametrize("bad", [[0.0, 0.0, 0.0], [math.nan, 1.0, 0.0], [math.inf, 1.0, 0.0]])
def test_an_axis_that_points_nowhere_is_refused_by_value_and_index(bad: list[float]):
    with pytest.raises(ValueError, match=rf"the axis is \[{bad[0]}, .* not zero"):
        rotation_3d(torch.tensor(bad), 1.0)
    with pytest.raises(ValueError, match=rf"the axis at index \[1\] is \[{bad[0]}"):
        rotation_3d(torch.tensor([[1.0, 0.0, 0.0], bad]), 1.0)


@pytest.mark.parametrize("angle", [0.0, 1e-6, 1.0, math.pi])
def test_rotations_are_differentiable_in_angle_and_axis(angle: float):
    theta = torch.tensor(angle, dtype=torch.float64, requires_grad=True)
    axis = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(rotation_2d, (theta,))
    assert torch.autograd.gradcheck(rotation_3d, (axis, theta))
    assert torch.autograd.gradgradcheck(rotation_3d, (axis, theta))


# The angle


@given(axes(), angles())
def test_the_angle_is_that_of_scipy(axis: Tensor, angle: float):
    R = rotation_3d(axis, angle)
    expected = Rotation.from_matrix(R.numpy()).magnitude()
    assert rotation_angle(R).item() == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("offset", [0.0, 1e-12, 1e-9, 1e-6, 1e-3])
@pytest.mark.parametrize("axis", [[1.0, 0, 0], [1.0, -2, 0.5]])
def test_the_angle_keeps_its_digits_near_zero_and_pi(offset: float, axis: list[float]):
    u = torch.tensor(axis, dtype=torch.float64)
    assert rotation_angle(rotation_3d(u, offset)).item() == pytest.approx(offset, rel=1e-14)
    near_pi = rotation_angle(rotation_3d(u, math.pi - offset)).item()
    assert math.pi - near_pi == pytest.approx(offset, abs=1e-15)


@given(rotations(), rotations(), orthogonals())
def test_the_angle_between_rotations_is_a_distance_that_rotating_both_keeps(
    A: Tensor, B: Tensor, Q: Tensor
):
    between = rotation_angle(A.mT @ B)
    close(rotation_angle(B.mT @ A), between)
    close(rotation_angle((Q @ A).mT @ (Q @ B)), between)
    assert between <= rotation_angle(A) + rotation_angle(B) + 1e-14


def test_the_gradient_of_the_angle_is_right_inside_and_finite_at_the_ends():
    u = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    inside = torch.tensor([0.1, 1.5, 3.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: rotation_angle(rotation_3d(u, t)), (inside,))
    ends = torch.tensor([0.0, math.pi], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(rotation_angle(rotation_3d(u, ends)).sum(), ends)
    assert gradient.isfinite().all()


def test_a_matrix_that_reflects_has_no_angle():
    with pytest.raises(ValueError, match=r"at index \[1\] has a negative determinant"):
        rotation_angle(torch.stack([EYE, -EYE]))


# For all of them


def test_results_follow_the_dtype_of_their_inputs():
    axis, angle = torch.tensor([0.0, 1.0, 1.0]), torch.tensor(0.3)
    for R in (rotation_2d(angle), rotation_3d(axis, angle), rotation_3d(axis, 1)):
        assert R.dtype == torch.float32
    assert rotation_angle(rotation_3d(axis, angle)).dtype == torch.float32
    assert rotation_2d(0.3).dtype == torch.float64


def test_empty_batches_pass():
    empty = rotation_3d(torch.zeros(0, 3), torch.zeros(0))
    assert empty.shape == (0, 3, 3)
    assert rotation_angle(empty).shape == (0,)
    assert rotation_2d(torch.zeros(0)).shape == (0, 2, 2)


@pytest.mark.parametrize("R", SPECIAL_ROTATIONS.values(), ids=SPECIAL_ROTATIONS)
def test_special_rotations_are_rotations(R: Tensor):
    close(R @ R.mT, EYE)
    close(torch.linalg.det(R), torch.tensor(1.0, dtype=torch.float64))
