"""The best reachable answer: a projection, the audit's floor, and what networks answer."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import irreps_text
from torch import Tensor

from equivar.audit import PerPoint, audit_task
from equivar.data import platonic_solid, small_molecules
from equivar.features import representation
from equivar.irreps import Irreps
from equivar.models import EuclideanNet
from equivar.rotations import random_orthogonal
from equivar.stabilizer import (
    Stabilizer,
    best_reachable,
    equivalent_answers,
    images,
    invariant_subspace,
    stabilizer,
)

MOLECULES = {molecule.name: molecule for molecule in small_molecules()}
SQUARE = torch.tensor([[1.0, 1, 0], [-1, 1, 0], [-1, -1, 0], [1, -1, 0]], dtype=torch.float64)
TRIED = ["CH4", "C6H6", "H2O", "NH3", "C2H6", "H2O2", "CO2", "HCN", "H2COH"]


def of(name: str) -> Stabilizer:
    return stabilizer(MOLECULES[name].positions, MOLECULES[name].symbols)


def close(actual: Tensor, expected: Tensor, atol: float = 1e-10) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=25, deadline=None)
@given(name=st.sampled_from(TRIED), irreps=irreps_text(), seed=st.integers(0, 99))
def test_for_a_whole_cloud_it_is_the_projection_on_the_invariant_subspace(name, irreps, seed):
    target = drawn(Irreps(irreps).dim, seed=seed)
    basis = invariant_subspace(of(name), irreps)
    close(best_reachable(of(name), target, irreps), basis.mT @ (basis @ target))


@pytest.mark.parametrize("name", TRIED)
@pytest.mark.parametrize("irreps", ["1o", "0o + 2x1e + 2e"])
def test_it_is_fixed_by_each_symmetry_and_nothing_nearer_is(name: str, irreps: str):
    s, d = of(name), Irreps(irreps).dim
    target = drawn(len(MOLECULES[name].symbols), d)
    best = best_reachable(s, target, irreps, per_point=True)
    for g in range(len(s.matrices)):
        D = representation(irreps, s.matrices[g])
        moved = torch.empty_like(best)
        moved[s.permutations[g]] = best @ D.mT
        close(moved, best)
    # Orthogonal to all that can be reached, so it is the nearest.
    other = best_reachable(s, drawn(*target.shape, seed=1), irreps, per_point=True)
    close(((target - best) * other).sum(), torch.zeros(()).double())
    close(best_reachable(s, best, irreps, per_point=True), best)
    moved = images(s, target, irreps, per_point=True)
    assert len(moved) == len(s.matrices)
    close(moved[0], target)
    close(moved.square().sum(dim=(1, 2)), target.square().sum().expand(len(moved)))


@pytest.mark.parametrize("name", ["CH4", "C6H6", "NH3", "H2COH"])
def test_what_is_left_is_the_floor_of_the_audit(name: str):
    r = MOLECULES[name].positions
    kinds = MOLECULES[name].numbers
    target = drawn(len(r), 3)
    best = best_reachable(of(name), target, "1o", per_point=True)
    audit = audit_task([r], [target], "points", PerPoint("1o"), labels=kinds)
    assert audit.floor == pytest.approx(float((target - best).square().mean()), rel=1e-9)


def test_a_network_answers_from_it_and_one_that_is_told_more_does_not():
    torch.manual_seed(0)
    net = EuclideanNet("0e + 1o", "1o", "4x0e + 4x1o + 2x2e", layers=2, pool=None).double()
    s, x = stabilizer(SQUARE), torch.zeros(4, 4, dtype=torch.float64)
    x[:, 0] = 1
    with torch.no_grad():
        y, told = net(x, SQUARE), net(x + drawn(4), SQUARE)
    close(best_reachable(s, y, "1o", per_point=True), y)
    off = best_reachable(s, told, "1o", per_point=True) - told
    assert off.norm() > 0.1 * told.norm()


def test_square_and_rectangle_by_hand():
    wider = SQUARE * torch.tensor([1.0, 0, 0])
    close(best_reachable(stabilizer(SQUARE), wider, "1o", per_point=True), SQUARE / 2)
    rectangle = SQUARE + wider
    back = best_reachable(stabilizer(rectangle), -wider, "1o", per_point=True)
    close(back, -wider)
    answers = equivalent_answers(stabilizer(SQUARE), wider, "1o", per_point=True)
    close(answers, torch.stack([wider, SQUARE - wider]))


@pytest.mark.parametrize("name", ["tetrahedron", "cube", "icosahedron"])
def test_there_are_as_many_answers_as_orbit_and_stabilizer_say(name: str):
    corners, _ = platonic_solid(name)
    s = stabilizer(corners)
    for target in (corners[0], corners[0] + corners[1], drawn(3)):
        keep = int(((target @ s.matrices.mT - target).norm(dim=-1) < 1e-6).sum())
        answers = equivalent_answers(s, target, "1o")
        assert len(answers) * keep == len(s.matrices)
        close(answers[0], target)
    # The mean of the equivalent answers is the best reachable one.
    close(equivalent_answers(s, drawn(5), "2e").mean(dim=0), best_reachable(s, drawn(5), "2e"))


def test_it_moves_with_the_input():
    Q = random_orthogonal(1, generator=torch.Generator().manual_seed(2))[0].double()
    r = MOLECULES["NH3"].positions
    target = drawn(4, 3)
    here = best_reachable(of("NH3"), target, "1o", per_point=True)
    turned = stabilizer(r @ Q.mT, MOLECULES["NH3"].symbols)
    there = best_reachable(turned, target @ Q.mT, "1o", per_point=True)
    close(there, here @ Q.mT, atol=1e-5)  # the atoms themselves are symmetric to six digits


def test_points_are_put_where_their_symmetry_wants_them():
    s = of("NH3")
    r = MOLECULES["NH3"].positions - s.center
    exact = best_reachable(s, r, "1o", per_point=True)
    assert 0 < (exact - r).abs().max() < 1e-5
    assert stabilizer(exact, MOLECULES["NH3"].symbols).error < 1e-14 < s.error


def test_lines_and_points():
    co2, hcn = of("CO2"), of("HCN")
    axis = hcn.axes[0]
    close(best_reachable(hcn, axis, "1o"), axis)
    close(best_reachable(co2, axis, "1o"), 0 * axis)
    close(best_reachable(hcn, drawn(3), "1e"), torch.zeros(3).double())
    assert len(equivalent_answers(co2, co2.axes[0], "1o")) == 2
    across = torch.linalg.svd(co2.axes).Vh[1]
    with pytest.raises(ValueError, match="infinitely many equivalent answers"):
        equivalent_answers(co2, across, "1o")
    alone = stabilizer(torch.zeros(1, 3))
    close(best_reachable(alone, torch.ones(1, 9), "0e + 1o + 2e", per_point=True)[:, 1:],
          torch.zeros(1, 8))  # fmt: skip


def test_dtypes_and_empty_layouts():
    s = stabilizer(SQUARE.float())
    assert best_reachable(s, torch.ones(4, 3), "1o", per_point=True).dtype == torch.float32
    assert best_reachable(s, torch.zeros(4, 0), "", per_point=True).shape == (4, 0)
    assert equivalent_answers(s, torch.zeros(0), "").shape == (1, 0)


@pytest.mark.parametrize("f", [images, best_reachable, equivalent_answers])
@pytest.mark.parametrize(
    ("target", "irreps", "per_point", "message"),
    [
        (torch.zeros(4, 3), "1o", False, r"expected floats of shape \(3,\)"),
        (torch.zeros(3, 3), "1o", True, r"expected floats of shape \(4, 3\) for 1x1o a point"),
        (torch.zeros(3), "2e", False, r"expected floats of shape \(5,\)"),
        (torch.zeros(3, dtype=torch.int64), "1o", False, "dtype torch.int64"),
        (torch.full((3,), math.nan), "1o", False, "holds nan or infinity"),
    ],
)
def test_bad_targets_are_named(f, target, irreps, per_point, message):
    with pytest.raises(ValueError, match=message):
        f(stabilizer(SQUARE), target, irreps, per_point)
