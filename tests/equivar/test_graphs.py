"""The linear maps of n x n tables: there are fifteen, the fast form has them all, and no more."""

from __future__ import annotations

import jaxtyping
import pytest
import torch
from hypothesis import given
from strategies import permutations
from torch import Tensor, nn
from torch.func import functional_call

from equivar.graphs import CONTRACTIONS, GraphLinear, contractions, graph_linear_one_by_one
from equivar.intertwiners import intertwiner_basis
from equivar.measure import equivariance_error

SPECIAL_ORDERS = [[0, 1, 2, 3, 4], [1, 0, 2, 3, 4], [4, 3, 2, 1, 0], [1, 2, 3, 4, 0]]


def layer(n_in: int, n_out: int, dtype: torch.dtype = torch.float64) -> GraphLinear:
    made = GraphLinear(n_in, n_out).to(dtype)
    assert made.bias is not None
    nn.init.normal_(made.bias)
    return made.requires_grad_(False)


def tables(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1)).to(dtype)


def renumber(order: Tensor, x: Tensor) -> Tensor:
    return x[..., order, :, :][..., order, :]


def pair_representation(n: int) -> Tensor:
    """Two generators of the permutations of n nodes, a swap and a cycle, acting on n x n tables."""
    swap, cycle = torch.arange(n), torch.arange(n).roll(1)
    swap[:2] = torch.tensor([1, 0])
    eye = torch.eye(n, dtype=torch.float64)
    return torch.stack([torch.kron(eye[p], eye[p]) for p in (swap, cycle)])


