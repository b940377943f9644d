"""Radial functions: closed forms, smooth at zero and at the cutoff, orthonormal."""

from __future__ import annotations

import math

import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from equivar.points import bessel_basis, smooth_cutoff

CUTOFF = 4.0
AWKWARD = torch.tensor([0.0, 1e-9, 1e-3, 0.6366, 0.6367, 2.0, 3.999, 4.0, 5.5]).double()


def derivatives(f, d: Tensor, order: int) -> list[Tensor]:
    d = d.clone().requires_grad_()
    value = f(d)
    found = [value]
    for _ in range(order):
        (value,) = torch.autograd.grad(value.sum(), d, create_graph=True)
        found.append(value)
    return [v.detach() for v in found]


def test_bessel_is_its_formula() -> None:
    d = AWKWARD[1:].numpy()
    k = np.arange(1, 17)
    formula = math.sqrt(2 / CUTOFF) * np.sin(k * np.pi * d[:, None] / CUTOFF) / d[:, None]
    np.testing.assert_allclose(bessel_basis(AWKWARD[1:], 16, CUTOFF), formula, atol=3e-14)
    at_zero = bessel_basis(AWKWARD[:1], 16, CUTOFF)[0]
    np.testing.assert_allclose(at_zero, math.sqrt(2 / CUTOFF) * k * np.pi / CUTOFF, rtol=1e-14)


def test_bessel_in_float32_loses_only_its_rounding() -> None:
    d = torch.linspace(0, CUTOFF, 10_001).double()
    exact = bessel_basis(d, 8, CUTOFF)
    error = (bessel_basis(d.float(), 8, CUTOFF).double() - exact).abs().max()
    assert error < 1e-5 * exact.abs().max()


def test_bessel_is_orthonormal_over_the_ball() -> None:
    d = torch.linspace(0, CUTOFF, 20_001).double()
    waves = bessel_basis(d, 6, CUTOFF) * d[:, None]
    overlap = torch.trapezoid(waves[:, :, None] * waves[:, None, :], d, dim=0)
    torch.testing.assert_close(overlap, torch.eye(6).double(), rtol=0, atol=1e-10)


def test_bessel_has_even_derivatives_alone_at_zero() -> None:
    _, first, second = derivatives(lambda d: bessel_basis(d, 1, CUTOFF), torch.zeros(1).double(), 2)
    assert first.item() == 0
    expected = -math.sqrt(2 / CUTOFF) * (math.pi / CUTOFF) ** 3 / 3
    assert second.item() == pytest.approx(expected, rel=1e-12)


def test_gradients() -> None:
    d = AWKWARD.clone().requires_grad_()
    assert gradcheck(lambda d: bessel_basis(d, 4, CUTOFF), d)
    assert gradgradcheck(lambda d: bessel_basis(d, 4, CUTOFF), d)
    inside = AWKWARD[:-2].clone().requires_grad_()
    assert gradcheck(lambda d: smooth_cutoff(d, CUTOFF), inside, atol=1e-4)
    assert gradgradcheck(lambda d: smooth_cutoff(d, CUTOFF), inside, atol=1e-4)


@pytest.mark.parametrize("p", [3, 6, 9])
def test_two_derivatives_vanish_at_the_cutoff_and_the_third_does_not(p: int) -> None:
    near = torch.tensor([CUTOFF * (1 - 1e-5)]).double()
    value, first, second, third = derivatives(lambda d: smooth_cutoff(d, CUTOFF, p), near, 3)
    assert 0 <= value.item() < 1e-10
    assert abs(first.item()) < 1e-6
    assert abs(second.item()) < 1e-2
    assert abs(third.item()) > 0.1
    for beyond in (CUTOFF, CUTOFF + 1e-9, 10.0):
        found = derivatives(lambda d: smooth_cutoff(d, CUTOFF, p), torch.tensor([beyond]), 2)
        assert [v.item() for v in found] == [0.0, 0.0, 0.0]
    start = derivatives(lambda d: smooth_cutoff(d, CUTOFF, p), torch.zeros(1), 2)
    assert [v.item() for v in start] == [1.0, 0.0, 0.0]


@given(st.floats(0, 10), st.floats(0, 10), st.integers(3, 12))
def test_the_envelope_falls_from_one_to_zero(a: float, b: float, p: int) -> None:
    near, far = smooth_cutoff(torch.tensor([min(a, b), max(a, b)]).double(), CUTOFF, p).tolist()
    assert -1e-12 <= far <= near + 1e-12 <= 1 + 2e-12


def test_shapes_and_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    for shape in [(), (0,), (2, 3)]:
        assert bessel_basis(torch.ones(shape), 5, CUTOFF).shape == (*shape, 5)
        assert smooth_cutoff(torch.ones(shape), CUTOFF).shape == shape

    def both(d: Tensor) -> Tensor:
        return bessel_basis(d, 5, CUTOFF) * smooth_cutoff(d, CUTOFF)[..., None]

    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # its checks do not trace
    compiled = torch.compile(both, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(AWKWARD), both(AWKWARD))


@pytest.mark.parametrize("cutoff", [0.0, -1.0, math.nan, math.inf])
def test_bad_cutoffs_are_refused(cutoff: float) -> None:
    with pytest.raises(ValueError, match="expected a finite length above 0"):
        bessel_basis(AWKWARD, 3, cutoff)
    with pytest.raises(ValueError, match="expected a finite length above 0"):
        smooth_cutoff(AWKWARD, cutoff)


def test_bad_counts_and_powers_are_refused() -> None:
    with pytest.raises(ValueError, match="n = 0"):
        bessel_basis(AWKWARD, 0, CUTOFF)
    with pytest.raises(ValueError, match="p = 2"):
        smooth_cutoff(AWKWARD, CUTOFF, 2)
    with pytest.raises(ValueError, match="indices of the edges"):
        smooth_cutoff(torch.arange(3), CUTOFF)
