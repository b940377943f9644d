from __future__ import annotations

import itertools

import jaxtyping
import pytest
import torch
from hypothesis import given, settings
from strategies import SPECIAL_ORTHOGONALS, axes, irreps_text
from torch import Tensor

from equivar.features import transform
from equivar.irreps import Irreps
from equivar.kernels import so2_numba
from equivar.kernels.so2 import _pole_rotation, so2_product
from equivar.measure import equivariance_error
from equivar.so3 import spherical_harmonics
from equivar.tensor_product import TensorProduct

FORMS = ["torch", "numba"]
IN, OUT = "2x0e + 1o + 0o + 2e + 3x1e + 2x2o", "2e + 2x0e + 0o + 2x1o + 1e + 0x2o + 2x2o + 3e"
# Degrees that only one side has are turned, and orders that only one side has are dropped.
LAYOUTS = [(IN, 3, OUT), ("3x3o + 2x4e + 3e", 4, "1e + 2x1o + 0e"), ("1o + 1e + 0o", 5, "5o + 3e")]
DIRECTIONS = [
    *itertools.product([-1.0, 0.0, 1.0], repeat=3),  # poles, axes, all octants, and zero
    *([s * 1e-9, t, 0.0] for s in (1, -1) for t in (1.0, -1.0)),  # next to the poles
    *([0.3, s * 1e-9, -0.7] for s in (1, -1)),  # either side of the equator
    [0.0, 1e-170, 0.0],  # its square is zero
]


@pytest.fixture(autouse=True)
def _double():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Both:
    """The product by its definition, and by the form to test, of the same weights."""

    def __init__(self, irreps_in: str, lmax: int, irreps_out: str) -> None:
        self.layouts = irreps_in, lmax, irreps_out
        filter = Irreps.spherical_harmonics(lmax)
        self.layer, self.lmax = TensorProduct(irreps_in, filter, irreps_out), lmax
        self.weights = list(self.layer.weights.values())

    def defined(self, x: Tensor, r: Tensor) -> Tensor:
        return self.layer(x, spherical_harmonics(self.lmax, r))

    def turned(self, x: Tensor, r: Tensor, form: str) -> Tensor:
        return so2_product(x, r, self.layer.weights, *self.layouts, form=form)

    def inputs(self, *shape: int) -> tuple[Tensor, Tensor]:
        return torch.randn(*shape, self.layer.irreps_in.dim), torch.randn(*shape, 3)