@pytest.mark.parametrize(("n", "count"), [(2, 8), (3, 14), (4, 15), (5, 15)])
def test_the_contractions_span_all_equivariant_maps(n: int, count: int):
    rho = pair_representation(n)
    basis = intertwiner_basis(rho, rho).flatten(1)
    unit = torch.eye(n * n, dtype=torch.float64).reshape(n * n, n, n, 1)
    ours = contractions(unit).flatten(2).movedim(0, 2).flatten(1)  # (15, n^2 outputs n^2 inputs)
    assert len(basis) == torch.linalg.matrix_rank(ours) == count
    torch.testing.assert_close(ours @ basis.mT @ basis, ours)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_the_two_constants_are_all_there_are(n: int):
    trivial = torch.ones(2, 1, 1, dtype=torch.float64)
    assert len(intertwiner_basis(trivial, pair_representation(n))) == 2


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 20])
@pytest.mark.parametrize("batch", [(), (2,), (2, 3)])
def test_the_fast_form_is_the_sum_of_the_fifteen(n: int, batch: tuple[int, ...]):
    fast, x = layer(3, 4), tables(*batch, n, n, 3)
    expected = graph_linear_one_by_one(x, fast.weight, fast.bias)
    torch.testing.assert_close(fast(x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", CONTRACTIONS)
def test_each_weight_means_its_contraction(name: str):
    fast, x = GraphLinear(1, 1).double(), tables(4, 4, 1)
    weight = torch.zeros(15, 1, 1).double()
    weight[list(CONTRACTIONS).index(name)] = 1
    actual = functional_call(fast, {"weight": weight}, (x,))
    torch.testing.assert_close(actual, CONTRACTIONS[name](x), rtol=1e-12, atol=1e-12)


def test_gradients_of_the_fast_form_are_those_of_the_fifteen():
    fast = GraphLinear(3, 4).double()
    x, out = tables(2, 5, 5, 3).requires_grad_(), tables(2, 5, 5, 4)
    inputs = (x, fast.weight, fast.bias)

    def derivatives(y: Tensor) -> list[Tensor]:
        first = torch.autograd.grad(y, inputs, out, create_graph=True)
        scalar = sum((g.pow(3).sum() for g in first), start=torch.zeros(()))
        return [*first, *torch.autograd.grad(scalar, inputs[:2])]

    expected = derivatives(graph_linear_one_by_one(*inputs))
    for actual, wanted in zip(derivatives(fast(x)), expected, strict=True):
        torch.testing.assert_close(actual, wanted, rtol=1e-11, atol=1e-11)


def test_first_and_second_derivatives_by_finite_differences():
    fast, x = GraphLinear(1, 2).double(), tables(1, 3, 3, 1).requires_grad_()

    def f(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return functional_call(fast, {"weight": weight, "bias": bias}, (x,))

    assert torch.autograd.gradcheck(f, (x, fast.weight, fast.bias))
    assert torch.autograd.gradgradcheck(f, (x, fast.weight, fast.bias))


@given(permutations(5))
def test_it_commutes_with_renumbering(order: Tensor):
    act = lambda x: renumber(order, x)  # noqa: E731
    assert equivariance_error(layer(3, 4), tables(2, 5, 5, 3), act, act) < 1e-10


@pytest.mark.parametrize("order", SPECIAL_ORDERS)
def test_float32_and_a_matrix_on_the_whole_table_as_the_control(order: list[int]):
    act = lambda x: renumber(torch.tensor(order), x)  # noqa: E731
    x, fast = tables(2, 5, 5, 3, dtype=torch.float32), layer(3, 4, torch.float32)
    plain = tables(75, 75, dtype=torch.float32)
    assert equivariance_error(fast, x, act, act) < 1e-4
    control = equivariance_error(lambda x: (x.flatten(1) @ plain).reshape(x.shape), x, act, act)
    assert control == 0 if order == [0, 1, 2, 3, 4] else control > 0.1


def test_means_not_sums_so_that_size_does_not_grow_with_the_graph():
    fast = GraphLinear(4, 4)
    ones = [fast(torch.ones(n, n, 4)) for n in (5, 50)]
    torch.testing.assert_close(ones[0].amax(), ones[1].amax())


def test_memory_order_does_not_matter():
    fast, x = layer(3, 4), tables(2, 5, 5, 3)
    strange = x.transpose(0, 3).contiguous().transpose(0, 3)
    torch.testing.assert_close(fast(strange), fast(x))


def test_compiles_as_one_graph_with_gradients(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # its checks do not trace
    torch._dynamo.reset()
    fast, x = GraphLinear(3, 4).double(), tables(2, 5, 5, 3)
    compiled = torch.compile(fast, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), fast(x))
    (actual,) = torch.autograd.grad(compiled(x).square().sum(), fast.weight)
    (expected,) = torch.autograd.grad(fast(x).square().sum(), fast.weight)
    torch.testing.assert_close(actual, expected)


def test_without_bias_zero_goes_to_zero():
    fast = GraphLinear(3, 4, bias=False)
    assert not fast(torch.zeros(5, 5, 3)).any()
    fast(torch.randn(5, 5, 3)).sum().backward()
    assert fast.weight.grad is not None


@pytest.mark.parametrize("shape", [(4, 5, 3), (5, 5, 4), (5, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"expected \(\.\.\., nodes, nodes, 3\)"):
        GraphLinear(3, 4)(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(), (3,), (5, 3), (4, 5, 3)])
def test_the_definition_too_takes_tables_alone(shape: tuple[int, ...]):
    for function in (contractions, lambda x: graph_linear_one_by_one(x, torch.zeros(15, 2, 3))):
        with pytest.raises(ValueError, match=r"expected \(\.\.\., nodes, nodes, any\)"):
            function(torch.zeros(shape))


def test_weights_of_another_shape_are_refused():
    x, weight = torch.zeros(4, 4, 3), torch.zeros(15, 2, 3)
    with pytest.raises(ValueError, match=r"weight has shape \(15, 2, 2\)"):
        graph_linear_one_by_one(x, weight[..., :2])
    with pytest.raises(ValueError, match=r"biases have shape \(2, 3\); expected \(\.\.\., 2, 2\)"):
        graph_linear_one_by_one(x, weight, torch.zeros(2, 3))
    with pytest.raises(ValueError, match="got n_out = -1"):
        GraphLinear(3, -1)
