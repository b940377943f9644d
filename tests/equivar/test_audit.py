"""Floors worked out by hand, each beside a healthy task without one."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import orthogonals
from torch import Tensor

from equivar.audit import PerPoint, audit_task
from equivar.data import molecules, small_molecules
from equivar.features import transform
from equivar.rotations import random_orthogonal, random_rotations, rotation_3d
from equivar.so3 import spherical_harmonics

SQUARE = torch.tensor([[1.0, 1, 0], [-1, 1, 0], [-1, -1, 0], [1, -1, 0]], dtype=torch.float64)
ELLIPSOID = torch.diag(torch.tensor([3.0, 2.0, 1.0], dtype=torch.float64))
ELLIPSOID = torch.cat([ELLIPSOID, -ELLIPSOID])  # six points on the axes


def chiral() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(5, 3, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (1.0, 0.0), (0.3, -0.1)])
def test_square_to_rectangle(a: float, b: float):
    """x grows by a, y shrinks by b: (a + b)^2 / 4 of |r|^2 = 2 a corner is out of reach."""
    rectangle = SQUARE * torch.tensor([1 + a, 1 - b, 1], dtype=torch.float64)
    audit = audit_task([SQUARE], [rectangle - SQUARE], "points", PerPoint("1o"))
    assert audit.floor == pytest.approx((a + b) ** 2 / 4 * 2 / 3, abs=1e-14)
    assert audit.symmetric == (0,)
    assert audit.groups == ()
    assert "more symmetric than their targets" in audit.sentence
    back = audit_task([rectangle], [SQUARE - rectangle], "points", PerPoint("1o"))
    assert back.ok
    assert back.floor < 1e-28


def test_principal_axes_as_vectors_cost_a_third_and_as_n_n_nothing():
    """A half turn keeps the ellipsoid and turns n around, so the best answer is 0: |n|^2 / 3."""
    R = random_rotations(20, generator=torch.Generator().manual_seed(0))
    signs = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(10)[:, None]
    axes = signs * R[:, :, 0]  # the long axis
    vectors = audit_task(ELLIPSOID @ R.mT, axes, "points", "1o")
    assert vectors.floor == pytest.approx(1 / 3, abs=1e-14)
    assert vectors.symmetric == tuple(range(20))
    squares = spherical_harmonics(2, axes)[:, [0, *range(4, 9)]]  # n n^T as 0e + 2e
    healthy = audit_task(ELLIPSOID @ R.mT, squares, "points", "0e + 2e")
    assert healthy.ok
    assert healthy.floor < 1e-26


@pytest.mark.parametrize("flipped", [1, 3, 5])
def test_random_signs_on_one_shape_without_symmetry(flipped: int):
    """The best answer is the mean sign s, and what is left is 1 - s^2, over 3 numbers."""
    R = random_rotations(10, generator=torch.Generator().manual_seed(0))
    signs = torch.ones(10, 1, dtype=torch.float64)
    signs[:flipped] = -1
    audit = audit_task(chiral() @ R.mT, signs * R[:, :, 0], "points", "1o")
    mean = 1 - 2 * flipped / 10
    assert audit.floor == pytest.approx((1 - mean**2) / 3, abs=1e-13)
    assert audit.groups == (tuple(range(10)),)
    assert audit.symmetric == ()
    if flipped < 5:
        assert audit.worst[0] < flipped  # the few cause more, each


def test_dipoles_of_molecules_are_clean_and_in_a_lab_frame_are_not():
    some = small_molecules()
    x, t = [m.positions for m in some], [m.dipole for m in some]
    labels = [m.numbers for m in some]
    clean = audit_task(x, t, "points", "1o", labels=labels, tolerance=1e-3)
    assert clean.ok, str(clean)
    assert clean.floor < 1e-10
    assert clean.sentence.startswith("Clean")
    forces = [m.forces for m in some]
    assert audit_task(x, forces, "points", PerPoint("1o"), labels=labels, tolerance=1e-3).ok
    R = random_rotations(len(x), generator=torch.Generator().manual_seed(0))
    both = x + [a @ g.T for a, g in zip(x, R, strict=True)]
    lab = audit_task(both, t + t, "points", "1o", labels=labels + labels, tolerance=1e-3)
    # Of t and R^T t, which is the target in the first one's frame, half the difference is left
    # in each; symmetric molecules lie on their axis, so their own symmetry forbids the rest.
    assert lab.floor > 0.01
    assert "Rotate each target together with its input" in lab.sentence
    turned = [d @ g.T for d, g in zip(t, R, strict=True)]
    assert audit_task(both, t + turned, "points", "1o", labels=labels * 2, tolerance=1e-3).ok


@pytest.mark.parametrize("law", ["2e", "1o"])
def test_targets_in_another_frame_are_told_from_a_choice(law: str):
    """A tensor fits on an ellipsoid, along its axes; an arrow does not, however it is turned."""
    draw = torch.Generator().manual_seed(0)
    R, other = random_rotations(6, draw), random_rotations(6, draw)
    grow = 1 + 0.1 * torch.arange(6.0)[:, None, None] * torch.tensor([1.0, 0, 0])
    l = int(law[0])
    t = spherical_harmonics(l, torch.eye(3, dtype=torch.float64)[0])[l * l :]
    moved = [transform(law, g, t) for g in other @ R]
    audit = audit_task((ELLIPSOID * grow) @ R.mT, moved, "points", law)
    assert len(audit.symmetric) == 6
    assert ("in another frame than the inputs" in audit.sentence) == (law == "2e")
    assert ("cannot choose" in audit.sentence) == (law == "1o")


def test_three_different_axes_fit_no_triangle_and_turned_forces_do():
    other = random_rotations(1, torch.Generator().manual_seed(0))[0]
    triangle = rotation_3d(torch.tensor([0.0, 0, 1]), 2 * math.pi / 3).double()
    triangle = torch.stack([torch.matrix_power(triangle, k)[0] for k in range(3)])
    three = spherical_harmonics(2, torch.eye(3).double())[:, 4:]
    triaxial = audit_task([triangle], [three[0] + 2 * three[1]], "points", "2e")
    assert "cannot choose" in triaxial.sentence
    forces = audit_task([triangle], [triangle @ other.mT], "points", PerPoint("1o"))
    assert "in another frame" in forces.sentence


def test_a_lab_frame_by_hand():
    """Two copies, half a turn apart, one label across the axis: the mean is 0."""
    half = rotation_3d(torch.tensor([0.0, 0, 1], dtype=torch.float64), math.pi)
    t = torch.tensor([3.0, 0, 4], dtype=torch.float64)
    audit = audit_task([chiral(), chiral() @ half.T], [t, t], "points", "1o")
    assert audit.floor == pytest.approx(3.0**2 / 3, abs=1e-13)
    assert audit.from_symmetry.abs().max() == 0
    assert audit.variance == 0
    assert audit.fraction == float("inf")


def test_ranking_the_nodes_of_a_symmetric_graph():
    path = torch.tensor([[0.0, 1, 0], [1, 0, 1], [0, 1, 0]])
    audit = audit_task([path], [torch.arange(3.0)], "graph", PerPoint("0e"))
    assert audit.floor == pytest.approx(2 / 3)  # both ends get 1; they wanted 0 and 2
    ring = torch.eye(4).roll(1, 0) + torch.eye(4).roll(-1, 0)
    assert audit_task([ring], [torch.arange(4.0)], "graph", PerPoint("0e")).floor == 1.25
    complete = torch.ones(9, 9)  # 9! automorphisms
    assert audit_task([complete], [torch.arange(9.0)], "graph", PerPoint("0e")).floor == 60 / 9
    tree = torch.zeros(7, 7)  # arms of length 1, 2 and 3: the smallest tree without symmetry
    for i, j in [(0, 1), (0, 2), (2, 3), (0, 4), (4, 5), (5, 6)]:
        tree[i, j] = tree[j, i] = 1
    assert audit_task([tree], [torch.arange(7.0)], "graph", PerPoint("0e")).ok
    p = torch.randperm(7)
    moved = audit_task([tree, tree[p][:, p]], [torch.arange(7.0)] * 2, "graph", PerPoint("0e"))
    assert moved.groups == ((0, 1),)
    along = [torch.arange(7.0), torch.arange(7.0)[p]]
    assert audit_task([tree, tree[p][:, p]], along, "graph", PerPoint("0e")).ok
    labels = torch.tensor([0, 0, 1])  # colored ends can be told apart
    assert audit_task([path], [torch.arange(3.0)], "graph", PerPoint("0e"), labels=labels).ok


def test_standardized_components_are_recognized():
    """By hand: z stays, a quarter turn takes (2, 0) to (0, 2); divided by 1 and 2 it is off."""
    quarter = rotation_3d(torch.tensor([0.0, 0, 1], dtype=torch.float64), math.pi / 2)
    t = torch.tensor([2.0, 0, 1], dtype=torch.float64)
    scale = torch.tensor([1.0, 2, 1], dtype=torch.float64)
    two = audit_task([chiral(), chiral() @ quarter.T], [t / scale, quarter @ t / scale],
                     "points", "1o")  # fmt: skip
    assert two.floor == pytest.approx((0.5**2) / 3, abs=1e-14)  # 2 and 1: half their difference
    R = random_rotations(30, generator=torch.Generator().manual_seed(0))
    targets = R @ t
    clean = audit_task(chiral() @ R.mT, targets, "points", "1o")
    assert clean.ok
    stretched = targets * torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64) + 0.3
    audit = audit_task(chiral() @ R.mT, stretched, "points", "1o")
    assert "standardized by component" in audit.sentence
    random = audit_task(chiral() @ R.mT, torch.randn(30, 3), "points", "1o")
    assert "standardized" not in random.sentence


def shifts(n: int) -> Tensor:
    return torch.stack([torch.arange(n).roll(k) for k in range(n)])


def test_a_finite_group_and_training_meets_the_floor_and_does_not_beat_it():
    """An averaged network can be any equivariant function; the plain one beats the floor."""
    torch.manual_seed(0)
    x = torch.tensor([[1.0, 2, 1, 2], [0, 1, 0, 0], [0, 0, 1, 0], [1, 1, 2, 3]])
    t = torch.randn(4, 4)
    audit = audit_task(x, t, shifts(4), shifts(4))
    two = (t[0] - t[0].roll(2)).square().sum() / 4
    moved = (t[1].roll(1) - t[2]).square().sum() / 2
    assert audit.floor == pytest.approx(((two + moved) / 16).item(), rel=1e-6)
    assert audit.groups == ((1, 2),)
    assert audit.symmetric == (0,)

    def trained(symmetric: bool) -> float:
        net = torch.nn.Sequential(torch.nn.Linear(4, 32), torch.nn.Tanh(), torch.nn.Linear(32, 4))
        optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
        lowest = math.inf
        for _ in range(600):
            if symmetric:
                y = torch.stack([net(x.roll(k, 1)).roll(-k, 1) for k in range(4)]).mean(0)
            else:
                y = net(x)
            loss = (y - t).square().mean()
            lowest = min(lowest, loss.item())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return lowest

    reached = trained(symmetric=True)
    assert audit.floor - 1e-6 <= reached < 1.01 * audit.floor + 1e-4
    assert trained(symmetric=False) < 0.1 * audit.floor


def test_linear_and_single_clouds():
    line = torch.tensor([[0.0, 0, -1], [0, 0, 1]], dtype=torch.float64)
    t = torch.tensor([1.0, 2, 3], dtype=torch.float64)
    heads = torch.tensor([1, 2])
    assert audit_task([line], [t], "points", "1o").floor == pytest.approx(14 / 3)
    assert audit_task([line], [t], "points", "1o", labels=heads).floor == pytest.approx(5 / 3)
    point = line[:1]
    assert audit_task([point], [t], "points", "1o").floor == pytest.approx(14 / 3)
    assert audit_task([point], [t[:1]], "points", "0e").ok
    handed = torch.ones(1, dtype=torch.float64)
    assert audit_task([line], [handed], "points", "0o").floor == 1
    assert audit_task([line], [handed], "points", "0o", group="SO(3)").ok
    twice = torch.cat([point, point, -point])
    one = audit_task([twice], [torch.tensor([[1.0], [3], [5]])], "points", PerPoint("0e"))
    assert one.floor == pytest.approx(2 / 3)  # two points at one place get one answer


def test_mirror_images_count_as_one_under_o3_and_as_two_under_so3():
    x, hand = [chiral(), -chiral()], [torch.ones(1), -torch.ones(1)]
    assert audit_task(x, hand, "points", "0e").floor == pytest.approx(1)
    assert audit_task(x, hand, "points", "0o").ok
    assert audit_task(x, hand, "points", "0e", group="SO(3)").distinct == 2


@settings(max_examples=15)
@given(orthogonals(), st.permutations(range(9)))
def test_a_moved_data_set_has_the_same_floor(Q: Tensor, order: list[int]):
    ethanol = molecules("ethanol")
    x, t = ethanol.positions[:3], ethanol.forces[:3] + 0.1
    labels = ethanol.numbers
    pair = audit_task([x[0], x[0] @ Q.T], [t[0], t[0]], "points", PerPoint("1o"), labels=labels)
    change = (t[0] - t[0] @ Q).square().mean() / 4
    assert pair.floor == pytest.approx(change.item(), abs=1e-12)
    p = torch.tensor(order)
    moved = [(x[i] @ Q.T + 5)[p] for i in range(3)]
    along = [transform("1o", Q, t[i])[p] for i in range(3)]
    every = audit_task([*x, *moved], [*t, *along], "points", PerPoint("1o"),
                       labels=[labels] * 3 + [labels[p]] * 3)  # fmt: skip
    assert every.ok
    assert every.distinct == 3


def test_noise_within_the_tolerance_still_finds_the_symmetry():
    R = random_orthogonal(5, generator=torch.Generator().manual_seed(0))
    noisy = ELLIPSOID @ R.mT + 1e-4 * torch.randn(5, 6, 3, dtype=torch.float64)
    loose = audit_task(noisy, R[:, :, 0], "points", "1o", tolerance=2e-3)
    assert loose.floor == pytest.approx(1 / 3, abs=1e-6)
    assert loose.distinct == 1
    assert audit_task(noisy, R[:, :, 0], "points", "1o", tolerance=1e-7).ok


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": [torch.full((2, 3), math.nan)]}, "holds nan"),
        ({"inputs": [torch.ones(2, 2)]}, r"shape \(2, 2\); expected \(n, 3\)"),
        ({"targets": [torch.ones(2)]}, r"shape \(2,\); expected \(3,\)"),
        ({"targets": []}, "1 inputs and 0 targets"),
        ({"law_in": "cloud"}, "'cloud'; expected 'points'"),
        ({"law_in": 3}, "no finite action"),
        ({"law_out": 3}, "law_out is int"),
        ({"law_out": "1x"}, "cannot read"),
        ({"labels": torch.ones(3, dtype=torch.int64)}, "2 points and labels of shape"),
        ({"group": "SU(2)"}, "'SU\\(2\\)'"),
        ({"tolerance": -1.0}, "tolerance is -1"),
    ],
)
def test_bad_input_is_a_value_error_that_says_so(change: dict, message: str):
    good = {"inputs": [torch.eye(3)[:2]], "targets": [torch.ones(3)]}
    good |= {"law_in": "points", "law_out": "1o"}
    with pytest.raises(ValueError, match=message):
        audit_task(**(good | change))


def test_elements_that_are_no_group_or_scale_are_refused():
    x = torch.randn(2, 4)
    with pytest.raises(ValueError, match="not closed"):
        audit_task(x, x, shifts(4)[:2], shifts(4)[:2])
    with pytest.raises(ValueError, match="changes the shape or the length"):
        audit_task(x, x, shifts(4), torch.eye(4).expand(4, 4, 4) * 2)
    with pytest.raises(ValueError, match="4 elements and law_out 2"):
        audit_task(x, x, shifts(4), shifts(4)[:2])


def test_an_empty_data_set_is_clean():
    assert audit_task([], [], "points", "1o").ok
