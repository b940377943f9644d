"""Solved sets and the library on a device that is not there: they run, and find the CPU's numbers.

What fails on a GPU fails on that device (`tests/pretended.py`); `tests/gpu/test_course.py` is for a
real one.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from coursetools.elsewhere import Elsewhere
from equivar import frames, models, points, so3, stabilizer
from equivar._kept import kept
from equivar.audit import PerPoint, audit_task
from equivar.averaging import averaging_error
from equivar.data import CRYSTAL_CLASSES, crystal_class, digits, platonic_solid
from equivar.features import invariant_norms, transform
from equivar.graphs import GraphLinear
from equivar.group_conv import GroupConv2d, GroupPool, LiftingConv2d, act_on_features, turn_images
from equivar.groups import cyclic, dihedral, symmetric
from equivar.intertwiners import intertwiner_basis
from equivar.kernels.convolution import convolution
from equivar.kernels.harmonics import harmonics
from equivar.kernels.paths import depthwise_paths
from equivar.kernels.products import product
from equivar.kernels.so2 import so2_product
from equivar.kernels.wigner import wigner_d_all
from equivar.linear import IrrepLinear
from equivar.measure import worst_rotation
from equivar.nonlinear import Gate
from equivar.normalization import IrrepNorm
from equivar.point_conv import PointConv, edge_features
from equivar.representations import irreps_of, make_orthogonal, permutation_representation, regular
from equivar.rotations import random_orthogonal, random_rotations, rotation_2d, rotation_3d
from equivar.sets import SetAttention, SetLinear, SetPool
from equivar.spectra import bispectrum, power_spectrum
from equivar.tensor_product import TensorProduct
from equivar.trace import trace_equivariance

from . import run_source
from .pretended import FAR, PretendedDevice


@pytest.mark.apart
@pytest.mark.parametrize("stem", run_source.STEMS)
def test_a_solved_set_shows_there_what_it_shows_here(stem: str) -> None:
    before = torch.get_default_dtype()
    try:
        with warnings.catch_warnings(), PretendedDevice(), Elsewhere(FAR):
            warnings.simplefilter("default")  # as in a student's kernel
            assert run_source.differing(stem) == {}
    finally:
        torch.set_default_dtype(before)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape))).double()


R = random_rotations(4, torch.Generator().manual_seed(0))
CLOUD, SQUARE = drawn(6, 3), torch.tensor([[1.0, 1, 0], [-1, 1, 0], [-1, -1, 0], [1, -1, 0]])
GRAPH = torch.tensor([0, 1, 2, 3, 0]), torch.tensor([1, 2, 1, 4, 4])
PATHS, WIDE = depthwise_paths("2x0e + 2x1o", "0e + 1o + 2e")
COPIES = sum(path.mul for path in PATHS)
ORDERS = torch.tensor([[0, 1, 2], [1, 2, 0], [2, 0, 1]])

# From tensors to a tensor, or several.
FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[Tensor, ...]]] = {
    "harmonics to read": (lambda x: so3.spherical_harmonics(4, x), (CLOUD,)),
    "harmonics": (lambda x: harmonics(4, x), (CLOUD,)),
    "wigner to read": (lambda r: so3.wigner_d("3e", r), (R,)),
    "wigner": (lambda r: wigner_d_all(4, r), (R,)),
    "one product": (lambda x, y: product(x, y, 2), (drawn(5, 3), drawn(5, 5))),
    "so2": (
        lambda x, r, w: so2_product(x, r, {"1o": w}, "2x1o", 1, "1o"),
        (drawn(5, 6), drawn(5, 3), drawn(2, 1)),
    ),
    "convolution": (
        lambda x, Y, w, s, t: convolution(x, Y, w, s, t, 5, PATHS),
        (drawn(5, 8), drawn(5, 9), drawn(5, COPIES), *GRAPH),
    ),
    "edge features": (lambda v: edge_features(v, 2, 4, cutoff=3.0), (CLOUD,)),
    "pairs": (lambda x: points.neighbours(x, 2.0).source, (CLOUD,)),
    "pairs in a cell": (
        lambda x, c: points.neighbours(x, 1.5, c).distances,
        (CLOUD, 2 * torch.eye(3).double()),
    ),
    "axes": (lambda x: (frames.pca_frames(x)[0], frames.pca_frames(x)[1]), (CLOUD,)),
    "an average over frames": (
        lambda x: frames.frame_average(lambda r: r[1].relu().sum(), x),
        (CLOUD,),
    ),
    "distances": (frames.pairwise_distances, (CLOUD,)),
    "an average's error": (lambda r: averaging_error(r, 3), (R,)),
    "the worst rotation": (lambda r: worst_rotation(lambda q: q[:, 2, 2], r, steps=2), (R,)),
    "a law": (lambda x, r: transform("0e + 1o + 2e", r, x), (drawn(5, 9), R[0])),
    "lengths": (lambda x: invariant_norms("0e + 1o", x), (drawn(5, 4),)),
    "powers": (lambda x: power_spectrum("0e + 1o", x), (drawn(5, 4),)),
    "bispectrum": (lambda x: bispectrum("2x1o", x)[0], (drawn(5, 6),)),
    "turns in the plane": (rotation_2d, (drawn(3),)),
    "turns in space": (lambda v: rotation_3d(v, 0.3), (CLOUD,)),
    "turned images": (lambda x: turn_images(x, 0.3), (drawn(2, 1, 5, 5),)),
    "features on a group": (lambda x: act_on_features(dihedral(4), 5, x), (drawn(2, 8, 4, 4),)),
    "maps that commute": (
        lambda p: intertwiner_basis(*[permutation_representation(p)] * 2),
        (ORDERS,),
    ),
    "orthogonal": (make_orthogonal, (torch.stack([torch.eye(2), -torch.eye(2)]).double(),)),
    "a symmetry": (lambda x: stabilizer.stabilizer(x).matrices, (SQUARE,)),
    "the best reachable": (
        lambda x, t: stabilizer.best_reachable(stabilizer.stabilizer(x), t, "1o"),
        (SQUARE, drawn(3)),
    ),
}

NUMBERS = torch.tensor([8, 1, 1])
# A layer or a network, and what it is called with; made in float64.
MODULES: dict[str, tuple[Callable[[], nn.Module], tuple[Tensor, ...]]] = {
    "linear": (lambda: IrrepLinear("2x0e + 1o", "0e + 2x1o"), (drawn(5, 5),)),
    "product": (lambda: TensorProduct("0e + 1o", "1o", "0e + 1o"), (drawn(5, 4), drawn(5, 3))),
    "gate": (lambda: Gate("2x0e + 1x0o", "1o + 2e"), (drawn(5, 13),)),
    "norm": (lambda: IrrepNorm("2x0e + 1o"), (drawn(5, 5),)),
    "point convolution": (
        lambda: PointConv("2x0e + 2x1o", "0e + 1o", lmax=1, n_radial=4),
        (drawn(5, 8), drawn(5, 4), drawn(5, 4), *GRAPH),
    ),
    "sets": (lambda: nn.Sequential(SetLinear(3, 8), SetAttention(8), SetPool()), (CLOUD,)),
    "graphs": (lambda: GraphLinear(2, 3), (drawn(4, 4, 2),)),
    "quarter turns": (
        lambda: nn.Sequential(
            LiftingConv2d(1, 2, dihedral(4)), GroupConv2d(2, 2, dihedral(4)), GroupPool()
        ),
        (drawn(2, 1, 7, 7),),
    ),
    "eighths of a turn": (
        lambda: LiftingConv2d(1, 2, cyclic(8), kernel_size=5),
        (drawn(2, 1, 7, 7),),
    ),
    "set network": (lambda: models.SetNet(3, 1), (drawn(2, 5, 3),)),
    "graph network": (lambda: models.GraphNet(1, 1), (drawn(2, 4, 4, 1),)),
    "image network": (lambda: models.GroupImageNet(cyclic(4), 1, 3), (drawn(2, 1, 8, 8),)),
    "energy": (lambda: models.EnergyNet((1, 8)), (NUMBERS, drawn(2, 3, 3))),
    "coordinates": (lambda: models.PlainPointNet(4, n_out=2), (drawn(2, 4, 3),)),
    "force field": (
        lambda: models.ForceField((1, 8), "4x0e + 2x1o", layers=1),
        (NUMBERS, drawn(3, 3)),
    ),
    "Euclidean network": (
        lambda: models.EuclideanNet("0e", "1o", "4x0e + 2x1o", layers=1, lmax=1, cutoff=3.0),
        (torch.ones(5, 1).double(), drawn(5, 3)),
    ),
}

CONTEXTS = {"alone": lambda: contextlib.nullcontext(), "by default": lambda: Elsewhere(FAR)}


@pytest.fixture(params=CONTEXTS.values(), ids=CONTEXTS.keys())
def there(request: pytest.FixtureRequest) -> Iterator[None]:
    """The device, where tensors are sent; and where they are made, too."""
    with PretendedDevice(), request.param():
        yield


def same(found: Any, wanted: Any, device: str = FAR.type) -> None:
    if isinstance(wanted, Tensor):
        assert found.device.type == device
        torch.testing.assert_close(found.detach().cpu(), wanted.detach(), rtol=1e-9, atol=1e-9)
    else:
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            same(one, other, device)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_result_is_where_the_arguments_are(name: str, there: None) -> None:
    f, arguments = FUNCTIONS[name]
    found = f(*(x.to(FAR) for x in arguments))  # first there: what is kept serves the CPU as well
    with torch.device("cpu"):
        wanted = f(*arguments)
    same(wanted, wanted, "cpu")
    same(found, wanted)


@pytest.mark.parametrize("name", MODULES)
def test_a_layer_and_its_gradients_are_there(name: str, there: None) -> None:
    make, arguments = MODULES[name]
    torch.manual_seed(1)
    far = make().double().to(FAR)
    near = deepcopy(far).to("cpu")
    found, wanted = [
        _run(net, [x.to(device) for x in arguments]) for net, device in ((far, FAR), (near, "cpu"))
    ]
    same(wanted, wanted, "cpu")
    same(found, wanted)


def _run(net: nn.Module, arguments: list[Tensor]) -> list[Tensor]:
    """The value, and the gradients of its squares."""
    inputs = [x.requires_grad_() if x.is_floating_point() else x for x in arguments]
    y = net(*inputs)
    wrt = [t for t in [*net.parameters(), *inputs] if t.requires_grad]
    grads = torch.autograd.grad(y.square().sum(), wrt, allow_unused=True)
    return [y, *(g for g in grads if g is not None)]


MADE: dict[str, Callable[[], Any]] = {
    "coefficients": lambda: so3.clebsch_gordan(1, 2, 3),
    "generators": lambda: so3.generators(2),
    "crystals": lambda: [crystal_class(name).matrices for name in CRYSTAL_CLASSES[:9]],
    "a solid": lambda: platonic_solid("cube")[0],
    "digits": lambda: digits("test").images,
    "irreps of a group": lambda: [x.abs().amax() for x in irreps_of(symmetric(3))],
    "a regular representation": lambda: regular(dihedral(3)),
    "random orthogonal matrices": lambda: random_orthogonal(3, torch.Generator().manual_seed(0)),
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE.keys())
def test_what_depends_on_no_tensor_is_made_on_the_default_device(make: Callable[[], Any]) -> None:
    with PretendedDevice(), Elsewhere(FAR):
        found = make()
    wanted = make()
    same(wanted, wanted, "cpu")
    same(found, wanted)


def test_audits_and_traces_find_there_what_they_find_here(there: None) -> None:
    def look(device: torch.device | str) -> list[float]:
        square, order = SQUARE.to(device), ORDERS.to(device)
        wide = square * square.new_tensor([2, 1, 1])
        rows = drawn(1, 3).expand(2, 3).to(device)
        graph = (square @ square.mT > 0).double()
        torch.manual_seed(2)
        net = nn.Sequential(IrrepLinear("1o", "4x1o"), nn.Tanh()).double().to(device)
        return [
            audit_task([square], [wide - square], "points", PerPoint("1o")).floor,
            audit_task([graph], [graph[0, :1]], "graph", "0e").floor,
            audit_task(rows, rows * rows.new_tensor([1, 2, 3]), order, order).floor,
            float(trace_equivariance(net, CLOUD.to(device), "1o").culprit == "1"),
        ]

    found = look(FAR)
    with torch.device("cpu"):
        wanted = look("cpu")
    assert found == pytest.approx(wanted, rel=1e-6, abs=1e-12)
    assert wanted[0] > 0.1 < wanted[-1]


def test_a_table_that_was_made_there_serves_the_cpu() -> None:
    calls: list[int] = []

    @kept
    def table(n: int) -> Tensor:
        calls.append(n)
        return torch.arange(n)

    with PretendedDevice(), Elsewhere(FAR):
        table(3)
        with pytest.raises(RuntimeError, match="same device"):  # the control: not moved, no use
            torch.arange(3) + table(3)
        same(torch.arange(3) + table(3).to(FAR), 2 * table(3))
    assert table(3).tolist() == [0, 1, 2]
    assert calls == [3]
