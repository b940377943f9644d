"""Sums over segments on a GPU: in one order, and by atomics."""

from __future__ import annotations

import pytest
import torch
from comparing import SINGLE, TURNS, numbers, random_graph, relative_error
from torch import Tensor

from equivar.kernels.segments import gather_sum, segment_sum
from equivar.measure import equivariance_error

FORMS = ["triton", "triton-atomic"]


def by_hand(x: Tensor, source: Tensor, target: Tensor, size: int) -> Tensor:
    out = x.new_zeros(size, *x.shape[1:])
    for s, t in zip(source.tolist(), target.tolist(), strict=True):
        out[t] += x[s]
    return out


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize(
    ("n", "size", "n_edges", "axes"),
    [
        (7, 5, 23, (3,)),
        (7, 5, 23, (2, 5)),
        (1, 1, 1, ()),
        (1, 1, 41, (1,)),
        (3, 4, 9, (131,)),
        (3, 2, 0, (4,)),
        (0, 3, 0, (4,)),
        (3, 0, 0, (4,)),
        (3, 3, 5, (0,)),
    ],
)
def test_it_is_the_loop_over_edges(
    form: str, ordered: bool, n: int, size: int, n_edges: int, axes: tuple, device: torch.device
):
    source, target = random_graph(n, size, n_edges, device, ordered)
    x = numbers(n, *axes, device=device)
    exact = by_hand(x, source, target, size)
    assert relative_error([gather_sum(x, source, target, size, form)], [exact]) < 1e-14
    single = gather_sum(x.float(), source.int(), target.int(), size, form)
    assert single.dtype == torch.float32
    assert relative_error([single], [exact]) < SINGLE


@pytest.mark.parametrize("form", FORMS)
def test_derivatives(form: str, device: torch.device):
    source, target = random_graph(4, 3, 9, device)
    x = numbers(4, 2, device=device).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: gather_sum(x, source, target, 3, form), x)
    assert torch.autograd.gradgradcheck(
        lambda x: gather_sum(x, source, target, 3, form).square(), x, fast_mode=True
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", TURNS)
def test_to_turn_rows_is_to_turn_their_sums(form: str, name: str, device: torch.device):
    R = TURNS[name].to(device, torch.float32)
    source, target = random_graph(7, 5, 23, device)
    x = numbers(7, 3, device=device, dtype=torch.float32)

    def error(rows: Tensor, control: bool) -> Tensor:
        def f(x: Tensor) -> Tensor:
            return gather_sum(x.abs() if control else x, source, target, 5, form)

        return equivariance_error(f, rows, lambda x: x @ R.mT, lambda y: y @ R.mT)

    assert error(x, control=False) < 1e-6
    if name != "identity":
        assert error(x, control=True) > 0.1


@pytest.mark.parametrize("form", FORMS)
def test_to_rename_nodes_is_to_rename_sums(form: str, device: torch.device):
    source, target = random_graph(6, 6, 23, device)
    x, order = numbers(6, 3, device=device), torch.randperm(6).to(device)
    name = order.argsort()  # the new number of each node
    renamed = gather_sum(x[order], name[source], name[target], 6, form)
    torch.testing.assert_close(renamed, gather_sum(x, source, target, 6, form)[order])
    control = gather_sum(x[order], name[source], target, 6, form)
    assert (renamed - control).norm() > 0.1 * renamed.norm()


def test_the_same_call_gives_the_same_bits(device: torch.device):
    source, target = random_graph(9, 3, 200, device)
    x = numbers(9, 5, device=device, dtype=torch.float32)
    first = gather_sum(x, source, target, 3, "triton")
    assert all(torch.equal(first, gather_sum(x, source, target, 3, "triton")) for _ in range(3))


@pytest.mark.parametrize("form", FORMS)
def test_values_with_one_index_are_added(form: str, device: torch.device):
    values, index = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1, 0, 1])
    summed = segment_sum(values.to(device), index.to(device), 3, form)
    assert summed.tolist() == [2.0, 4.0, 0.0]


@pytest.mark.parametrize("form", FORMS)
def test_bad_input_is_refused(form: str, device: torch.device):
    x, good = numbers(3, 2, device=device), torch.tensor([0, 2], device=device)
    for bad in ([0, 3], [-1, 0]):
        index = torch.tensor(bad, device=device)
        with pytest.raises(ValueError, match=rf"source has indices from .* {bad[1]}; expected 0"):
            gather_sum(x, index, good, 3, form)
        with pytest.raises(ValueError, match=r"target has indices from .* expected 0 to 2"):
            gather_sum(x, good, index, 3, form)
    with pytest.raises(ValueError, match="source is on meta; expected"):
        gather_sum(x, good.to("meta"), good.to("meta"), 3, form)
    with pytest.raises(ValueError, match="expected float32 or float64"):
        gather_sum(x.half(), good, good, 3, form)
