from __future__ import annotations

import jaxtyping
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from equivar.kernels.segments import gather_sum, segment_sum

FORMS = ["torch", "bag", "numba", "auto"]


def by_hand(x: Tensor, source: list[int], target: list[int], size: int) -> Tensor:
    out = x.new_zeros(size, *x.shape[1:])
    for s, t in zip(source, target, strict=True):
        out[t] += x[s]
    return out


def graph(
    seed: int, n: int = 7, size: int = 5, n_edges: int = 23, ordered: bool = False
) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    source = torch.randint(n, (n_edges,), generator=generator)
    target = torch.randint(size, (n_edges,), generator=generator)
    return source, target.sort().values if ordered else target


def rows(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(9), dtype=dtype)


@pytest.mark.parametrize("form", FORMS)
@given(
    edges=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), max_size=30),
    axes=st.sampled_from([(), (1,), (3,), (2, 5), (0,)]),
)
@settings(max_examples=30, deadline=None)
def test_each_form_is_the_loop_over_edges(form: str, edges: list, axes: tuple):
    source, target = [s for s, _ in edges], [t for _, t in edges]
    x = rows(7, *axes)
    index = torch.tensor(source, dtype=torch.int64), torch.tensor(target, dtype=torch.int64)
    actual = gather_sum(x, *index, 5, form=form)
    torch.testing.assert_close(actual, by_hand(x, source, target, 5), rtol=0, atol=1e-13)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("index_dtype", [torch.int32, torch.int64])
def test_values_with_one_index_are_added(form: str, dtype: torch.dtype, index_dtype: torch.dtype):
    values, index = rows(23, 4, dtype=dtype), graph(0)[1].to(index_dtype)
    expected = by_hand(values, list(range(23)), index.tolist(), 5)
    actual = segment_sum(values, index, 5, form=form)
    torch.testing.assert_close(
        actual, expected, rtol=0, atol=1e-13 if dtype.itemsize == 8 else 1e-5
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ordered", [True, False])
def test_gradients_to_second_order(form: str, ordered: bool):
    source, target = graph(1, ordered=ordered)
    x = rows(7, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: gather_sum(x, source, target, 5, form), (x,))
    # The square: for a linear map alone, second derivatives would be zero whatever the code does.
    assert torch.autograd.gradgradcheck(
        lambda x: gather_sum(x, source, target, 5, form).square(), (x,)
    )


@pytest.mark.parametrize("form", FORMS)
def test_the_gradient_is_the_sum_with_source_and_target_exchanged(form: str):
    source, target = graph(2)
    x, weight = rows(7, 3).requires_grad_(), rows(5, 3)
    (gradient,) = torch.autograd.grad((gather_sum(x, source, target, 5, form) * weight).sum(), x)
    expected = by_hand(weight, target.tolist(), source.tolist(), 7)
    torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("form", FORMS)
def test_strided_rows_and_gradients_that_are_one_number_repeated(form: str):
    source, target = graph(3)
    x = rows(6, 7).T.requires_grad_()
    out = gather_sum(x, source, target, 5, form)
    torch.testing.assert_close(out, by_hand(x.detach(), source.tolist(), target.tolist(), 5))
    (gradient,) = torch.autograd.grad(out.sum(), x)  # expanded: all strides are zero
    torch.testing.assert_close(gradient[:, 0], torch.bincount(source, minlength=7).double())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("n", "size"), [(0, 0), (0, 3), (3, 0), (3, 3)])
def test_no_edges(form: str, n: int, size: int):
    x, none = torch.zeros(n, 4, requires_grad=True), torch.zeros(0, dtype=torch.int64)
    out = gather_sum(x, none, none, size, form)
    assert out.shape == (size, 4)
    assert not out.any()
    out.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == (n, 4)


@pytest.mark.parametrize("form", ["bag", "numba"])
def test_the_same_call_gives_the_same_bits(form: str):
    source, target = graph(4, n_edges=500)
    x = rows(7, 33, dtype=torch.float32)
    first = gather_sum(x, source, target, 5, form)
    assert all(torch.equal(first, gather_sum(x, source, target, 5, form)) for _ in range(5))


def test_it_compiles_in_one_graph_and_maps_over_batches(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # its checks do not trace
    source, target = graph(5)
    x = rows(7, 3)
    expected = gather_sum(x, source, target, 5)
    compiled = torch.compile(gather_sum, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x, source, target, 5), expected)
    mapped = torch.func.vmap(lambda x: gather_sum(x, source, target, 5))(torch.stack([x, 2 * x]))
    torch.testing.assert_close(mapped, torch.stack([expected, 2 * expected]))


@pytest.mark.parametrize("form", FORMS)
def test_bad_input_is_refused(form: str):
    x, good = rows(3, 2), torch.tensor([0, 2])
    for bad in ([0, 3], [-1, 0]):
        with pytest.raises(
            ValueError, match=rf"source has indices from .* {bad[1]}; expected 0 to 2"
        ):
            gather_sum(x, torch.tensor(bad), good, 3, form)
        with pytest.raises(ValueError, match=r"target has indices from .* expected 0 to 2"):
            gather_sum(x, good, torch.tensor(bad), 3, form)
    with pytest.raises(ValueError, match=r"source has shape \(1,\) and target \(2,\)"):
        gather_sum(x, good[:1], good, 3, form)
    with pytest.raises(ValueError, match=r"index has shape \(2,\) and values \(3, 2\)"):
        segment_sum(x, good, 3, form)
    with pytest.raises(ValueError, match="a single number"):
        gather_sum(x[0, 0], good, good, 3, form)


def test_a_form_that_cannot_run_says_why():
    x, index = rows(3, 2), torch.tensor([0, 2])
    with pytest.raises(ValueError, match="form is 'fast'; expected one of 'auto'"):
        gather_sum(x, index, index, 3, form="fast")
    with pytest.raises(ValueError, match=r"cannot run here: a tensor is torch\.bfloat16"):
        gather_sum(x.bfloat16(), index, index, 3, form="numba")
    with pytest.raises(ValueError, match="cannot run here: a tensor is on meta"):
        gather_sum(x.to("meta"), index, index, 3, form="numba")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("width", [1, 8, 37])
def test_nodes_with_many_edges(form: str, width: int):
    source, target = graph(6, n_edges=203)
    x = rows(7, width)
    expected = by_hand(x, source.tolist(), target.tolist(), 5)
    actual = gather_sum(x, source, target, 5, form)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-13)
