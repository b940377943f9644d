"""Point clouds turned: three forms, odd sizes, derivatives, and the symmetry."""

from __future__ import annotations

import pytest
import torch
from comparing import SINGLE, TURNS, numbers, relative_error
from torch import Tensor

from equivar.kernels.rotate import rotate
from equivar.measure import equivariance_error
from equivar.rotations import random_rotations

SIZES = [(0, 5), (3, 0), (1, 1), (2, 3), (3, 130)]


def forms(device: torch.device) -> list[str]:
    return ["triton", "numba"] if device.type == "cpu" else ["triton"]


@pytest.mark.parametrize(("batch", "n"), SIZES)
def test_float32_is_close_to_the_exact_result(batch: int, n: int, device: torch.device):
    R, x = numbers(batch, 3, 3, device=device), numbers(batch, n, 3, device=device)
    exact = torch.stack([x_b @ R_b.mT for R_b, x_b in zip(R, x, strict=True)]) if batch else x
    for form in ("torch", *forms(device), "auto"):
        y = rotate(R.float(), x.float(), form)
        assert y.dtype == torch.float32
        assert relative_error([y], [exact]) < SINGLE
        assert relative_error([rotate(R, x, form)], [exact]) < 1e-14


def test_derivatives(device: torch.device):
    R, x = numbers(2, 3, 3, device=device), numbers(2, 3, 3, device=device)
    factors = R.requires_grad_(), x.requires_grad_()
    for form in forms(device):
        assert torch.autograd.gradcheck(lambda R, x, f=form: rotate(R, x, f), factors)
        assert torch.autograd.gradgradcheck(
            lambda R, x, f=form: rotate(R, x, f).square(), factors, fast_mode=True
        )


@pytest.mark.parametrize("name", TURNS)
def test_to_turn_matrix_and_cloud_is_to_turn_the_result(name: str, device: torch.device):
    S = TURNS[name].to(device, torch.float32)
    R, x = (t.float() for t in (random_rotations(3).to(device), numbers(3, 7, 3, device=device)))
    cloud = torch.cat([R, x], dim=1)

    def error(turn_both: bool) -> Tensor:
        def act(both: Tensor) -> Tensor:
            matrices = S @ both[:, :3] @ S.mT if turn_both else both[:, :3]
            return torch.cat([matrices, both[:, 3:] @ S.mT], dim=1)

        return equivariance_error(
            lambda both: rotate(both[:, :3], both[:, 3:], form="triton"),
            cloud,
            act,
            lambda y: y @ S.mT,
        )

    assert error(turn_both=True) < 1e-6
    if name not in ("identity", "inversion"):  # these commute with every matrix
        assert error(turn_both=False) > 0.1


def test_strided_arguments(device: torch.device):
    R, x = numbers(3, 3, 4, device=device).permute(2, 0, 1), numbers(3, 5, 8, device=device)
    x = x.permute(2, 1, 0)[::2]
    for form in forms(device):
        torch.testing.assert_close(rotate(R, x, form), x @ R.mT)


def test_bad_input_is_refused():
    R, x = torch.zeros(2, 3, 3), torch.zeros(2, 5, 3)
    for arguments, message in (
        ((R[0], x), r"R has shape \(3, 3\); expected \(batch, 3, 3\)"),
        ((R, x[:1]), r"x has shape \(1, 5, 3\); expected \(2, n, 3\)"),
        ((R, x.double()), "expected one dtype"),
        ((R, x, "fast"), "form is 'fast'"),
        ((R, x.to("meta")), "R is on cpu; expected meta"),
    ):
        with pytest.raises(ValueError, match=message):
            rotate(*arguments)
