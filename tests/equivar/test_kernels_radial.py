"""The fast radial features are the readable ones, with all their derivatives."""

from __future__ import annotations

import jaxtyping
import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from equivar.kernels.radial import radial_features
from equivar.points import bessel_basis, smooth_cutoff

CUTOFF = 4.0
AWKWARD = torch.tensor([0.0, 1e-9, 1e-3, 0.1, 0.6366, 0.6367, 2.0, 3.99999, 4.0, 5.5]).double()
FORMS = ("torch", "numba")


def derivatives(d: Tensor, form: str, order: int) -> list[Tensor]:
    d = d.clone().requires_grad_()
    value = radial_features(d, 16, CUTOFF, form)
    found = [value]
    value = value @ torch.linspace(0.5, 1, 16).to(d)
    for _ in range(order):
        (value,) = torch.autograd.grad(value.sum(), d, create_graph=True)
        found.append(value)
    return [v.detach() for v in found]


def test_the_forms_agree_to_fifth_order() -> None:
    # A fourth and a fifth derivative go through the definition.
    for a, b in zip(*(derivatives(AWKWARD, form, 5) for form in FORMS), strict=True):
        torch.testing.assert_close(b, a, rtol=1e-12, atol=1e-12 * float(a.abs().max()))


@pytest.mark.parametrize("form", FORMS)
def test_it_is_the_product_of_the_two(form: str) -> None:
    expected = bessel_basis(AWKWARD, 5, CUTOFF) * smooth_cutoff(AWKWARD, CUTOFF)[:, None]
    found = radial_features(AWKWARD, 5, CUTOFF, form)
    torch.testing.assert_close(found, expected * CUTOFF**1.5 / 2, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_gradients(form: str) -> None:
    d = AWKWARD[AWKWARD < 3.9].clone().requires_grad_()
    assert gradcheck(lambda d: radial_features(d, 4, CUTOFF, form), d)
    assert gradgradcheck(lambda d: radial_features(d, 4, CUTOFF, form), d)


@pytest.mark.parametrize("form", FORMS)
def test_float32_loses_only_its_rounding(form: str) -> None:
    d = torch.linspace(0, 1.1 * CUTOFF, 2001, dtype=torch.float64)
    exact = radial_features(d, 8, CUTOFF, "torch")
    found = radial_features(d.float(), 8, CUTOFF, form)
    assert found.dtype == torch.float32
    assert (found.double() - exact).abs().max() < 1e-5 * exact.abs().max()


@pytest.mark.parametrize("form", FORMS)
def test_no_edges(form: str) -> None:
    d = torch.zeros(0, requires_grad=True)
    y = radial_features(d, 3, CUTOFF, form)
    assert y.shape == (0, 3)
    assert torch.autograd.grad(y.sum(), d)[0].shape == (0,)


def test_it_compiles_as_one_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # its checks do not trace
    compiled = torch.compile(radial_features, backend="eager", fullgraph=True)
    expected = radial_features(AWKWARD, 3, CUTOFF)
    torch.testing.assert_close(compiled(AWKWARD, 3, CUTOFF), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((AWKWARD, 0, 4.0), "n = 0"),
        ((AWKWARD, 3, 0.0), "cutoff = 0.0"),
        ((AWKWARD.long(), 3, 4.0), "expected floats"),
        ((AWKWARD[:, None], 3, 4.0), r"expected \(n_edges,\)"),
        ((AWKWARD, 3, 4.0, "cuda"), "expected one of 'auto', 'torch', 'numba'"),
        ((AWKWARD.half(), 3, 4.0, "numba"), "expected float32 or float64"),
    ],
)
def test_bad_input_is_restated(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        radial_features(*arguments)


def test_without_numba_it_is_the_readable_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("equivar.kernels.forms.has_numba", lambda: False)
    with pytest.raises(ValueError, match="pip install numba"):
        radial_features(AWKWARD, 3, CUTOFF, "numba")
    expected = radial_features(AWKWARD, 3, CUTOFF, "torch")
    assert torch.equal(radial_features(AWKWARD, 3, CUTOFF), expected)
