"""The fused convolution: its two forms agree to all orders, with e3nn, and with the symmetry."""

from __future__ import annotations

import functools

import jaxtyping
import pytest
import torch
from convolutions import FORMS, LAYOUTS, derivatives, inputs
from e3nn import o3
from strategies import SPECIAL_ORTHOGONALS
from torch import Tensor

from equivar.features import transform
from equivar.irreps import Irreps
from equivar.kernels.convolution import convolution
from equivar.kernels.paths import depthwise_paths
from equivar.measure import equivariance_error
from equivar.so3 import spherical_harmonics


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_forms_agree_to_second_order(layout: str):
    x, Y, w, *graph, _ = inputs(layout)
    readable, fast = (derivatives(x, Y, w, tuple(graph), form) for form in FORMS)
    for a, b in zip(readable, fast, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-12, atol=1e-12 * float(a.abs().max() + 1))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("layout", ["mixed multiplicities", "both parities"])
def test_gradients_are_right(layout: str, form: str):
    x, Y, w, *graph, _ = inputs(layout, n=3, n_edges=4, size=3)
    factors = [factor[:, :].clone().requires_grad_() for factor in (x, Y, w)]
    f = functools.partial(convolve, graph=tuple(graph), form=form)
    assert torch.autograd.gradcheck(f, factors, fast_mode=True)
    assert torch.autograd.gradgradcheck(f, factors, fast_mode=True)


def convolve(x: Tensor, Y: Tensor, w: Tensor, graph: tuple, form: str) -> Tensor:
    return convolution(x, Y, w, *graph, form=form)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("only", [0, 1, 2])
def test_each_gradient_alone_is_that_of_all(form: str, only: int):
    x, Y, w, *graph, _ = inputs("mixed multiplicities")
    factors = [x, Y, w]
    factors[only] = factors[only].clone().requires_grad_()
    (alone,) = torch.autograd.grad(
        convolution(*factors, *graph, form=form).square().sum(), factors[only]
    )
    every = [factor.clone().requires_grad_() for factor in (x, Y, w)]
    together = torch.autograd.grad(convolution(*every, *graph, form=form).square().sum(), every)
    torch.testing.assert_close(alone, together[only])


@pytest.fixture
def _float64():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.mark.usefixtures("_float64")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("layout", ["mixed multiplicities", "both parities"])
def test_it_is_what_e3nn_makes_edge_by_edge(layout: str, form: str):
    x, Y, w, source, target, size, paths, irreps_out = inputs(layout)
    irreps_in, irreps_filter, _ = (Irreps(LAYOUTS[layout][i]) for i in (0, 1, 0))
    starts_in = [where.start for where in irreps_in.slices]
    starts_filter = [where.start for where in irreps_filter.slices]
    instructions = [
        (starts_in.index(p.start_in), starts_filter.index(p.start_filter), k, "uvu", True)
        for k, p in enumerate(paths)
    ]
    product = o3.TensorProduct(
        str(irreps_in),
        str(irreps_filter),
        str(irreps_out),
        instructions,
        shared_weights=False,
        internal_weights=False,
    )
    messages = product(x[source], Y, w)
    expected = messages.new_zeros(size, irreps_out.dim).index_add(0, target, messages)
    found = convolution(x, Y, w, source, target, size, paths, form=form)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["identity", "half turn about [1, 1, 0]", "inverted identity"])
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
def test_it_turns_with_its_inputs(form: str, name: str, dtype: torch.dtype, bound: float):
    R = SPECIAL_ORTHOGONALS[name].to(dtype)
    irreps_in = "4x0e + 4x1o + 2x1e + 2x2e"
    paths, irreps_out = depthwise_paths(irreps_in, "0e + 1o + 2e")
    vectors, w = torch.randn(20, 3), torch.randn(20, sum(path.mul for path in paths))
    source, target = torch.randint(0, 5, (2, 20))
    x = torch.randn(5, Irreps(irreps_in).dim)
    vectors, w, x = vectors.to(dtype), w.to(dtype), x.to(dtype)

    def f(both: Tensor, turned: bool = True) -> Tensor:
        edges = both[5:, :3] if turned else vectors
        Y = spherical_harmonics(2, edges)
        return convolution(both[:5], Y, w, source, target, 5, paths, form=form)

    def act(both: Tensor) -> Tensor:
        features = transform(irreps_in, R, both[:5])
        return torch.cat(
            [features, torch.nn.functional.pad(both[5:, :3] @ R.mT, (0, x.shape[1] - 3))]
        )

    both = torch.cat([x, torch.nn.functional.pad(vectors, (0, x.shape[1] - 3))])
    act_out = functools.partial(transform, irreps_out, R)
    assert equivariance_error(f, both, act, act_out) < bound
    if name != "identity":
        control = functools.partial(f, turned=False)  # edge vectors that stay as they are
        assert equivariance_error(control, both, act, act_out) > 0.1


