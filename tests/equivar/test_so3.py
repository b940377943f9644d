"""Irreps of O(3) against e3nn, SciPy and SymPy, component by component."""

from __future__ import annotations

import importlib
import itertools
import math
from collections.abc import Iterator

import numpy as np
import pytest
import sympy
import torch
from scipy.special import sph_harm_y
from strategies import SPECIAL_ORTHOGONALS
from sympy.physics.quantum.cg import CG
from torch import Tensor

from equivar.intertwiners import intertwiner_basis
from equivar.rotations import random_orthogonal
from equivar.so3 import (
    _real_basis,
    clebsch_gordan,
    generators,
    spherical_harmonics,
    wigner_d,
)

LMAX = 8
pytestmark = pytest.mark.filterwarnings("ignore")  # e3nn's own


def close(actual: Tensor, expected: Tensor, atol: float = 1e-12) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


@pytest.fixture
def o3() -> Iterator[object]:
    """The package e3nn.o3, with tables made in float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield importlib.import_module("e3nn.o3")
    finally:
        torch.set_default_dtype(before)


def points() -> Tensor:
    """All octants, axes, poles, diagonals, zero, and anywhere."""
    grid = torch.tensor(list(itertools.product([-1.0, 0.0, 1.0], repeat=3)), dtype=torch.float64)
    return torch.cat([grid, torch.randn(60, 3, dtype=torch.float64)])


def matrices() -> Tensor:
    anywhere = random_orthogonal(20, torch.Generator().manual_seed(0))
    return torch.cat([torch.stack(list(SPECIAL_ORTHOGONALS.values())), anywhere])


@pytest.mark.parametrize("normalize", [True, False])
def test_harmonics_are_those_of_e3nn(o3, normalize: bool):
    v = points() / (1 if normalize else 2)
    degrees = list(range(LMAX + 1))
    expected = o3.spherical_harmonics(degrees, v, normalize, normalization="component")
    actual = spherical_harmonics(LMAX, v, normalize)
    scale = expected.abs().clamp(min=1.0)
    close(actual / scale, expected / scale)


def test_harmonics_are_those_of_scipy():
    """Physics has (X, Y, Z) = (z, x, y); real ones lack Condon and Shortley's sign."""
    v = points()
    v = v[v.norm(dim=-1) > 0]
    Y = spherical_harmonics(12, v)
    x, y, z = (v / v.norm(dim=-1, keepdim=True)).unbind(-1)
    polar = torch.atan2((x * x + z * z).sqrt(), y).numpy()
    azimuth = torch.atan2(x, z).numpy()
    for l in range(13):
        for m in range(-l, l + 1):
            complex_value = sph_harm_y(l, abs(m), polar, azimuth) * math.sqrt(4 * math.pi)
            part = complex_value.imag if m < 0 else complex_value.real
            expected = part * ((-1) ** m * math.sqrt(2) if m else 1.0)
            actual = Y[:, l * l + l + m].numpy()
            np.testing.assert_allclose(actual, expected, atol=1e-12, err_msg=f"l={l}, m={m}")


def test_clebsch_gordan_coefficients_are_e3nns(o3):
    for l1, l2, l3 in itertools.product(range(LMAX + 1), repeat=3):
        if abs(l1 - l2) <= l3 <= l1 + l2:
            close(clebsch_gordan(l1, l2, l3), o3.wigner_3j(l1, l2, l3))
        else:
            assert not clebsch_gordan(l1, l2, l3).any()


@pytest.mark.parametrize(
    ("l1", "l2", "l3"), [(1, 1, 0), (1, 1, 1), (2, 1, 2), (2, 2, 4), (3, 2, 1), (8, 1, 8)]
)
def test_clebsch_gordan_coefficients_are_sympys(l1: int, l2: int, l3: int):
    complex_C = np.zeros((2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1))
    for m1, m2 in itertools.product(range(-l1, l1 + 1), range(-l2, l2 + 1)):
        if abs(m1 + m2) <= l3:
            value = CG(l1, m1, l2, m2, l3, m1 + m2).doit()
            complex_C[m1 + l1, m2 + l2, m1 + m2 + l3] = float(sympy.N(value, 20))
    U1, U2, U3 = (_real_basis(l).numpy() for l in (l1, l2, l3))
    real = np.einsum("abc,ai,bj,ck->ijk", complex_C, U1, U2, U3.conj()) / math.sqrt(2 * l3 + 1)
    real = (real * 1j ** (l1 + l2 - l3)).real
    close(clebsch_gordan(l1, l2, l3), torch.from_numpy(real))


