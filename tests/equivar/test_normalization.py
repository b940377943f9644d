from __future__ import annotations

import jaxtyping
import pytest
import torch
from strategies import SPECIAL_ORTHOGONALS
from torch import Tensor, nn

from equivar.features import transform
from equivar.measure import equivariance_error
from equivar.normalization import IrrepNorm

LAW = "4x0e + 2x0o + 0x1e + 3x1o + 2e + 0e"


@pytest.fixture(autouse=True)
def _double():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def made() -> IrrepNorm:
    layer = IrrepNorm(LAW)
    for p in layer.parameters():
        nn.init.normal_(p)
    return layer


@pytest.mark.parametrize("R", SPECIAL_ORTHOGONALS.values(), ids=SPECIAL_ORTHOGONALS)
def test_it_is_equivariant(R: Tensor):
    layer = made()
    act = lambda x: transform(LAW, R, x)  # noqa: E731
    assert equivariance_error(layer, torch.randn(4, layer.irreps_in.dim), act, act) < 1e-10


def test_it_is_equivariant_in_float32():
    layer, R = made().float(), SPECIAL_ORTHOGONALS["quarter turn about [1, 1, 0]"]
    x = torch.randn(100, layer.irreps_in.dim, dtype=torch.float32)
    assert layer(x).dtype == torch.float32
    act = lambda x: transform(LAW, R, x)  # noqa: E731
    assert equivariance_error(layer, x, act, act) < 1e-4


def test_layer_norm_over_components_is_not():
    R = SPECIAL_ORTHOGONALS["quarter turn about [1, 1, 0]"]
    act = lambda x: transform("2x1o", R, x)  # noqa: E731
    assert equivariance_error(nn.LayerNorm(6), torch.randn(4, 6), act, act) > 0.1


def test_on_scalars_it_is_layer_norm():
    x = 3 * torch.randn(5, 8) + 2
    torch.testing.assert_close(IrrepNorm("8x0e")(x), nn.LayerNorm(8)(x))


def test_vectors_get_mean_square_one_whatever_their_unit():
    y = IrrepNorm("4x1o")(1e3 * torch.randn(5, 12))
    torch.testing.assert_close(y.square().mean(-1), torch.ones(5))


def test_gradients_also_at_zero_and_shapes():
    layer = made()
    x = torch.randn(2, layer.irreps_in.dim, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x)
    assert torch.autograd.gradgradcheck(layer, x)
    zero = torch.zeros(1, layer.irreps_in.dim, requires_grad=True)
    (first,) = torch.autograd.grad(layer(zero).sum(), zero, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), zero)
    assert first.isfinite().all()
    assert second.isfinite().all()
    for shape in [(), (0,), (2, 0, 3)]:
        y = layer(torch.zeros(*shape, layer.irreps_in.dim))
        assert y.shape == (*shape, layer.irreps_out.dim)


def test_compiles_as_one_graph(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # its checks do not trace
    torch._dynamo.reset()
    layer = made()
    x = torch.randn(3, layer.irreps_in.dim)
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), layer(x))


def test_bad_input_is_refused_with_the_reason():
    with pytest.raises(ValueError, match="eps = 0"):
        IrrepNorm("1o", eps=0.0)
    with pytest.raises(ValueError, match="so 1 components"):
        IrrepNorm(LAW)(torch.zeros(2, 1))
