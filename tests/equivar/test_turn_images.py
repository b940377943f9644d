"""Images turned by any angle: exact at quarter turns, by interpolation in between."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from equivar.group_conv import turn_images


def images(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("k", range(-1, 6))
@pytest.mark.parametrize("size", [1, 4, 7])
def test_quarter_turns_are_those_of_torch(k: int, size: int) -> None:
    x = images(2, 3, size, size)
    torch.testing.assert_close(turn_images(x, k * math.pi / 2), x.rot90(k, (-2, -1)))


def test_a_point_goes_where_the_rotation_takes_it() -> None:
    """Counter-clockwise with y up, on an image that is not square."""
    x = torch.zeros(1, 1, 21, 41, dtype=torch.float64)
    x[0, 0, 10, 25] = 1.0  # five to the right of the middle
    angle = math.radians(37)
    y = turn_images(x, angle)[0, 0]
    rows, columns = torch.meshgrid(torch.arange(21.0), torch.arange(41.0), indexing="ij")
    at = [
        ((y * (columns - 20)).sum() / y.sum()).item(),
        -((y * (rows - 10)).sum() / y.sum()).item(),
    ]
    assert at == pytest.approx([5 * math.cos(angle), 5 * math.sin(angle)], abs=0.15)


@given(st.floats(-10, 10))
@settings(max_examples=30, deadline=None)
def test_it_is_linear_and_makes_nothing_larger(angle: float) -> None:
    x, y = images(2, 1, 1, 6, 6)
    both = turn_images(2 * x - y, angle)
    torch.testing.assert_close(both, 2 * turn_images(x, angle) - turn_images(y, angle))
    assert turn_images(x, angle).abs().max() <= x.abs().max() * (1 + 1e-9)


def test_a_turn_back_restores_smooth_images_and_no_others() -> None:
    """The control: a checkerboard of pixels is lost between the pixels."""
    axis = torch.arange(33, dtype=torch.float64) - 16
    r2 = (axis - 3)[:, None] ** 2 + (axis + 2) ** 2
    smooth, rough = torch.exp(-r2 / 50), torch.where((axis[:, None] + axis) % 2 == 0, 1.0, -1.0)
    lost = []
    for x in (smooth, rough * torch.exp(-r2 / 50)):
        back = turn_images(turn_images(x[None, None], math.pi / 4), -math.pi / 4)
        lost.append(((back - x).norm() / x.norm()).item())
    assert lost[0] < 0.02
    assert lost[1] > 0.5


def test_derivatives_types_and_nothing() -> None:
    x = images(1, 2, 3, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: turn_images(x, 0.3), (x,))
    assert turn_images(images(2, 1, 5, 5).float(), 0.3).dtype == torch.float32
    assert turn_images(images(0, 1, 5, 5), 0.3).shape == (0, 1, 5, 5)


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected \(\.\.\., batch, channels, height, width\)"):
        turn_images(images(5, 5), 0.3)
    with pytest.raises(ValueError, match="angle nan"):
        turn_images(images(1, 1, 5, 5), math.nan)