@pytest.mark.parametrize("form", FORMS)
@given(irreps_text(lmax=3), irreps_text(lmax=3))
@settings(deadline=None, max_examples=15)
def test_it_is_the_product_for_any_layout(form: str, irreps_in: str, irreps_out: str):
    both = Both(irreps_in, 3, irreps_out)
    for shape in [(3,), (0,), (2, 2), ()]:
        x, r = both.inputs(*shape)
        torch.testing.assert_close(both.turned(x, r, form), both.defined(x, r), rtol=0, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("lmax", [0, 1, 4, 8])
def test_it_is_the_product_in_all_directions(form: str, lmax: int):
    names = " + ".join(f"{l}{p}" for l, p in itertools.product(range(lmax + 1), "eo"))
    both = Both(names, lmax, str(Irreps.spherical_harmonics(lmax)) + " + 1e")
    r = torch.tensor(DIRECTIONS)
    x = torch.randn(len(r), both.layer.irreps_in.dim)
    torch.testing.assert_close(both.turned(x, r, form), both.defined(x, r), rtol=0, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_it_is_the_product_in_float32(form: str):
    both = Both("4x0e + 4x1o + 4x2e + 4x3o + 4x4e", 4, "4x0e + 4x1o + 4x2e + 4x3o + 4x1e")
    x, r = both.inputs(300)
    expected = both.defined(x, r)
    both.layer.float()
    actual = both.turned(x.float(), r.float(), form)
    assert actual.dtype == torch.float32
    error = (actual - expected).abs().max() / expected.abs().max()
    assert error < 1e-5


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", FORMS)
def test_it_agrees_with_e3nn(form: str):
    from e3nn import o3

    names = "2x0e + 2x1o + 2x2e + 2x3o"
    filter = o3.Irreps.spherical_harmonics(3)
    theirs = o3.FullyConnectedTensorProduct(names, filter, names)
    found: dict[int, list] = {}
    for i, w in zip(theirs.instructions, theirs.weight_views(), strict=True):
        found.setdefault(i.i_out, []).append((i.i_in1, i.i_in2, w.detach().flatten(0, 1)))
    weights = {}
    for out, name in enumerate(["0e", "1o", "2e", "3o"]):
        weights[name] = torch.cat([w for *_, w in sorted(found[out], key=lambda part: part[:2])])
    x, r = torch.randn(40, 32), torch.randn(40, 3)
    expected = theirs(x, o3.spherical_harmonics(filter, r, True, normalization="component"))
    actual = so2_product(x, r, weights, names, 3, names, form)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)


def act(R: Tensor, z: Tensor) -> Tensor:
    return transform(f"{IN} + 1o", R, z)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("R", SPECIAL_ORTHOGONALS.values(), ids=SPECIAL_ORTHOGONALS)
def test_it_is_equivariant(form: str, R: Tensor):
    both = Both(IN, 3, OUT)
    z = torch.cat(both.inputs(7), dim=1)
    z[0, -3:] = 0
    error = equivariance_error(
        lambda z: both.turned(z[:, :-3], z[:, -3:], form),
        z,
        lambda z: act(R, z),
        lambda y: transform(OUT, R, y),
    )
    assert error < 1e-10


def test_equivariance_is_lost_where_edges_are_not_turned():
    both, R = Both(IN, 3, OUT), SPECIAL_ORTHOGONALS["quarter turn about [1, 1, 0]"]
    up = torch.tensor([0.0, 1.0, 0.0]).expand(7, 3)
    error = equivariance_error(
        lambda z: both.turned(z[:, :-3], up, "torch"),
        torch.cat(both.inputs(7), dim=1),
        lambda z: act(R, z),
        lambda y: transform(OUT, R, y),
    )
    assert error > 0.1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("layouts", [("1o + 1e", 2, "1o + 2e"), ("2e", 2, "0e + 1e")])
def test_gradients_to_second_order(form: str, layouts: tuple):
    """Also at the poles and on the equator, where the rotation that is chosen jumps."""
    r = torch.tensor([[0.0, 1.5, 0.0], [0.0, -0.7, 0.0], [0.8, 0.0, -0.3]])
    x = torch.randn(3, Irreps(layouts[0]).dim)
    both = Both(*layouts)
    names = list(both.layer.weights)

    def f(x: Tensor, r: Tensor, *weights: Tensor) -> Tensor:
        return so2_product(x, r, dict(zip(names, weights, strict=True)), *layouts, form=form)

    inputs = [v.detach().requires_grad_() for v in (x, r, *both.weights)]
    assert torch.autograd.gradcheck(f, inputs)
    assert torch.autograd.gradgradcheck(f, inputs)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("layouts", LAYOUTS)
def test_gradients_of_many_edges_are_those_of_the_definition(
    form: str, layouts: tuple, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(so2_numba, "CHUNK", 5000)
    both = Both(*layouts)
    x, r = both.inputs(400)  # more than one chunk, and no multiple of the lanes
    r[17] = 0
    cotangent = torch.randn(400, both.layer.irreps_out.dim)
    for needed in [(True, True, True), (True, False, False), (False, True, False), (0, 0, 1)]:
        found = []
        for f in (both.defined, lambda x, r: both.turned(x, r, form)):
            leaves = [
                v.clone().requires_grad_(bool(n)) for v, n in zip((x, r), needed[:2], strict=True)
            ]
            both.layer.requires_grad_(bool(needed[2]))
            wanted = [v for v in (*leaves, *both.weights) if v.requires_grad]
            out = f(*leaves)
            found.append((out, *torch.autograd.grad(out, wanted, cotangent)))
        for ours, theirs in zip(*found, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12 * theirs.abs().max().item())


@pytest.mark.parametrize("form", FORMS)
def test_training_on_forces_has_the_gradients_of_the_definition(form: str):
    both = Both(IN, 3, "4x0e + 2x1o + 1e")
    x, r = both.inputs(100)
    r[3] = 0
    found = []
    for f in (both.defined, lambda x, r: both.turned(x, r, form)):
        leaf = r.clone().requires_grad_()
        energy = f(x, leaf).square().sum()
        (forces,) = torch.autograd.grad(energy, leaf, create_graph=True)
        found.append(torch.autograd.grad(forces.square().sum(), [leaf, *both.weights]))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11 * theirs.abs().max().item())


@pytest.mark.parametrize("form", FORMS)
def test_an_edge_without_direction_has_degree_zero_alone(form: str):
    both = Both(IN, 3, OUT)
    x, r = both.inputs(5)
    r[[1, 4]] = 0
    leaf = r.clone().requires_grad_()
    out = both.turned(x, leaf, form)
    torch.testing.assert_close(out, both.defined(x, r), rtol=0, atol=1e-12)
    (gradient,) = torch.autograd.grad(out.square().sum(), leaf)
    assert gradient[[1, 4]].tolist() == [[0.0] * 3] * 2
    assert gradient[[0, 2, 3]].abs().min() > 0


@pytest.mark.parametrize("form", FORMS)
def test_features_that_are_not_numbers_stay_with_their_edge(form: str):
    both = Both(IN, 3, OUT)
    x, r = both.inputs(40)
    expected = both.defined(x, r)
    x[7] = torch.nan
    out = both.turned(x, r, form)
    assert out[7].isnan().any()
    keep = torch.arange(40) != 7
    torch.testing.assert_close(out[keep], expected[keep], rtol=0, atol=1e-12)


@given(axes())
def test_the_rotation_takes_a_direction_to_the_pole(v: Tensor):
    u = v / v.norm()
    R = _pole_rotation(u[None])[0]
    torch.testing.assert_close(R @ u, torch.tensor([0.0, 1.0, 0.0]), rtol=0, atol=1e-14)
    torch.testing.assert_close(R @ R.mT, torch.eye(3), rtol=0, atol=1e-14)
    assert torch.linalg.det(R) > 0


def test_transforms_and_the_compiler_follow_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # its checks do not trace
    torch._dynamo.reset()
    both = Both("2x0e + 1o", 1, "0e + 1o + 1e")
    x, r = both.inputs(5)
    r[2] = 0
    expected = both.defined(x, r)
    f = lambda x, r: both.turned(x, r, "auto")  # noqa: E731
    torch.testing.assert_close(torch.func.vmap(f)(x, r), expected)
    compiled = torch.compile(f, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x, r), expected)


