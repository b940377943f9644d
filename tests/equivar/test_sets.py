"""Layers on sets: any order gives the same, padding is not there, and controls that fail."""

from __future__ import annotations

from collections.abc import Callable

import jaxtyping
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import permutations
from torch import Tensor, nn

from equivar.groups import permutations as all_permutations
from equivar.intertwiners import intertwiner_basis
from equivar.measure import equivariance_error
from equivar.sets import SetAttention, SetLinear, SetPool

N, C = 6, 4
LAYERS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: SetLinear(C, 5),
    "attention": lambda: SetAttention(C, n_heads=2),
}
KINDS = ("sum", "mean", "max")
ORDERS = [torch.arange(N), torch.arange(N).flip(0), torch.tensor([3, 0, 5, 1, 4, 2])]
MASK = torch.tensor([True, True, False, True, False, False])


def made(name: str, dtype: torch.dtype = torch.float64) -> nn.Module:
    torch.manual_seed(0)
    layer = LAYERS[name]().to(dtype)
    for p in layer.parameters():  # biases are zero at first, and would hide
        nn.init.normal_(p)
    return layer.requires_grad_(False)


def cloud(dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(3, N, C, generator=torch.Generator().manual_seed(1)).to(dtype)


@pytest.mark.parametrize("name", LAYERS)
@given(permutations(N))
def test_layers_commute_with_permutations(name: str, order: Tensor):
    layer, x = made(name), cloud()
    error = equivariance_error(layer, x, lambda x: x[..., order, :], lambda y: y[..., order, :])
    assert error < 1e-10


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("order", ORDERS)
def test_float32_and_a_code_of_the_position_as_the_control(name: str, order: Tensor):
    layer, x = made(name, torch.float32), cloud(torch.float32)
    code = torch.arange(N)[:, None] * torch.linspace(-1, 1, C)

    def act(x: Tensor) -> Tensor:
        return x[..., order, :]

    assert equivariance_error(layer, x, act, act) < 1e-4
    control = equivariance_error(lambda x: layer(x + code), x, act, act)
    assert control == 0 if torch.equal(order, torch.arange(N)) else control > 0.1


@pytest.mark.parametrize("kind", KINDS)
@given(permutations(N))
def test_pools_are_invariant_up_to_the_order_of_summation(kind: str, order: Tensor):
    error = equivariance_error(SetPool(kind), cloud(), lambda x: x[..., order, :])
    assert error == 0 if kind == "max" else error < 1e-14


def test_a_weighted_sum_is_the_control_of_the_pools():
    weights = torch.arange(N, dtype=torch.float64)[:, None]
    control = equivariance_error(lambda x: (weights * x).sum(-2), cloud(), lambda x: x.flip(-2))
    assert control > 0.1


@pytest.mark.parametrize("n", [2, 3, 4])
def test_the_linear_layer_is_all_equivariant_maps(n: int):
    rho = torch.eye(n, dtype=torch.float64)[all_permutations(n)].mT
    basis = intertwiner_basis(rho, rho)
    own, shared = torch.eye(n, dtype=torch.float64), torch.ones(n, n, dtype=torch.float64) / n
    layer = SetLinear(1, 1, bias=False).double()
    assert layer.weight.numel() == len(basis) == 2
    x = torch.randn(n, 1, dtype=torch.float64)
    a, b = layer.weight.flatten()
    torch.testing.assert_close(layer(x), (a * own + b * shared) @ x)
    both = torch.stack([own, shared]).flatten(1)
    inside = both @ basis.flatten(1).mT @ basis.flatten(1)
    torch.testing.assert_close(inside, both)


@pytest.mark.parametrize("name", [*LAYERS, *KINDS])
@pytest.mark.parametrize("junk", [7.0, torch.nan, torch.inf])
def test_padding_is_not_there(name: str, junk: float):
    layer = SetPool(name) if name in KINDS else made(name)
    x = cloud()
    padded = torch.where(MASK[:, None], x, junk)
    actual, alone = layer(padded, MASK.expand(3, N)), layer(x[:, MASK])
    if name in KINDS:
        torch.testing.assert_close(actual, alone)
    else:
        torch.testing.assert_close(actual[:, MASK], alone)
        assert not actual[:, ~MASK].any()


@pytest.mark.parametrize("name", [*LAYERS, *KINDS])
def test_padding_gets_no_gradient_even_where_it_is_nan(name: str):
    layer = SetPool(name) if name in KINDS else made(name)
    x = torch.where(MASK[:, None], cloud(), torch.nan).requires_grad_()
    (gradient,) = torch.autograd.grad(layer(x, MASK.expand(3, N)).square().sum(), x)
    assert gradient.isfinite().all()
    assert not gradient[:, ~MASK].any()


@pytest.mark.parametrize("name", [*LAYERS, *KINDS])
def test_empty_sets_are_sets(name: str):
    layer = SetPool(name) if name in KINDS else made(name)
    x = cloud()
    nothing = layer(x, torch.zeros(3, N, dtype=torch.bool))
    assert nothing.isfinite().all()
    assert not nothing.any()
    assert layer(x[:, :0]).shape == ((3, C) if name in KINDS else (3, 0, nothing.shape[-1]))
    assert layer(x[:0]).shape == (0, *nothing.shape[1:])


@pytest.mark.parametrize("kind", KINDS)
@given(st.lists(st.integers(0, 3), max_size=9))
def test_a_batch_index_is_one_set_at_a_time(kind: str, numbers: list[int]):
    batch = torch.tensor(numbers, dtype=torch.int64)
    x = torch.randn(len(batch), C, dtype=torch.float64)
    expected = torch.stack([SetPool(kind)(x[batch == i]) for i in range(4)])
    torch.testing.assert_close(SetPool(kind)(x, batch=batch, size=4), expected)
    used = SetPool(kind)(x, batch=batch)
    torch.testing.assert_close(used, expected[: len(used)])


@pytest.mark.parametrize("name", [*LAYERS, *KINDS])
@pytest.mark.parametrize("mask", [None, MASK])
def test_second_derivatives(name: str, mask: Tensor | None):
    layer = SetPool(name) if name in KINDS else made(name)
    x = cloud()[0, :, :C].requires_grad_()
    assert torch.autograd.gradcheck(lambda x: layer(x, mask), (x,))
    assert torch.autograd.gradgradcheck(lambda x: layer(x, mask), (x,))


@pytest.mark.parametrize("kind", KINDS)
def test_second_derivatives_by_batch_index(kind: str):
    x, batch = cloud()[0].requires_grad_(), torch.tensor([0, 2, 2, 0, 3, 2])
    assert torch.autograd.gradgradcheck(lambda x: SetPool(kind)(x, batch=batch, size=4), (x,))


def test_elements_that_tie_share_the_gradient_of_the_maximum():
    x = torch.tensor([[2.0], [1.0], [2.0]], requires_grad=True)
    batch = torch.zeros(3, dtype=torch.int64)
    for y in (SetPool("max")(x), SetPool("max")(x, batch=batch)):
        (gradient,) = torch.autograd.grad(y.sum(), x)
        assert gradient.flatten().tolist() == [0.5, 0.0, 0.5]


@pytest.mark.parametrize("name", [*LAYERS, *KINDS])
def test_compiles_as_one_graph(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # its checks do not trace
    torch._dynamo.reset()
    layer = SetPool(name) if name in KINDS else made(name)
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(cloud()), layer(cloud()))
    mask = MASK.expand(3, N)
    torch.testing.assert_close(compiled(cloud(), mask), layer(cloud(), mask))


def test_a_linear_layer_keeps_the_size_of_its_inputs():
    x = torch.randn(200, 1, 64).expand(200, 50, 64)  # the mean has the variance of its elements
    assert 0.8 < SetLinear(64, 64)(x).var() < 1.2


def test_bad_input_is_refused_with_the_reason():
    x, batch = cloud()[0], torch.tensor([0, 2, 2, 0, 3, 2])
    with pytest.raises(ValueError, match=r"shape \(6, 4\); expected \(\.\.\., elements, 3\)"):
        SetLinear(3, 5).double()(x)
    with pytest.raises(ValueError, match=r"expected torch\.bool and \(6,\)"):
        SetPool()(x, MASK[:5])
    with pytest.raises(ValueError, match=r"mask of torch\.int64"):
        SetPool()(x, batch)
    with pytest.raises(ValueError, match=r"indices from 0 to 3; expected 0 to 2"):
        SetPool()(x, batch=batch, size=3)
    with pytest.raises(ValueError, match=r"indices from -1"):
        SetPool()(x, batch=batch - 1)
    with pytest.raises(ValueError, match="expected one of them"):
        SetPool()(x, MASK, batch)
    with pytest.raises(ValueError, match="batch index of shape"):
        SetPool()(x, batch=batch[:3])
    with pytest.raises(ValueError, match="kind='median'"):
        SetPool("median")
    with pytest.raises(ValueError, match="width=6 and n_heads=4"):
        SetAttention(6, 4)
    with pytest.raises(ValueError, match="got n_in = -1"):
        SetLinear(-1, 5)
    with pytest.raises(ValueError, match="got n_out = True"):
        SetLinear(3, True)