@pytest.mark.parametrize("form", FORMS)
def test_rows_without_edges_are_zero(form: str):
    x, Y, w, *graph, _ = inputs("mixed multiplicities")
    assert convolution(x, Y, w, *graph, form=form)[-1].abs().max() == 0


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("n", "n_edges", "size"), [(5, 0, 6), (0, 0, 0), (0, 0, 3)])
def test_nothing_to_add_is_zero(form: str, n: int, n_edges: int, size: int):
    irreps_in, irreps_filter, _ = LAYOUTS["mixed multiplicities"]
    paths, irreps_out = depthwise_paths(irreps_in, irreps_filter)
    x = torch.randn(n, Irreps(irreps_in).dim, requires_grad=True)
    Y, w = torch.randn(n_edges, 9), torch.randn(n_edges, sum(path.mul for path in paths))
    none = torch.zeros(n_edges, dtype=torch.int64)
    y = convolution(x, Y, w, none, none, size, paths, form=form)
    assert y.shape == (size, irreps_out.dim)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert gradient.shape == x.shape


@pytest.mark.parametrize("form", FORMS)
def test_no_paths_make_no_columns(form: str):
    x, none = torch.randn(3, 4), torch.zeros(0, dtype=torch.int64)
    y = convolution(x, torch.zeros(0, 1), torch.zeros(0, 0), none, none, 3, (), form=form)
    assert y.shape == (3, 0)


def test_the_same_call_gives_the_same_bits():
    x, Y, w, *graph, _ = inputs("many channels", n=20, n_edges=200, dtype=torch.float32)
    first = convolution(x, Y, w, *graph, form="numba")
    for _ in range(3):
        assert torch.equal(convolution(x, Y, w, *graph, form="numba"), first)


def test_only_the_order_within_a_row_matters():
    x, Y, w, source, target, size, paths, _ = inputs("many channels", n_edges=60)
    order = target.argsort(stable=True)
    shuffled = convolution(x, Y, w, source, target, size, paths, form="numba")
    ordered = convolution(
        x, Y[order], w[order], source[order], target[order], size, paths, form="numba"
    )
    assert torch.equal(shuffled, ordered)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_float32_is_as_accurate_as_the_sum_of_messages(layout: str):
    x, Y, w, *graph, _ = inputs(layout, n_edges=200)
    exact = convolution(x, Y, w, *graph, form="torch")
    errors = [
        (convolution(x.float(), Y.float(), w.float(), *graph, form=form) - exact).abs().max()
        for form in FORMS
    ]
    assert errors[1] < 3 * errors[0] + 1e-6


def test_slices_of_larger_tensors_are_read_as_they_are():
    x, Y, w, *graph, _ = inputs("mixed multiplicities")
    wide = [torch.randn(len(t), 2 * t.shape[1], dtype=t.dtype) for t in (x, Y, w)]
    views = [t[:, ::2] for t in wide]
    a, b = (derivatives(*views, tuple(graph), form) for form in FORMS)
    torch.testing.assert_close(b, a, rtol=1e-11, atol=1e-11)


def test_it_compiles_as_one_graph(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # its checks do not trace
    x, Y, w, *graph, _ = inputs("mixed multiplicities")
    compiled = torch.compile(convolution, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x, Y, w, *graph), convolution(x, Y, w, *graph))


def test_it_maps_over_batches():
    x, Y, w, *graph, _ = inputs("mixed multiplicities")
    mapped = torch.func.vmap(lambda w: convolution(x, Y, w, *graph))(torch.stack([w, 2 * w]))
    y = convolution(x, Y, w, *graph)
    torch.testing.assert_close(mapped, torch.stack([y, 2 * y]))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (0, torch.zeros(5, 3, dtype=torch.float64), "x has shape"),
        (1, torch.zeros(23, 4, dtype=torch.float64), "Is its lmax too small"),
        (2, torch.zeros(23, 2, dtype=torch.float64), "one for each channel of each path"),
        (3, torch.full((23,), 5), "expected 0 to 4"),
        (4, torch.full((23,), -1), "target has indices from -1"),
        (3, torch.zeros(7, dtype=torch.int64), "one number of edges"),
        (0, torch.zeros(5, 44), "expected one dtype"),
    ],
)
def test_bad_input_is_restated(form: str, place: int, value: Tensor, message: str):
    arguments = list(inputs("mixed multiplicities")[:-1])
    arguments[place] = value
    with pytest.raises(ValueError, match=message):
        convolution(*arguments, form=form)


def test_a_form_that_cannot_run_says_why(monkeypatch: pytest.MonkeyPatch):
    x, Y, w, *graph, _ = inputs("mixed multiplicities")
    with pytest.raises(ValueError, match="expected one of 'auto', 'torch', 'numba'"):
        convolution(x, Y, w, *graph, form="cuda")
    with pytest.raises(ValueError, match="expected float32 or float64"):
        convolution(x.half(), Y.half(), w.half(), *graph, form="numba")
    monkeypatch.setattr("equivar.kernels.forms.has_numba", lambda: False)
    with pytest.raises(ValueError, match="pip install numba"):
        convolution(x, Y, w, *graph, form="numba")
    expected = convolution(x, Y, w, *graph, form="torch")
    assert torch.equal(convolution(x, Y, w, *graph), expected)  # auto falls back
