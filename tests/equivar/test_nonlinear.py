from __future__ import annotations

import jaxtyping
import pytest
import torch
from strategies import SPECIAL_ORTHOGONALS
from torch import Tensor, nn

from equivar.features import transform
from equivar.kernels.gating import Gated
from equivar.measure import equivariance_error
from equivar.nonlinear import Gate, NormActivation

LAYERS = {
    "gate": lambda: Gate("3x0e + 2x0o + 0x0e", "2x1o + 0x1e + 1e + 2e + 0o"),
    "norm": lambda: NormActivation("2x0e + 0o + 0x1e + 2x1o + 2e"),
}


@pytest.fixture(autouse=True)
def _double():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("R", SPECIAL_ORTHOGONALS.values(), ids=SPECIAL_ORTHOGONALS)
@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_equivariant(name: str, R: Tensor):
    layer = LAYERS[name]()
    for p in layer.parameters():
        nn.init.normal_(p)
    error = equivariance_error(
        layer,
        torch.randn(4, layer.irreps_in.dim),
        lambda x: transform(layer.irreps_in, R, x),
        lambda y: transform(layer.irreps_out, R, y),
    )
    assert error < 1e-10


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_equivariant_in_float32(name: str):
    layer, R = LAYERS[name]().float(), SPECIAL_ORTHOGONALS["quarter turn about [1, 1, 0]"]
    x = torch.randn(100, layer.irreps_in.dim, dtype=torch.float32)
    assert layer(x).dtype == torch.float32
    laws = layer.irreps_in, layer.irreps_out
    actions = [lambda x, law=law: transform(law, R, x) for law in laws]
    assert equivariance_error(layer, x, *actions) < 1e-4


def test_relu_on_vectors_and_silu_on_pseudoscalars_are_not():
    for law, f in {"2x1o": torch.relu, "6x0o": nn.functional.silu}.items():
        act = lambda x, law=law: transform(law, -torch.eye(3), x)  # noqa: E731
        assert equivariance_error(f, torch.randn(9, 6), act, act) > 0.1


@pytest.mark.filterwarnings("ignore")
def test_the_gate_agrees_with_e3nn_up_to_its_sampled_constants():
    from e3nn import nn as enn

    ours = Gate("4x0e", "2x1o + 3x2e")
    theirs = enn.Gate("4x0e", [nn.functional.silu], "5x0e", [torch.sigmoid], "2x1o + 3x2e")
    x = torch.randn(6, ours.irreps_in.dim)
    torch.testing.assert_close(ours(x), theirs(x), rtol=5e-3, atol=1e-6)


def test_unit_variance_stays():
    y = Gate("1000x0e + 1000x0o", "")(torch.randn(100, 2000))
    assert y.square().mean(0).unflatten(0, (2, -1)).mean(1).sub(1).abs().max() < 0.02


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_also_at_zero_and_shapes(name: str):
    layer = LAYERS[name]()
    x = torch.randn(2, layer.irreps_in.dim)
    x.requires_grad_()
    assert torch.autograd.gradcheck(layer, x)
    assert torch.autograd.gradgradcheck(layer, x)
    zero = torch.zeros(1, layer.irreps_in.dim, requires_grad=True)
    (first,) = torch.autograd.grad(layer(zero).sum(), zero, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), zero)
    assert first.isfinite().all()
    assert second.isfinite().all()
    for shape in [(), (0,), (2, 0, 3)]:
        y = layer(torch.zeros(*shape, layer.irreps_in.dim))
        assert y.shape == (*shape, layer.irreps_out.dim)


@pytest.mark.parametrize("form", ["torch", "numba"])
@pytest.mark.parametrize("gated", ["2x1o + 0x1e + 1e + 2e + 0o", "17x1o + 3x3o", "", "5x0e"])
def test_fast_gates_are_the_form_to_read(gated: str, form: str):
    layer = Gate("3x0e + 2x0o + 0x0e", gated)
    n = layer.irreps_scalars.dim, layer.irreps_gated.num_irreps, layer.irreps_gated.dim
    for rows in (0, 9_000):  # more than one chunk
        whole = torch.randn(rows, sum(n), requires_grad=True)
        inputs = whole.split(n, dim=1)  # as the layer has them: columns of one matrix
        cotangent = torch.randn(rows, layer.irreps_out.dim)
        y = Gated.definition(*inputs, layer._gate_of, 1.3)
        z = Gated.apply(*inputs, layer._gate_of, layer._dims, 1.3, form)
        found = [(t, *torch.autograd.grad(t, whole, cotangent)) for t in (y, z)]
        torch.testing.assert_close(found[1], found[0], rtol=0, atol=1e-12)
    leaves = [torch.randn(2, k, requires_grad=True) for k in n]
    f = lambda *inputs: Gated.apply(*inputs, layer._gate_of, layer._dims, 1.3, form)  # noqa: E731
    assert torch.autograd.gradcheck(f, leaves)
    assert torch.autograd.gradgradcheck(f, leaves)


def test_numba_gates_take_columns_that_are_not_side_by_side():
    x, gates, dims = torch.randn(6, 5), torch.randn(5, 2), torch.tensor([1, 5])
    gate_of = torch.arange(2).repeat_interleave(dims)
    scalars = torch.randn(5, 0)
    y = Gated.apply(scalars, gates, x.T, gate_of, dims, 1.0, "numba")
    torch.testing.assert_close(y, Gated.definition(scalars, gates, x.T, gate_of, 1.0))


@pytest.mark.parametrize("name", LAYERS)
def test_compiles_as_one_graph(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # its checks do not trace
    torch._dynamo.reset()
    layer = LAYERS[name]()
    x = torch.randn(3, layer.irreps_in.dim)
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), layer(x))


def test_bad_input_is_refused_with_the_reason():
    with pytest.raises(ValueError, match="A function of single components depends on the axes"):
        Gate("2x0e + 1o", "")
    with pytest.raises(ValueError, match="Inversion turns 0o around"):
        Gate("2x0o", "", odd=nn.functional.silu)
    with pytest.raises(ValueError, match="eps = 0"):
        NormActivation("1o", eps=0.0)
    for name in LAYERS:
        with pytest.raises(ValueError, match="so 1 components"):
            LAYERS[name]()(torch.zeros(2, 1))
