from __future__ import annotations

import jaxtyping
import pytest
import torch
from hypothesis import given, settings
from strategies import SPECIAL_ORTHOGONALS, irreps_text, orthogonals
from torch import Tensor

from equivar.features import transform
from equivar.irreps import Irreps
from equivar.kernels.couplings import coupling
from equivar.kernels.depthwise import depthwise
from equivar.measure import equivariance_error
from equivar.tensor_product import DepthwiseTensorProduct, TensorProduct

FIRST, SECOND, OUT = "3x0e + 2x1o + 0o + 2e", "0e + 2x1o + 1e", "2x0e + 0o + 2x1o + 1e + 0x2o + 2e"


@pytest.fixture(autouse=True)
def _double():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def both_factors(R: Tensor, z: Tensor) -> Tensor:
    return transform(f"{FIRST} + {SECOND}", R, z)


def full(z: Tensor, layer: TensorProduct) -> Tensor:
    return layer(z[:, : layer.irreps_in1.dim], z[:, layer.irreps_in1.dim :])


@pytest.mark.parametrize("R", SPECIAL_ORTHOGONALS.values(), ids=SPECIAL_ORTHOGONALS)
def test_products_are_equivariant_and_a_plain_product_is_not(R: Tensor):
    layer = TensorProduct(FIRST, SECOND, OUT)
    z = torch.randn(5, layer.irreps_in1.dim + layer.irreps_in2.dim)
    error = equivariance_error(
        lambda z: full(z, layer),
        z,
        lambda z: both_factors(R, z),
        lambda y: transform(OUT, R, y),
    )
    assert error < 1e-10


def test_products_of_components_are_not_equivariant():
    x, R = torch.randn(5, 3), SPECIAL_ORTHOGONALS["quarter turn about [1, 1, 0]"]
    act = lambda x: transform("1o", R, x)  # noqa: E731
    assert equivariance_error(lambda x: x * x.roll(1, -1), x, act, act) > 0.1


@given(orthogonals())
@settings(deadline=None, max_examples=20)
def test_the_depthwise_product_is_equivariant(R: Tensor):
    layer = DepthwiseTensorProduct("2x0e + 2x1o + 0o + 2e", "0e + 1o + 2e + 1e")
    n, w = layer.irreps_in.dim, torch.randn(4, layer.weight_numel)
    z, law = torch.randn(4, n + layer.irreps_filter.dim), layer.irreps_in + layer.irreps_filter
    error = equivariance_error(
        lambda z: layer(z[:, :n], z[:, n:], w),
        z,
        lambda z: transform(law, R, z),
        lambda y: transform(layer.irreps_out, R, y),
    )
    assert error < 1e-10


def test_products_are_equivariant_in_float32():
    R = SPECIAL_ORTHOGONALS["quarter turn about [1, 1, 0]"]
    layer = TensorProduct(FIRST, SECOND, OUT).float()
    z = torch.randn(100, Irreps(f"{FIRST} + {SECOND}").dim, dtype=torch.float32)
    actions = lambda z: both_factors(R, z), lambda y: transform(OUT, R, y)
    assert equivariance_error(lambda z: full(z, layer), z, *actions) < 1e-4
    product = DepthwiseTensorProduct(FIRST, "0e + 1o + 1e")
    n, law = product.irreps_in.dim, product.irreps_in + product.irreps_filter
    z = torch.randn(100, law.dim, dtype=torch.float32)
    w = torch.randn(100, product.weight_numel, dtype=torch.float32)
    laws = law, product.irreps_out
    actions = [lambda z, law=law: transform(law, R, z) for law in laws]
    for form in ("einsum", "torch", "numba"):
        f = lambda z, form=form: depthwise(z[:, :n], z[:, n:], w, product.paths, form)  # noqa: E731
        assert f(z).dtype == torch.float32
        assert equivariance_error(f, z, *actions) < 1e-4


