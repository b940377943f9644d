from __future__ import annotations

import jaxtyping
import pytest
import torch
from strategies import SPECIAL_ORTHOGONALS
from torch import Tensor

from equivar.features import representation, transform
from equivar.intertwiners import intertwiner_basis
from equivar.irreps import Irreps
from equivar.kernels.mixing import mix
from equivar.linear import IrrepLinear
from equivar.measure import equivariance_error
from equivar.rotations import random_rotations

IN, OUT = "3x0e + 2x1o + 0x2e + 0o + 1o", "1o + 2x0e + 2e + 2x0o + 1o + 0x0e + 0e"


@pytest.fixture(autouse=True)
def _double():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("R", SPECIAL_ORTHOGONALS.values(), ids=SPECIAL_ORTHOGONALS)
def test_it_is_equivariant(R: Tensor):
    layer = IrrepLinear(IN, OUT)
    torch.nn.init.normal_(layer.bias)
    x = torch.randn(2, 3, layer.irreps_in.dim)
    actions = lambda x: transform(IN, R, x), lambda y: transform(OUT, R, y)
    assert equivariance_error(layer, x, *actions) < 1e-10


def test_it_is_equivariant_in_float32():
    layer, R = IrrepLinear(IN, OUT).float(), random_rotations(1)[0]
    x = torch.randn(100, layer.irreps_in.dim, dtype=torch.float32)
    assert layer(x).dtype == torch.float32
    actions = lambda x: transform(IN, R, x), lambda y: transform(OUT, R, y)
    assert equivariance_error(layer, x, *actions) < 1e-4


def test_a_bias_on_a_vector_is_not():
    layer, R = IrrepLinear("2x1o", "2x1o"), SPECIAL_ORTHOGONALS["half turn about [1, 0, 0]"]
    x, act = torch.randn(4, 6), lambda x: transform("2x1o", R, x)
    assert equivariance_error(lambda x: layer(x) + 1, x, act, act) > 0.1


@pytest.mark.parametrize(
    ("a", "b"), [("2x0e + 1o", "0e + 2x1o"), ("0o + 1e", "0e + 1e"), ("1o + 2e + 1o", "1o + 2e")]
)
def test_it_has_a_weight_for_each_equivariant_map(a: str, b: str):
    generators = torch.cat([random_rotations(3), -torch.eye(3)[None]])
    basis = intertwiner_basis(representation(a, generators), representation(b, generators))
    layer = IrrepLinear(a, b, bias=False)
    assert sum(weight.numel() for weight in layer.parameters()) == len(basis)


@pytest.mark.filterwarnings("ignore")
def test_it_agrees_with_e3nn():
    from e3nn import o3

    a, b = "3x0e + 2x1o + 0o + 2x2e", "2x1o + 4x0e + 0o + 2e + 3e"
    layer, theirs = IrrepLinear(a, b), o3.Linear(a, b, biases=True)
    torch.nn.init.normal_(layer.bias)
    theirs.bias.data = layer.bias.data
    for i, view in zip(theirs.instructions[:-1], theirs.weight_views(), strict=False):
        layer.weights[str(Irreps(b).blocks[i.i_out][1])].data = view
    x = torch.randn(5, layer.irreps_in.dim)
    torch.testing.assert_close(layer(x), theirs(x), rtol=0, atol=1e-12)


def test_gradients_shapes_and_unit_variance():
    layer = IrrepLinear(IN, OUT)
    x = torch.randn(2, layer.irreps_in.dim, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x)
    assert torch.autograd.gradgradcheck(layer, x)
    for shape in [(), (0,), (2, 0, 3)]:
        assert layer(torch.zeros(*shape, layer.irreps_in.dim)).shape == (*shape, Irreps(OUT).dim)
    assert IrrepLinear(IN, "")(x).shape == (2, 0)
    assert IrrepLinear("", "0e + 1o")(x[:, :0]).tolist() == [[0.0] * 4] * 2
    assert 0.9 < IrrepLinear("64x1o", "64x1o")(torch.randn(200, 192)).var() < 1.1


@pytest.mark.parametrize("form", ["torch", "numba"])
@pytest.mark.parametrize(
    ("a", "b"),
    [
        (IN, OUT),
        ("1o + 4x2e", "8x2e + 1o"),
        ("2x0e + 1o + 2x0e", "3x0e"),
        ("1o", "0e"),
        ("40x2e + 2x1o", "1o + 37x2e + 3x1o"),  # more than one vector; too wide to be dense
        ("70x2e + 5x0e", "60x2e"),
    ],
)
def test_fast_forms_are_the_form_to_read(a: str, b: str, form: str):
    layer = IrrepLinear(a, b)
    if layer.bias is not None:
        torch.nn.init.normal_(layer.bias)
    x = torch.randn(2_000, layer.irreps_in.dim, requires_grad=True)  # more than one chunk
    cotangent = torch.randn(2_000, layer.irreps_out.dim)
    found = []
    for which in ("einsum", form):
        y = mix(x, layer.bias, list(layer.weights.values()), layer._plan, which)
        wanted = [x, *layer.parameters()]
        given = {"materialize_grads": True}
        gradients = torch.autograd.grad(y, wanted, cotangent, **given) if y.requires_grad else ()
        found.append((y, *gradients))
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("form", ["einsum", "torch", "numba"])
def test_gradients_of_all_forms_to_second_order(form: str):
    layer = IrrepLinear(IN, OUT)
    x = torch.randn(2, layer.irreps_in.dim)
    inputs = [x, layer.bias, *layer.weights.values()]
    f = lambda x, bias, *weights: mix(x, bias, weights, layer._plan, form)  # noqa: E731
    inputs = [t.detach().requires_grad_() for t in inputs]
    assert torch.autograd.gradcheck(f, inputs)
    assert torch.autograd.gradgradcheck(f, inputs)


def test_compiles_as_one_graph(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # its checks do not trace
    torch._dynamo.reset()
    layer = IrrepLinear(IN, OUT)
    x = torch.randn(3, layer.irreps_in.dim)
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), layer(x))


def test_another_width_is_refused():
    with pytest.raises(ValueError, match="so 5 components; expected 4"):
        IrrepLinear("0e + 1o", "0e")(torch.randn(2, 5))


def test_the_kernel_says_what_it_expects():
    layer, x = IrrepLinear("2x0e", "0e"), torch.randn(3, 2)
    weights = list(layer.weights.values())
    with pytest.raises(ValueError, match=r"x has shape \(3,\); expected \(n, 2\)"):
        mix(x[:, 0], None, weights, layer._plan)
    with pytest.raises(ValueError, match=r"weights have shapes \(\[1, 2\],\); expected"):
        mix(x, None, [weights[0].T], layer._plan)
    with pytest.raises(ValueError, match=r"bias has shape \(2,\); expected \(1,\)"):
        mix(x, torch.zeros(2), weights, layer._plan)
    with pytest.raises(ValueError, match="expected one of 'auto', 'einsum', 'torch', 'numba'"):
        mix(x, None, weights, layer._plan, "fast")
    with pytest.raises(ValueError, match=r"a tensor is torch\.float16"):
        mix(x.half(), None, weights, layer._plan, "numba")