@pytest.mark.parametrize(
    ("l1", "l2", "l3"), [(0, 1, 1), (1, 1, 1), (1, 1, 2), (1, 2, 3), (2, 2, 1), (2, 2, 2)]
)
def test_the_null_space_is_the_same_line(l1: int, l2: int, l3: int):
    X1, X2, X3 = generators(l1), generators(l2), generators(l3)
    one1, one2 = (torch.eye(2 * l + 1, dtype=torch.float64) for l in (l1, l2))
    pair = torch.stack(
        [torch.kron(a, one2) + torch.kron(one1, b) for a, b in zip(X1, X2, strict=True)]
    )
    basis = intertwiner_basis(pair, X3)
    assert len(basis) == 1
    C = clebsch_gordan(l1, l2, l3).flatten(0, 1).T
    close(basis[0] * (basis[0] * C).sum(), C)


def test_wigner_d_is_that_of_e3nn(o3):
    R = matrices()
    for l, p in itertools.product(range(LMAX + 1), "eo"):
        # e3nn goes through angles, which are bad near the poles: compare where they are good.
        good = R[-20:]
        close(wigner_d(f"{l}{p}", good), o3.Irrep(f"{l}{p}").D_from_matrix(good), 2e-12)


@pytest.mark.parametrize("irrep", ["0o", "1o", "1e", "2e", "3o", "5e", "8e", "12o"])
def test_wigner_d_multiplies_as_the_group_does(irrep: str):
    R = matrices()
    S = R.roll(1, dims=0)
    D = wigner_d(irrep, R)
    close(D @ wigner_d(irrep, S), wigner_d(irrep, R @ S))
    close(D @ D.mT, torch.eye(D.shape[-1], dtype=D.dtype).expand_as(D))
    identity = torch.eye(3, dtype=torch.float64)
    sign = 1 if irrep[-1] == "e" else -1
    close(wigner_d(irrep, identity), torch.eye(D.shape[-1], dtype=D.dtype))
    close(wigner_d(irrep, -identity), sign * torch.eye(D.shape[-1], dtype=D.dtype))


def test_harmonics_turn_by_wigner_d():
    v = points()
    Y = spherical_harmonics(LMAX, v)
    for R in SPECIAL_ORTHOGONALS.values():
        turned = spherical_harmonics(LMAX, v @ R.mT)
        for l in range(LMAX + 1):
            where = slice(l * l, (l + 1) ** 2)
            D = wigner_d(f"{l}{'eo'[l % 2]}", R)
            close(turned[:, where], Y[:, where] @ D.mT)
            if l % 2 and torch.equal(R, -torch.eye(3, dtype=R.dtype)):  # control: wrong parity
                assert (turned[:, where] - Y[:, where] @ wigner_d(f"{l}e", R).mT).abs().max() > 0.1


def test_generators_are_the_derivative_of_wigner_d():
    for l in (1, 2, 5, 12):
        X = generators(l)
        angle = torch.tensor([0.3, -0.2, 0.5], dtype=torch.float64)
        R = torch.linalg.matrix_exp(torch.einsum("a,aij->ij", angle, generators(1)))
        D = torch.linalg.matrix_exp(torch.einsum("a,aij->ij", angle, X))
        close(wigner_d(f"{l}{'eo'[l % 2]}", R), D, 1e-11)
        close(X, -X.mT)
        for i in range(3):
            j, k = (i + 1) % 3, (i + 2) % 3
            close(X[i] @ X[j] - X[j] @ X[i], X[k])


@pytest.mark.parametrize("normalize", [True, False])
def test_derivatives(normalize: bool):
    v = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: spherical_harmonics(4, v, normalize), v)
    assert torch.autograd.gradgradcheck(lambda v: spherical_harmonics(3, v, normalize), v)


def test_zero_has_no_direction_and_no_gradient():
    zero = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(spherical_harmonics(4, zero).sum(), zero)
    assert gradient.tolist() == [[0.0] * 3] * 2


def test_bad_input_is_refused():
    for bad in (13, -1, 1.5, True):
        with pytest.raises((ValueError, TypeError)):
            spherical_harmonics(bad, torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"expected \(\.\.\., 3\)"):
        spherical_harmonics(2, torch.zeros(2, 4))
    with pytest.raises(ValueError, match="scaled, sheared"):
        wigner_d("1o", 2 * torch.eye(3))
    with pytest.raises(ValueError, match=r"shape \(2, 2\)"):
        wigner_d("1o", torch.eye(2))
    with pytest.raises(ValueError, match="not the name of an irrep"):
        wigner_d("1x", torch.eye(3))
    with pytest.raises(ValueError, match="l3 = 13"):
        clebsch_gordan(1, 12, 13)
