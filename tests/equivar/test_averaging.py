"""A mean over a few rotations: exact up to the degree that the group allows, else as chance is."""

from __future__ import annotations

import math

import pytest
import torch
from e3nn import o3
from hypothesis import given
from strategies import rotations as some_rotation

from equivar.averaging import averaging_error, solid_rotations
from equivar.data import SOLIDS, platonic_solid
from equivar.rotations import random_rotations, rotation_3d
from equivar.so3 import spherical_harmonics

close = torch.testing.assert_close
EXACT = {"tetrahedron": 2, "cube": 3, "icosahedron": 5}


@pytest.mark.parametrize("name", SOLIDS)
def test_the_rotations_of_a_solid_are_a_group_that_keeps_it(name: str) -> None:
    R, corners = solid_rotations(name), platonic_solid(name)[0]
    close(R[0], torch.eye(3, dtype=torch.float64), atol=1e-12, rtol=0)
    assert bool((torch.linalg.det(R) > 0).all())
    products = (R[:, None] @ R).flatten(0, 1)
    assert torch.cdist(products.flatten(1), R.flatten(1)).amin(dim=1).max() < 1e-6
    assert torch.cdist(corners @ R.mT, corners).amin(dim=-1).max() < 1e-6


@pytest.mark.parametrize("name", EXACT)
def test_a_solid_is_exact_up_to_its_degree_and_not_beyond(name: str) -> None:
    errors = averaging_error(solid_rotations(name), 9)
    exact = EXACT[name]
    assert errors[0] == pytest.approx(1)
    assert errors[1 : exact + 1].max() < 1e-14
    assert errors[exact + 1] == pytest.approx(1 / math.sqrt(2 * exact + 3))  # one invariant


@pytest.mark.parametrize("name", EXACT)
def test_a_group_leaves_what_characters_count(name: str) -> None:
    """The number of invariants of degree l, from the angles alone."""
    R = solid_rotations(name)
    angle = ((R.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2).clamp(-1, 1).arccos()
    m = torch.arange(-9, 10).double()
    for l, error in enumerate(averaging_error(R, 9)):
        character = torch.cos(angle[:, None] * m[m.abs() <= l]).sum(dim=1)
        close(error.square() * (2 * l + 1), character.mean(), atol=1e-9, rtol=0)


@given(some_rotation())
def test_errors_do_not_know_the_axes(S: torch.Tensor) -> None:
    R = random_rotations(5, torch.Generator().manual_seed(1))
    S = S.double()
    close(averaging_error(S @ R, 4), averaging_error(R, 4), atol=1e-9, rtol=1e-9)
    close(averaging_error(R @ S, 4), averaging_error(R, 4), atol=1e-9, rtol=1e-9)


def test_random_rotations_err_as_chance_does() -> None:
    draw = torch.Generator().manual_seed(0)
    for n in (1, 16, 64):
        squares = torch.stack(
            [averaging_error(random_rotations(n, draw), 5).square() for _ in range(60)]
        )
        close(n * squares.mean(dim=0)[1:], torch.ones(5).double(), rtol=0.25, atol=0)


def test_errors_agree_with_e3nn() -> None:
    R = random_rotations(7, torch.Generator().manual_seed(2))
    for l, error in enumerate(averaging_error(R, 5)):
        D = o3.Irrep(l, 1).D_from_matrix(R.to(torch.get_default_dtype())).mean(dim=0)
        close(error, (D.norm() / math.sqrt(2 * l + 1)).double(), atol=1e-5, rtol=1e-5)


def test_an_exact_set_averages_functions_to_their_mean() -> None:
    x = torch.nn.functional.normalize(torch.randn(3, dtype=torch.float64), dim=0)
    Y = spherical_harmonics(6, x @ solid_rotations("icosahedron").mT).mean(dim=0)
    assert Y[1:36].abs().max() < 1e-13
    few = spherical_harmonics(6, x @ solid_rotations("cube").mT).mean(dim=0)
    assert few[16:25].abs().max() > 1e-3  # degree 4 is left


def test_half_turns_and_precision() -> None:
    x, z = torch.eye(3)[0], torch.eye(3)[2]
    half = torch.stack([torch.eye(3), rotation_3d(z, math.pi)])
    assert averaging_error(half, 1)[1] == pytest.approx(1 / math.sqrt(3), rel=1e-6)
    assert averaging_error(half.double(), 1).dtype == torch.float64
    four = torch.cat([half, rotation_3d(x, math.pi) @ half])
    assert averaging_error(four, 1)[1] < 1e-6


@pytest.mark.parametrize(
    ("rotations", "lmax", "message"),
    [
        (torch.zeros(0, 3, 3), 2, "no rotations"),
        (-torch.eye(3)[None], 2, "determinant"),
        (torch.eye(3)[None], -1, "lmax"),
    ],
)
def test_what_is_no_set_of_rotations_is_refused(
    rotations: torch.Tensor, lmax: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        averaging_error(rotations, lmax)


def test_a_solid_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no solid 'ball'"):
        solid_rotations("ball")
