"""The shapes in annotations are promises that every test run checks. Held here: it does."""

from __future__ import annotations

import pytest
import torch
from jaxtyping import TypeCheckError

from equivar.groups import Group
from equivar.measure import equivariance_error
from equivar.rotations import covering_radius, rotation_3d, rotation_angle


def test_an_argument_of_wrong_shape_raises_under_the_hook():
    with pytest.raises(TypeCheckError, match="rotation_angle"):
        rotation_angle(torch.ones(3, 2))
    with pytest.raises(TypeCheckError, match="covering_radius"):
        covering_radius(torch.ones(2, 3, 3), torch.ones(3, 3))


def test_shapes_must_agree_between_arguments():
    with pytest.raises(TypeCheckError, match="rotation_3d"):
        rotation_3d(torch.ones(2, 3), torch.ones(5))


def test_an_argument_of_wrong_kind_raises_under_the_hook():
    with pytest.raises(TypeCheckError, match="rotation_angle"):
        rotation_angle(torch.ones(3, 3, dtype=torch.int64))


def test_a_field_of_wrong_shape_raises_under_the_hook():
    with pytest.raises(TypeCheckError, match="Group"):
        Group(torch.zeros(2, 3, dtype=torch.int64))


def test_a_result_of_wrong_shape_raises_under_the_hook():
    """`equivariance_error` promises a 0-dim tensor; here a tensor divides wrongly."""

    class Liar(torch.Tensor):
        def __truediv__(self, other: torch.Tensor) -> torch.Tensor:
            return torch.ones(2)

    x = torch.ones(3).as_subclass(Liar)
    with pytest.raises(TypeCheckError, match="return"):
        equivariance_error(lambda x: x, x, lambda x: x)
