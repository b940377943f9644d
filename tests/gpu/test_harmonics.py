"""Spherical harmonics to degree 4 on a GPU: values, gradients of any order, and the symmetry."""

from __future__ import annotations

import pytest
import torch
from comparing import SINGLE, TURNS, numbers, relative_error
from torch import Tensor

from equivar.features import transform
from equivar.irreps import Irreps
from equivar.kernels.harmonics import harmonics
from equivar.measure import equivariance_error
from equivar.so3 import spherical_harmonics


def points(n: int, device: torch.device) -> Tensor:
    """Some anywhere, after zero, the poles, and one close to a pole."""
    special = [[0.0, 0, 0], [0.0, 1, 0], [0.0, -2, 0], [1.0, 0, 0], [0, 0, -1.0], [1e-6, 1, -1e-7]]
    there = torch.tensor(special, dtype=torch.float64, device=device)
    return torch.cat([there, numbers(n, 3, device=device)])[:n]


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("lmax", [0, 1, 2, 3, 4])
def test_it_is_the_readable_form(lmax: int, normalize: bool, device: torch.device):
    v = points(131, device)
    exact = spherical_harmonics(lmax, v, normalize)
    assert relative_error([harmonics(lmax, v, normalize, "triton")], [exact]) < 1e-14
    single = harmonics(lmax, v.float(), normalize, "triton")
    assert single.dtype == torch.float32
    assert relative_error([single], [exact]) < SINGLE


@pytest.mark.parametrize("n", [0, 1, 5])
def test_few_points_and_any_batch(n: int, device: torch.device):
    v = numbers(3, n, 3, device=device)
    Y = harmonics(2, v, form="triton")
    assert Y.shape == (3, n, 9)
    torch.testing.assert_close(Y, spherical_harmonics(2, v))
    torch.testing.assert_close(
        harmonics(2, v.movedim(0, 1), form="triton"), spherical_harmonics(2, v.movedim(0, 1))
    )


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("lmax", [0, 1, 4])
def test_gradients(lmax: int, normalize: bool, device: torch.device):
    v = points(40, device)
    if not normalize:  # the readable form has no gradient at zero there
        v = v[1:]
    g = numbers(len(v), (lmax + 1) ** 2, device=device)

    def gradients(v: Tensor, g: Tensor, form: str) -> list[Tensor]:
        v = v.clone().requires_grad_()
        Y = harmonics(lmax, v, normalize, form)
        (plain,) = torch.autograd.grad(Y, v, g, retain_graph=True)
        (first,) = torch.autograd.grad(Y, v, g, create_graph=True)
        if lmax == 0:
            return [plain, first]
        (second,) = torch.autograd.grad(first.sin().sum(), v)
        return [plain, first, second]

    exact = gradients(v, g, "torch")
    assert relative_error(gradients(v, g, "triton"), exact) < 1e-12
    near = [v.norm(dim=1) > 0.1] * 3  # a gradient by directions grows as one over the length
    single = gradients(v.float(), g.float(), "triton")
    kept = [(a[k], b[k]) for a, b, k in zip(single[:2], exact[:2], near, strict=False)]
    assert relative_error(*zip(*kept, strict=True)) < SINGLE


def test_gradcheck_to_second_order(device: torch.device):
    v = numbers(3, 3, device=device).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: harmonics(4, v, True, "triton"), v, fast_mode=True)
    assert torch.autograd.gradgradcheck(
        lambda v: harmonics(2, v, True, "triton"), v, fast_mode=True
    )


def test_the_zero_vector_gives_one_and_zeros_and_no_gradient(device: torch.device):
    v = torch.zeros(2, 3, device=device, requires_grad=True)
    Y = harmonics(3, v, form="triton")
    assert Y[0].tolist() == [1.0] + [0.0] * 15
    assert torch.autograd.grad(Y.sum(), v)[0].tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize("name", TURNS)
def test_harmonics_turn_as_their_irreps_say(name: str, device: torch.device):
    R, v = TURNS[name].to(device, torch.float32), numbers(9, 3, device=device, dtype=torch.float32)
    irreps = Irreps.spherical_harmonics(4)
    other = Irreps([(mul, f"{irrep.l}{'eo'[irrep.l % 2 == 0]}") for mul, irrep in irreps])

    def error(law: Irreps) -> Tensor:
        return equivariance_error(
            lambda v: harmonics(4, v, form="triton"),
            v,
            lambda v: v @ R.mT,
            lambda Y: transform(law, R, Y),
        )

    assert error(irreps) < SINGLE
    if name == "inversion":  # control: the other parity
        assert error(other) > 0.1
    elif name != "identity":  # control: components that stay as they are
        assert error(Irreps("25x0e")) > 0.1


@pytest.mark.parametrize("name", TURNS)
def test_gradients_turn_as_vectors(name: str, device: torch.device):
    R, v = TURNS[name].to(device, torch.float32), numbers(9, 3, device=device, dtype=torch.float32)
    pole, irreps = numbers(9, 25, device=device, dtype=torch.float32), Irreps.spherical_harmonics(4)

    def slope(v: Tensor, weights: Tensor) -> Tensor:
        v = v.clone().requires_grad_()
        return torch.autograd.grad(harmonics(4, v, form="triton"), v, weights)[0]

    turned = slope(v @ R.mT, transform(irreps, R, pole))
    expected = slope(v, pole) @ R.mT
    assert (turned - expected).norm() < SINGLE * expected.norm()
    if name != "identity":
        assert (slope(v @ R.mT, pole) - expected).norm() > 0.1 * expected.norm()