def test_bad_input_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch):
    x, r, weights = torch.randn(4, 3), torch.randn(4, 3), {"0e": torch.randn(1, 2)}
    call = lambda **changes: so2_product(  # noqa: E731
        **dict(x=x, vectors=r, weights=weights, irreps_in="1o", lmax=1, irreps_out="2x0e") | changes
    )
    assert call().shape == (4, 2)
    with pytest.raises(ValueError, match=r"features have shape \(4, 2\); expected \(..., 3\)"):
        call(x=x[:, :2])
    with pytest.raises(ValueError, match=r"vectors have shape \(4, 2\); expected \(..., 3\)"):
        call(vectors=r[:, :2])
    with pytest.raises(ValueError, match="one vector for each row of features"):
        call(vectors=r[:1])
    with pytest.raises(ValueError, match=r"features are torch\.float64 and vectors torch\.float32"):
        call(vectors=r.float())
    with pytest.raises(ValueError, match=r"vectors hold nan or infinity, first at index \[0\]"):
        call(vectors=r * torch.inf)
    with pytest.raises(ValueError, match=r"weights of 0e: missing; expected shape \(1, 2\)"):
        call(weights={})
    with pytest.raises(
        ValueError, match=r"weights of 0e: shape \(1, 2\) .* expected shape \(1, 3\)"
    ):
        call(irreps_out="3x0e")
    with pytest.raises(ValueError, match=r"and torch\.float32; expected .* and torch\.float64"):
        call(weights={"0e": weights["0e"].float()})
    with pytest.raises(ValueError, match="got lmax = 13"):
        call(lmax=13)
    with pytest.raises(ValueError, match="form is 'fast'; expected one of 'auto', 'torch'"):
        call(form="fast")
    with pytest.raises(ValueError, match=r"a tensor is torch\.float16"):
        call(x=x.half(), vectors=r.half(), weights={"0e": weights["0e"].half()}, form="numba")
    monkeypatch.setattr("equivar.kernels.forms.has_numba", lambda: False)
    with pytest.raises(ValueError, match="Numba is not installed"):
        call(form="numba")