@pytest.mark.filterwarnings("ignore")
def test_the_full_product_agrees_with_e3nn():
    from e3nn import o3

    layer = TensorProduct(FIRST, SECOND, OUT)
    theirs = o3.FullyConnectedTensorProduct(FIRST, SECOND, OUT)
    blocks: dict[tuple[int, int, int], Tensor] = {}
    for i, w in zip(theirs.instructions, theirs.weight_views(), strict=True):
        blocks[i.i_in1, i.i_in2, i.i_out] = w.flatten(0, 1)
    for name, weight in layer.weights.items():
        (out,) = [o for o, (_, irrep) in enumerate(layer.irreps_out) if str(irrep) == name]
        rows = [blocks[key] for key in sorted(blocks) if key[2] == out]
        weight.data = torch.cat(rows)
    x, y = torch.randn(6, layer.irreps_in1.dim), torch.randn(6, layer.irreps_in2.dim)
    torch.testing.assert_close(layer(x, y), theirs(x, y), rtol=0, atol=1e-12)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", ["einsum", "torch", "numba"])
def test_the_depthwise_product_agrees_with_e3nn(form: str):
    from e3nn import o3

    layer = DepthwiseTensorProduct("4x0e + 4x1o + 4x2e", "0e + 1o + 2e")
    instructions = [(p.l1, p.l2, k, "uvu", True) for k, p in enumerate(layer.paths)]
    theirs = o3.TensorProduct(
        str(layer.irreps_in),
        str(layer.irreps_filter),
        str(layer.irreps_out),
        instructions,
        shared_weights=False,
    )
    x, Y, w = torch.randn(7, 36), torch.randn(7, 9), torch.randn(7, layer.weight_numel)
    actual = depthwise(x, Y, w, layer.paths, form=form)
    torch.testing.assert_close(actual, theirs(x, Y, w), rtol=0, atol=1e-12)


@given(irreps_text(lmax=3), irreps_text(lmax=2))
@settings(deadline=None, max_examples=20)
def test_both_forms_are_equal_for_any_layout(text: str, filter_text: str):
    filter = Irreps([(1, irrep) for _, irrep in Irreps(filter_text)])
    layer = DepthwiseTensorProduct(text, filter)
    for shape in [(3,), (0,), (2, 2), ()]:
        widths = layer.irreps_in.dim, filter.dim, layer.weight_numel
        inputs = [torch.randn(*shape, n) for n in widths]
        a, b, c = (
            depthwise(*inputs, layer.paths, form=form) for form in ("einsum", "torch", "numba")
        )
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)
        torch.testing.assert_close(a, c, rtol=0, atol=1e-12)


@pytest.mark.parametrize("form", ["einsum", "torch", "numba"])
def test_gradients_of_the_depthwise_product(form: str):
    layer = DepthwiseTensorProduct("0e + 2x1o", "0e + 1o", keep=["0e", "1o"])
    widths = layer.irreps_in.dim, layer.irreps_filter.dim, layer.weight_numel
    inputs = [torch.randn(2, n, requires_grad=True) for n in widths]
    f = lambda x, Y, w: depthwise(x, Y, w, layer.paths, form)  # noqa: E731
    assert torch.autograd.gradcheck(f, inputs)
    assert torch.autograd.gradgradcheck(f, inputs)


@pytest.mark.parametrize("keep", [None, ["0e", "1o", "2e"], ["0e"]])  # the last leaves 2x1e unread
def test_gradients_of_many_edges_are_those_of_the_form_to_read(keep: list[str] | None):
    layer = DepthwiseTensorProduct("3x0e + 8x1o + 8x2e + 3x0e + 2x1e", "0e + 1o + 2e", keep)
    widths = layer.irreps_in.dim, layer.irreps_filter.dim, layer.weight_numel
    inputs = [torch.randn(5000, n) for n in widths]  # more than one chunk
    cotangent = torch.randn(5000, layer.irreps_out.dim)
    for need in [(True, True, True), (True, False, False), (False, True, False), (0, 0, 1)]:
        found = []
        for form in ("einsum", "torch", "numba"):
            leaves = [x.clone().requires_grad_(bool(n)) for x, n in zip(inputs, need, strict=True)]
            z = depthwise(*leaves, layer.paths, form)
            wanted = [x for x in leaves if x.requires_grad]
            found.append((z, *torch.autograd.grad(z, wanted, cotangent)))
        for others in found[1:]:
            torch.testing.assert_close(others, found[0], rtol=0, atol=1e-11)


