"""Training on forces differentiates the convolution's gradients: all that it may then ask for."""

from __future__ import annotations

import pytest
import torch
from convolutions import FORMS, derivatives, inputs

from equivar.kernels.convolution import convolution


@pytest.mark.parametrize("read", [(0,), (1,), (2,), (0, 2), (1, 2)])
@pytest.mark.parametrize("leaves", [(0, 1, 2), (1, 2), (0,)])
def test_the_forms_agree_where_some_gradients_are_not_read(read: tuple, leaves: tuple):
    x, Y, w, *graph, _ = inputs("mixed multiplicities")
    found = []
    for form in FORMS:
        factors = [factor.clone().requires_grad_() for factor in (x, Y, w)]
        y = convolution(*factors, *graph, form=form)
        first = torch.autograd.grad(y.square().sum(), factors, create_graph=True)
        loss = y.sum() + sum(first[i].pow(2).sum() for i in read)
        found.append(torch.autograd.grad(loss, [factors[i] for i in leaves]))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-12, atol=1e-12 * float(a.abs().max() + 1))


@pytest.mark.parametrize("layout", ["mixed multiplicities", "many channels"])
@pytest.mark.parametrize("form", FORMS)
def test_edges_may_share_weights(layout: str, form: str):
    x, Y, w, *graph, _ = inputs(layout)
    rows = torch.randint(0, 7, (len(w),))  # in no order; row 7 is nobody's
    found = derivatives(x, Y, w[:8], tuple(graph), form, rows)
    expected = derivatives(x, Y, w[rows], tuple(graph), "torch")
    index = 3  # the gradient by weights: each row has the sum over its edges
    expected[index] = torch.zeros_like(w[:8]).index_add(0, rows, expected[index])
    for a, b in zip(expected[:4], found[:4], strict=True):
        torch.testing.assert_close(b, a, rtol=1e-12, atol=1e-12 * float(a.abs().max() + 1))
    for a, b in zip(derivatives(x, Y, w[:8], tuple(graph), "torch", rows), found, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-12, atol=1e-12 * float(a.abs().max() + 1))


def test_the_forms_agree_to_third_order():
    x, Y, w, *graph, _ = inputs("mixed multiplicities")
    found = []
    for form in FORMS:
        factors = [factor.clone().requires_grad_() for factor in (x, Y, w)]
        result = convolution(*factors, *graph, form=form).square().sum()
        for _ in range(2):
            first = torch.autograd.grad(result, factors, create_graph=True)
            result = sum(f.square().sum() for f in first)
        found.append(torch.autograd.grad(result, factors))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-12, atol=1e-12 * float(a.abs().max()))
