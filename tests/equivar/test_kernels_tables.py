"""Sums over the ends of pairs, and what goes back to them: both forms, against loops by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from equivar.kernels.tables import add_ends, sum_ends

FORMS = ["torch", "numba", "auto"]
SHAPES = [(2, 5, 3), (1, 1, 4), (3, 4, 1), (2, 0, 3), (0, 4, 2), (2, 3, 0)]


def table(shape: tuple[int, int, int], seed: int = 0) -> Tensor:
    batch, n, c = shape
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, n, n, c, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_sums_are_those_of_the_definition(form: str, shape: tuple[int, int, int]):
    x = table(shape)
    expected = torch.einsum("biic->bic", x), x.sum(dim=2), x.sum(dim=1)
    found = sum_ends(x, form)
    torch.testing.assert_close(found, torch.stack(expected, dim=2), atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_added_is_that_of_the_definition(form: str, shape: tuple[int, int, int]):
    y, other = table(shape), table(shape, seed=1)
    ends = torch.stack([table(shape, seed)[:, :, :1].sum(dim=2) for seed in (2, 3, 4)], dim=2)
    diagonal, rows, columns = ends.unbind(dim=2)
    expected = y + torch.einsum("bjic->bijc", other)
    for i in range(shape[1]):
        expected[:, i, i] += diagonal[:, i]
        expected[:, i] += rows[:, i, None]
        expected[:, :, i] += columns[:, i, None]
    found = y.clone()
    assert add_ends(found, other, ends, form) is found  # in place
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_tables_need_not_be_contiguous(form: str):
    x = table((2, 4, 3)).transpose(1, 2)
    torch.testing.assert_close(sum_ends(x, form), sum_ends(x.contiguous(), "torch"))


def test_whoever_wants_gradients_gets_the_form_that_has_them():
    x = table((1, 3, 2)).requires_grad_()
    assert torch.autograd.gradcheck(sum_ends, (x,))


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match="form is 'fast'"):
        sum_ends(table((1, 2, 1)), "fast")
    with pytest.raises(ValueError, match="form is 'fast'"):
        add_ends(table((1, 2, 1)), table((1, 2, 1)), torch.zeros(1, 2, 3, 1), "fast")


def test_shapes_that_do_not_fit_are_refused():
    y = table((2, 3, 4))
    ends = torch.zeros(2, 3, 3, 4, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"x has shape \(2, 3, 2, 4\); expected"):
        sum_ends(y[:, :, :2])
    with pytest.raises(ValueError, match=r"other has shape \(1, 3, 3, 4\); expected \(2, 3, 3, 4"):
        add_ends(y, y[:1], ends)
    with pytest.raises(ValueError, match=r"ends has shape \(2, 3, 2, 4\); expected \(2, 3, 3, 4"):
        add_ends(y, y, ends[:, :, :2])
    with pytest.raises(ValueError, match="expected contiguous tables"):
        add_ends(y.transpose(1, 2), y, ends)