def test_gradients_of_the_full_product():
    full = TensorProduct("0e + 1o", "1o", "0e + 1o + 1e")
    x, y = torch.randn(2, 4, requires_grad=True), torch.randn(2, 3, requires_grad=True)
    assert torch.autograd.gradcheck(full, (x, y))
    assert torch.autograd.gradgradcheck(full, (x, y))


def test_a_pseudoscalar_tells_mirror_images_apart():
    cross, dot = TensorProduct("1o", "1o", "1e"), TensorProduct("1e", "1o", "0o")
    a, b, c = torch.randn(3, 3)
    handedness = dot(cross(a, b), c)
    assert handedness.abs() > 1e-3
    torch.testing.assert_close(dot(cross(-a, -b), -c), -handedness)
    assert not TensorProduct("1o", "1o", "0o").weights  # and two vectors make none


def test_compiles_as_one_graph(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # its checks do not trace
    torch._dynamo.reset()
    layer = DepthwiseTensorProduct("2x0e + 2x1o", "0e + 1o")
    inputs = torch.randn(3, 8), torch.randn(3, 4), torch.randn(3, layer.weight_numel)
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(*inputs), layer(*inputs))
    full = TensorProduct(FIRST, SECOND, OUT)
    x, y = torch.randn(3, full.irreps_in1.dim), torch.randn(3, full.irreps_in2.dim)
    compiled = torch.compile(full, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x, y), full(x, y))


def test_bad_input_is_refused_with_the_reason():
    layer = DepthwiseTensorProduct("2x0e", "0e")
    with pytest.raises(ValueError, match="so 3 components; expected 2"):
        layer(torch.randn(4, 3), torch.randn(4, 1), torch.randn(4, 2))
    with pytest.raises(ValueError, match=r"weights have shape \(4, 5\); expected 2"):
        layer(torch.randn(4, 2), torch.randn(4, 1), torch.randn(4, 5))
    with pytest.raises(ValueError, match="second factors have shape"):
        TensorProduct("0e", "1o", "1o")(torch.randn(4, 1), torch.randn(4, 1))
    with pytest.raises(ValueError, match="expected one of 'auto', 'einsum', 'torch', 'numba'"):
        depthwise(torch.randn(4, 2), torch.randn(4, 1), torch.randn(4, 2), layer.paths, "fast")
    with pytest.raises(ValueError, match=r"Y has shape \(4, 0\); expected 1 or more"):
        depthwise(torch.randn(4, 2), torch.randn(4, 0), torch.randn(4, 2), layer.paths)
    with pytest.raises(ValueError, match="got l3 = -1"):
        coupling(0, 0, -1)
    mixed = torch.randn(4, 2), torch.randn(4, 1).float(), torch.randn(4, 2)
    with pytest.raises(ValueError, match=r"tensors are torch\.float64 and torch\.float32"):
        depthwise(*mixed, layer.paths, "numba")


def test_rows_that_do_not_agree_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as users have it
    paths = DepthwiseTensorProduct("2x0e", "0e").paths
    for form in ("einsum", "torch", "numba"):
        for shapes in [[(4, 2), (3, 1), (4, 2)], [(4, 2), (4, 1), ()], [(4, 2), (4, 1, 1), (4, 2)]]:
            with pytest.raises(ValueError, match="each edge has a row in all three"):
                depthwise(*(torch.randn(shape) for shape in shapes), paths, form)
