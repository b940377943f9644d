"""The fused convolution on a GPU: values, derivatives to second order, and the symmetry."""

from __future__ import annotations

import functools

import pytest
import torch
from comparing import SINGLE, TURNS, numbers, random_graph, relative_error
from convolutions import derivatives
from torch import Tensor

from equivar import point_conv
from equivar.features import transform
from equivar.irreps import Irreps
from equivar.kernels.convolution import convolution
from equivar.kernels.depthwise import depthwise
from equivar.kernels.harmonics import harmonics
from equivar.kernels.paths import depthwise_paths
from equivar.measure import equivariance_error
from equivar.point_conv import PointConv, edge_features

# Irreps of features and filter, and what is kept: few paths, as each is a loop of an interpreter.
LAYOUTS = {
    "vectors": ("3x0e + 2x1o", "0e + 1o", ["0e", "1o"]),
    "both parities": ("2x1o + 1x1e", "1o", ["0e", "1e", "1o"]),
    "degree two": ("0e + 1x2e", "0e + 2e", ["2e"]),
    "many channels": ("37x0e", "1o", None),
    "unread columns": ("2x0e + 3x2e", "0e + 1o", ["0e"]),
}


def inputs(
    layout: str, device: torch.device, n: int = 3, size: int = 3, n_edges: int = 7
) -> tuple[tuple[Tensor, Tensor, Tensor], tuple, Irreps]:
    """Features, filter and weights; the graph and the paths; the layout of the result."""
    irreps_in, irreps_filter, keep = LAYOUTS[layout]
    paths, irreps_out = depthwise_paths(irreps_in, irreps_filter, keep)
    source, target = random_graph(n, size, n_edges, device)
    factors = (
        numbers(n, Irreps(irreps_in).dim, device=device),
        numbers(len(source), Irreps(irreps_filter).dim, device=device),
        numbers(len(source), sum(path.mul for path in paths), device=device),
    )
    return factors, (source, target, size, paths), irreps_out


def first_derivatives(factors: tuple, graph: tuple, form: str, **more: Tensor) -> list[Tensor]:
    leaves = [factor.clone().requires_grad_() for factor in factors]
    y = convolution(*leaves, *graph, form=form, **more)
    cotangent = torch.linspace(-1, 1, y.numel(), dtype=torch.float64).reshape(y.shape)
    return [y.detach(), *torch.autograd.grad(y, leaves, cotangent.to(y))]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_values_and_gradients(layout: str, device: torch.device):
    factors, graph, _ = inputs(layout, device)
    exact = first_derivatives(factors, graph, "torch")
    assert relative_error(first_derivatives(factors, graph, "triton"), exact) < 1e-13
    single = first_derivatives(tuple(f.float() for f in factors), graph, "triton")
    assert {t.dtype for t in single} == {torch.float32}
    assert relative_error(single, exact) < SINGLE


def test_second_derivatives(device: torch.device):
    factors, graph, _ = inputs("vectors", device, n=2, size=2, n_edges=3)
    exact = derivatives(*factors, graph, "torch")
    assert relative_error(derivatives(*factors, graph, "triton"), exact) < 1e-12


def test_gradcheck(device: torch.device):
    factors, graph, _ = inputs("both parities", device, n=2, size=1, n_edges=2)
    leaves = [factor.requires_grad_() for factor in factors]
    f = functools.partial(_convolve, graph=graph)
    assert torch.autograd.gradcheck(f, leaves, fast_mode=True)


def _convolve(x: Tensor, Y: Tensor, w: Tensor, graph: tuple) -> Tensor:
    return convolution(x, Y, w, *graph, form="triton")


@pytest.mark.parametrize(("n", "size", "n_edges"), [(1, 1, 1), (2, 3, 0), (0, 0, 0), (0, 3, 0)])
def test_one_edge_or_none(n: int, size: int, n_edges: int, device: torch.device):
    factors, graph, irreps_out = inputs("vectors", device, n, size, n_edges)
    found = first_derivatives(factors, graph, "triton")
    assert found[0].shape == (size, irreps_out.dim)
    assert relative_error(found, first_derivatives(factors, graph, "torch")) < 1e-14


def test_more_edges_than_a_tile_and_the_same_bits(device: torch.device):
    factors, graph, _ = inputs("many channels", device, n=5, size=2, n_edges=37)
    found = first_derivatives(factors, graph, "triton")
    assert relative_error(found, first_derivatives(factors, graph, "torch")) < 1e-13
    again = first_derivatives(factors, graph, "triton")
    assert all(torch.equal(a, b) for a, b in zip(found, again, strict=True))


