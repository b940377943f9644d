"""What users get wrong most often: each mistake ends in a sentence that names it and its cause."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch

from equivar.audit import audit_task
from equivar.features import invariant_norms, representation, split, transform
from equivar.frames import frame_average, pairwise_distances, pca_frames
from equivar.graphs import MessagePassing
from equivar.irreps import Irrep, Irreps
from equivar.kernels.convolution import convolution
from equivar.kernels.harmonics import harmonics
from equivar.kernels.paths import depthwise_paths
from equivar.kernels.segments import gather_sum, segment_sum
from equivar.kernels.wigner import wigner_d_all
from equivar.linear import IrrepLinear
from equivar.models import (
    EnergyNet,
    EuclideanNet,
    ForceField,
    PlainEnergyNet,
    PlainForceField,
    PlainPointNet,
)
from equivar.nonlinear import Gate, NormActivation
from equivar.normalization import IrrepNorm
from equivar.point_conv import PointConv, edge_features
from equivar.points import neighbours
from equivar.rotations import covering_radius, random_rotations, rotation_angle
from equivar.so3 import MAX_DEGREE, clebsch_gordan, generators, spherical_harmonics, wigner_d
from equivar.spectra import bispectrum, power_spectrum
from equivar.stabilizer import invariant_subspace, point_group, stabilizer
from equivar.tensor_product import DepthwiseTensorProduct, TensorProduct
from equivar.trace import Motion

Mistake = tuple[Callable[[], object], tuple[str, ...]]

# Text that names no irreps -----------------------------------------------------------------------

TEXTS = ("3q", "2x", "0e ++ 1o", "1", "-1x0e", "2x1o, 3x0e", "1o + ", "8 1o", "x1o", "1.5x0e")
READERS: dict[str, Callable[[str], object]] = {
    "Irreps": Irreps,
    "transform": lambda text: transform(text, torch.eye(3), torch.zeros(3)),
    "IrrepLinear": lambda text: IrrepLinear("0e", text),
    "TensorProduct": lambda text: TensorProduct("0e", text, "0e"),
    "Gate": lambda text: Gate("0e", text),
    "PointConv": lambda text: PointConv("0e", text),
    "EuclideanNet": lambda text: EuclideanNet("0e", text),
    "invariant_subspace": lambda text: invariant_subspace(torch.eye(3)[None], text),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", TEXTS)
def test_text_that_names_no_irreps(reader: str, text: str):
    with pytest.raises(ValueError, match="expected") as caught:
        READERS[reader](text)
    assert repr(text) in str(caught.value), "the whole text is restated"
    assert "8x1o" in str(caught.value), "and an example of what is expected"


def test_a_name_that_is_no_irrep():
    for text in ("", "e", "1", "1u", "-1o"):
        with pytest.raises(ValueError, match="is not the name of an irrep; expected a degree"):
            Irrep.parse(text)


# Mistakes in numbers -----------------------------------------------------------------------------

LAYOUT = "2x0e + 1o"  # five components
WRONG = torch.zeros(4, 6)
SPHERE = Irreps.spherical_harmonics(1)

WIDTHS: dict[str, Callable[[], object]] = {
    "transform": lambda: transform(LAYOUT, torch.eye(3), WRONG),
    "split": lambda: split(LAYOUT, WRONG),
    "invariant_norms": lambda: invariant_norms(LAYOUT, WRONG),
    "power_spectrum": lambda: power_spectrum(LAYOUT, WRONG),
    "bispectrum": lambda: bispectrum(LAYOUT, WRONG),
    "IrrepLinear": lambda: IrrepLinear(LAYOUT, "0e")(WRONG),
    "TensorProduct": lambda: TensorProduct(LAYOUT, "1o", "0e")(WRONG, torch.zeros(4, 3)),
    "DepthwiseTensorProduct": lambda: DepthwiseTensorProduct(LAYOUT, "1o")(
        WRONG, torch.zeros(4, 3), torch.zeros(4, 4)
    ),
    "NormActivation": lambda: NormActivation(LAYOUT)(WRONG),
    "IrrepNorm": lambda: IrrepNorm(LAYOUT)(WRONG),
    "EuclideanNet": lambda: EuclideanNet(LAYOUT, "0e")(WRONG, torch.zeros(4, 3)),
}


PAIRS = (3, None, [2, "1o"], [("0e", 2)], [(2, "1o", 3)], [(1.5, "0e")], [(-1, "0e")])


@pytest.mark.parametrize("blocks", PAIRS, ids=str)
def test_what_is_no_list_of_pairs(blocks: object):
    with pytest.raises(ValueError, match=r"got .*; expected"):
        Irreps.__init__.__wrapped__(Irreps(), blocks)  # as users do, without the test run's types


@pytest.mark.parametrize("name", WIDTHS)
def test_features_of_another_width(name: str):
    with pytest.raises(ValueError, match=r"\(4, 6\).*expected.*5") as caught:
        WIDTHS[name]()
    assert LAYOUT.replace(" 1o", " 1x1o") in str(caught.value), "the layout is named"


def test_a_gate_names_the_layout_that_it_needs():
    with pytest.raises(ValueError, match=r"\(4, 6\).*expected 5 .* 1x0e \+ 1x0e \+ 1x1o"):
        Gate("0e", "1o")(WRONG)


INVERSION, MIRROR = -torch.eye(3), torch.diag(torch.tensor([1.0, 1.0, -1.0]))
TURNS = random_rotations(3, torch.Generator().manual_seed(0), dtype=torch.float32)

SO3_ONLY: dict[str, Callable[[torch.Tensor], object]] = {
    "rotation_angle": rotation_angle,
    "rotation_angle, in a batch": lambda R: rotation_angle(torch.stack([torch.eye(3), R])),
    "covering_radius": lambda R: covering_radius(R[None], TURNS),
    "covering_radius, probes": lambda R: covering_radius(TURNS, R[None]),
}


@pytest.mark.parametrize("name", SO3_ONLY)
@pytest.mark.parametrize("R", [INVERSION, MIRROR], ids=["inversion", "mirror"])
def test_improper_rotations_where_only_proper_ones_have_a_meaning(name: str, R: torch.Tensor):
    with pytest.raises(ValueError, match=r"negative determinant; expected a rotation.*-R is"):
        SO3_ONLY[name](R)


ORTHOGONAL_ONLY: dict[str, Callable[[torch.Tensor], object]] = {
    **SO3_ONLY,
    "wigner_d": partial(wigner_d, "2e"),
    "wigner_d_all": partial(wigner_d_all, 2),
    "transform": lambda R: transform("1o", R, torch.ones(3)),
    "representation": partial(representation, "0e + 1o"),
    "invariant_subspace": lambda R: invariant_subspace(R[None], "1o"),
    "Motion": lambda R: Motion(rotation=R),
}


@pytest.mark.parametrize("name", ORTHOGONAL_ONLY)
@pytest.mark.parametrize(
    "R",
    [
        2 * torch.eye(3),
        torch.eye(3) + torch.tensor([[0.0, 0.1, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),
        torch.zeros(3, 3),
        torch.full((3, 3), torch.nan),
    ],
    ids=["scaled", "sheared", "zero", "nan"],
)
def test_matrices_that_are_not_orthogonal(name: str, R: torch.Tensor):
    message = r"R R\^T differs from the identity by .*expected an orthogonal.*scaled, sheared"
    with pytest.raises(ValueError, match=message):
        ORTHOGONAL_ONLY[name](R)


def _conv(source: torch.Tensor, target: torch.Tensor) -> object:
    layer = PointConv("2x0e", "1o", lmax=1, n_radial=4)
    Y, radial = edge_features(torch.ones(2, 3), 1, 4, 3.0)
    return layer(torch.zeros(5, 2), Y, radial, source, target)


def _fused(source: torch.Tensor, target: torch.Tensor) -> object:
    paths, _ = depthwise_paths(Irreps("2x0e"), SPHERE)
    weights = torch.zeros(2, sum(path.mul for path in paths))
    return convolution(
        torch.zeros(5, 2), torch.zeros(2, 4), weights, source, target, 5, tuple(paths)
    )


GRAPHS: dict[str, Callable[[torch.Tensor, torch.Tensor], object]] = {
    "MessagePassing": lambda s, t: MessagePassing(3)(torch.zeros(5, 3), s, t),
    "PointConv": _conv,
    "convolution": _fused,
    "gather_sum": lambda s, t: gather_sum(torch.zeros(5, 3), s, t, 5),
}


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("bad", [5, 1000, -1])
@pytest.mark.parametrize("end", ["source", "target"])
def test_graphs_whose_indices_are_out_of_range(name: str, bad: int, end: str):
    fine, broken = torch.tensor([0, 4]), torch.tensor([0, bad])
    source, target = (broken, fine) if end == "source" else (fine, broken)
    with pytest.raises(ValueError, match=rf"{end}.*{bad}.*expected 0 to 4") as caught:
        GRAPHS[name](source, target)
    assert bad < 0 or "?" in str(caught.value), "the likely cause"


def test_a_sum_over_segments_names_the_index():
    with pytest.raises(ValueError, match=r"7.*expected 0 to 4"):
        segment_sum(torch.zeros(2, 3), torch.tensor([0, 7]), 5)


DEGREES: dict[str, Callable[[int], object]] = {
    "spherical_harmonics": lambda l: spherical_harmonics(l, torch.ones(3)),
    "harmonics": lambda l: harmonics(l, torch.ones(3)),
    "generators": generators,
    "clebsch_gordan": lambda l: clebsch_gordan(l, 1, l),
    "edge_features": lambda l: edge_features(torch.ones(2, 3), l, 4, 2.0),
    "wigner_d_all": lambda l: wigner_d_all(l, torch.eye(3)),
}
NAMED: dict[str, Callable[[str], object]] = {
    "wigner_d": lambda irrep: wigner_d(irrep, torch.eye(3)),
    "transform": lambda irrep: transform(irrep, torch.eye(3), torch.zeros(Irreps(irrep).dim)),
    "invariant_subspace": lambda irrep: invariant_subspace(TURNS, irrep),
    "TensorProduct": lambda irrep: TensorProduct(irrep, "1e", irrep)(
        torch.zeros(1, Irreps(irrep).dim), torch.zeros(1, 3)
    ),
}


@pytest.mark.parametrize("name", DEGREES)
@pytest.mark.parametrize("l", [MAX_DEGREE + 1, 99, -1])
def test_degrees_beyond_what_is_supported(name: str, l: int):
    with pytest.raises(ValueError, match=rf"= {l}; expected .* from 0 to {MAX_DEGREE}"):
        DEGREES[name](l)


def test_a_filter_beyond_what_is_supported():
    with pytest.raises(ValueError, match="got lmax = 13; expected"):
        PointConv("0e", "0e", lmax=13)


@pytest.mark.parametrize("name", NAMED)
def test_irreps_beyond_what_is_supported(name: str):
    with pytest.raises(ValueError, match=rf"= 13; expected .* from 0 to {MAX_DEGREE}"):
        NAMED[name]("13e")


CLOUD = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.0]])
KINDS = torch.tensor([8, 1, 1, 1])
CLOUDS: dict[str, Callable[[torch.Tensor], object]] = {
    "neighbours": lambda r: neighbours(r, 2.0),
    "pairwise_distances": pairwise_distances,
    "pca_frames": pca_frames,
    "frame_average": lambda r: frame_average(torch.sum, r),
    "point_group": point_group,
    "stabilizer": stabilizer,
    "audit_task": lambda r: audit_task([CLOUD, r], [CLOUD[1], CLOUD[2]], "points", "1o"),
    "EnergyNet": lambda r: EnergyNet((1, 8))(KINDS, r),
    "ForceField": lambda r: ForceField((1, 8))(KINDS, r),
    "EuclideanNet": lambda r: EuclideanNet("0e", "0e")(torch.ones(4, 1), r),
    "PlainEnergyNet": lambda r: PlainEnergyNet((1, 8), CLOUD, 1 + CLOUD)(KINDS, r),
    "PlainForceField": lambda r: PlainForceField(CLOUD, 1 + CLOUD)(r),
    "PlainPointNet": lambda r: PlainPointNet(4)(r),
}


@pytest.mark.parametrize("name", CLOUDS)
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_positions_that_are_no_numbers(name: str, bad: float):
    positions = CLOUD.clone()
    positions[2, 1] = bad
    with pytest.raises(ValueError, match=r"nan|inf|finite") as caught:
        CLOUDS[name](positions)
    assert len(str(caught.value)) > 40
    CLOUDS[name](CLOUD)  # nothing else was wrong with the call
