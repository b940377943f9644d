"""One rule decides which form of a kernel runs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from equivar._checks import is_traced
from equivar.kernels.forms import choose_form


def test_numba_is_taken_where_it_can_run(monkeypatch: pytest.MonkeyPatch):
    x = torch.zeros(2)
    assert choose_form("auto", x) == choose_form("auto", x.double()) == "numba"
    assert choose_form("auto", x, x.double()) == "torch"
    assert choose_form("auto", x.half(), otherwise="bag") == "bag"
    assert choose_form("auto", x.to("meta")) == "torch"
    assert choose_form("einsum", x, known=("einsum",)) == "einsum"
    monkeypatch.setattr("equivar.kernels.forms.has_numba", lambda: False)
    assert choose_form("auto", x) == "torch"


def test_who_traces_gets_what_can_be_traced():
    seen = []

    def f(x: Tensor) -> Tensor:
        seen.append((is_traced(), choose_form("auto", x, traced="einsum")))
        return x.sum()

    torch.func.grad(f)(torch.zeros(2))
    f(torch.zeros(2))
    assert seen == [(True, "einsum"), (False, "numba")]


def test_while_traced_numba_is_refused():
    with pytest.raises(ValueError, match="the call is being traced"):
        torch.func.grad(lambda x: choose_form("numba", x) and x.sum())(torch.zeros(2))


@pytest.mark.parametrize(
    ("form", "tensors", "reason"),
    [
        ("fast", (torch.zeros(2),), "form is 'fast'; expected one of 'auto', 'torch', 'numba'"),
        ("numba", (torch.zeros(2).half(),), r"a tensor is torch\.float16; expected float32"),
        ("numba", (torch.zeros(2), torch.zeros(2).double()), "expected one dtype"),
        ("numba", (torch.zeros(2, device="meta"),), "a tensor is on meta"),
    ],
)
def test_a_form_that_cannot_run_says_why(form: str, tensors: tuple[Tensor, ...], reason: str):
    with pytest.raises(ValueError, match=reason):
        choose_form(form, *tensors)


def test_without_numba_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("equivar.kernels.forms.has_numba", lambda: False)
    with pytest.raises(ValueError, match="pip install numba"):
        choose_form("numba", torch.zeros(2))