def test_edges_that_share_weights(device: torch.device):
    (x, Y, w), graph, _ = inputs("vectors", device)
    rows = torch.tensor([0, 1, 1, 2, 0, 2, 2], device=device)
    found, exact = (first_derivatives((x, Y, w[:3]), graph, f, rows=rows) for f in FORMS)
    assert relative_error(found, exact) < 1e-13


FORMS = ("triton", "torch")


def test_strided_arguments(device: torch.device):
    factors, graph, _ = inputs("vectors", device)
    wide = [torch.stack([t, t], dim=2).flatten(1)[:, ::2] for t in factors]
    assert not wide[0].is_contiguous()
    found = first_derivatives(tuple(wide), graph, "triton")
    assert relative_error(found, first_derivatives(factors, graph, "torch")) < 1e-13


def test_each_edge_on_its_own(device: torch.device):
    (x, Y, w), (*_, paths), _ = inputs("both parities", device, n=5, n_edges=5)
    expected = depthwise(x, Y, w, paths, form="einsum")
    assert relative_error([depthwise(x, Y, w, paths, form="triton")], [expected]) < 1e-14


@pytest.mark.parametrize("name", TURNS)
def test_it_turns_with_its_inputs(name: str, device: torch.device):
    R = TURNS[name].to(device, torch.float32)
    irreps_in, irreps_filter, keep = "2x0e + 1x1o", "0e + 1o", ["0e", "1o", "1e"]
    paths, irreps_out = depthwise_paths(irreps_in, irreps_filter, keep)
    source, target = random_graph(3, 3, 6, device)
    x, vectors, w = (
        numbers(*shape, device=device, dtype=torch.float32)
        for shape in ((3, 5), (6, 3), (6, sum(path.mul for path in paths)))
    )

    def f(both: Tensor, turned: bool = True) -> Tensor:
        Y = harmonics(1, both[3:, :3] if turned else vectors, form="triton")
        return convolution(both[:3], Y, w, source, target, 3, paths, form="triton")

    def act(both: Tensor) -> Tensor:
        edges = torch.nn.functional.pad(both[3:, :3] @ R.mT, (0, 2))
        return torch.cat([transform(irreps_in, R, both[:3]), edges])

    both = torch.cat([x, torch.nn.functional.pad(vectors, (0, 2))])
    act_out = functools.partial(transform, irreps_out, R)
    assert equivariance_error(f, both, act, act_out) < SINGLE
    if name != "identity":
        control = functools.partial(f, turned=False)  # edge vectors that stay as they are
        assert equivariance_error(control, both, act, act_out) > 0.1


def test_forces_of_a_layer_turn(device: torch.device, monkeypatch: pytest.MonkeyPatch):
    """Positions to harmonics to PointConv and back: the whole chain through Triton's kernels."""
    layer = PointConv("1x0e", "1x0e + 1x1o", lmax=1, n_radial=2, hidden=(4,)).to(device).double()
    source, target = (t.to(device) for t in (torch.tensor([0, 1, 2]), torch.tensor([1, 2, 0])))
    positions, x = numbers(3, 3, device=device), numbers(3, 1, device=device)
    R = TURNS["half turn about [1, 1, 0]"].to(device)

    def forces(positions: Tensor) -> Tensor:
        places = positions.clone().requires_grad_()
        Y, radial = edge_features(places[target] - places[source], 1, 2, cutoff=9.0)
        y = layer(x, Y, radial, source, target)
        return -torch.autograd.grad(y[:, 1:].square().sum() + y[:, 0].sum(), places)[0]

    with monkeypatch.context() as forced:
        for kernel in ("convolution", "harmonics"):
            ours = functools.partial(getattr(point_conv, kernel), form="triton")
            forced.setattr(point_conv, kernel, ours)
        found, turned = forces(positions), forces(positions @ R.mT)
    assert relative_error([found], [forces(positions)]) < 1e-12
    assert relative_error([turned], [found @ R.mT]) < 1e-12
    assert (turned - found).norm() > 0.1 * found.norm()


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (0, torch.zeros(3, 3, dtype=torch.float64), "x has shape"),
        (2, torch.zeros(7, 2, dtype=torch.float64), "one for each channel of each path"),
        (3, torch.full((7,), 3), "expected 0 to 2"),
        (4, torch.full((7,), -1), "target has indices from -1"),
        (3, torch.zeros(4, dtype=torch.int64), "one number of edges"),
        (0, torch.zeros(3, 9), "expected one dtype"),
    ],
)
def test_bad_input_is_restated(place: int, value: Tensor, message: str, device: torch.device):
    factors, graph, _ = inputs("vectors", device)
    arguments = [*factors, *graph]
    arguments[place] = value.to(device)
    with pytest.raises(ValueError, match=message):
        convolution(*arguments, form="triton")
