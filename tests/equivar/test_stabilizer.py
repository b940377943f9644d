"""The laws of what `stabilizer` returns: a group, its action, and how it moves with the cloud."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SPECIAL_ORTHOGONALS, orthogonals, point_clouds
from torch import Tensor

from equivar.data import small_molecules
from equivar.stabilizer import Stabilizer, point_group, stabilizer

MOLECULES = {molecule.name: molecule for molecule in small_molecules()}
TRIED = ["CH4", "NH3", "C6H6", "C2H6", "H2O2", "C3H4_D2d", "trans-butane", "CH3OH", "CO2", "HCN"]


def of(name: str) -> Stabilizer:
    return stabilizer(MOLECULES[name].positions, MOLECULES[name].symbols)


def noise(n: int, size: float, seed: int = 0) -> Tensor:
    """Displacements of length up to `size`, the first of them exactly that."""
    g = torch.Generator().manual_seed(seed)
    directions = torch.nn.functional.normalize(
        torch.randn(n, 3, generator=g, dtype=torch.float64), dim=-1
    )
    lengths = torch.rand(n, 1, generator=g, dtype=torch.float64)
    lengths[0] = 1.0
    return size * lengths * directions


def check_group(found: Stabilizer, positions: Tensor) -> None:
    """Matrices and permutations multiply as the table says, and move points as they say."""
    Q, P, table = found.matrices, found.permutations, found.group.table
    eye = torch.eye(3).to(Q)
    torch.testing.assert_close(Q @ Q.mT, eye.expand(len(Q), 3, 3), rtol=0, atol=1e-12)
    torch.testing.assert_close(Q[table], Q[:, None] @ Q, rtol=0, atol=1e-12)
    assert torch.equal(P[table], P[:, P].reshape(len(P), len(P), -1))
    torch.testing.assert_close(Q[0], eye, rtol=0, atol=1e-14)
    assert found.group.identity == 0
    assert len(found.axes) in (0, 1, 3)
    assert not len(found.axes) or found.symbol in ("Cinfv", "Dinfh", "Kh")


@settings(max_examples=60)
@given(point_clouds(0, 7), st.floats(0, 3), st.integers(1, 3))
def test_any_cloud_at_any_tolerance_has_a_group_exactly(r: Tensor, tolerance: float, kinds: int):
    labels = [i % kinds for i in range(len(r))]
    found = stabilizer(r, labels, tolerance)
    check_group(found, r)
    label = torch.tensor(labels)
    assert torch.equal(label[found.permutations], label.expand_as(found.permutations))
    # Within twice the tolerance of the site, whose own points may be spread further.
    if len(r) and torch.pdist(r).numel() and torch.pdist(r).min() > 2 * tolerance + 1e-6:
        centered = r - found.center
        moved = centered @ found.matrices.mT - centered[found.permutations]
        assert torch.linalg.vector_norm(moved, dim=-1).max() <= 2 * tolerance + 1e-9


@pytest.mark.parametrize("name", TRIED)
@pytest.mark.parametrize("Q", list(SPECIAL_ORTHOGONALS.values())[::7])
def test_turning_the_cloud_conjugates_the_matrices(name: str, Q: Tensor):
    """Element by element: the order of elements is that of the permutations, which stay."""
    molecule, found = MOLECULES[name], of(name)
    shift = torch.tensor([3.0, -1.0, 0.5], dtype=torch.float64)
    moved = stabilizer(molecule.positions @ Q.mT + shift, molecule.symbols)
    assert moved.symbol == found.symbol
    assert torch.equal(moved.permutations, found.permutations)
    torch.testing.assert_close(moved.center, Q @ found.center + shift, rtol=0, atol=1e-12)
    if found.axes.numel():  # which mirror stands for all of them is arbitrary
        torch.testing.assert_close(
            (moved.axes[0] @ Q @ found.axes[0]).abs(), torch.tensor(1.0, dtype=torch.float64)
        )
    else:
        torch.testing.assert_close(moved.matrices, Q @ found.matrices @ Q.mT, rtol=0, atol=1e-12)


@given(st.sampled_from(TRIED), orthogonals(), st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_renaming_the_points_conjugates_the_permutations(name: str, Q: Tensor, random):
    molecule, found = MOLECULES[name], of(name)
    order = torch.tensor(random.sample(range(len(molecule.numbers)), len(molecule.numbers)))
    renamed = stabilizer(molecule.positions[order] @ Q.mT, molecule.numbers[order])
    # The old number of the image of point i, where i was called order[i].
    old = torch.empty_like(renamed.permutations)
    old[:, order] = order[renamed.permutations]
    assert renamed.symbol == found.symbol
    assert sorted(old.tolist()) == sorted(found.permutations.tolist())


@pytest.mark.parametrize("name", TRIED)
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_errors_below_the_tolerance_change_nothing(name: str, share: float):
    molecule, found = MOLECULES[name], of(name)
    for seed in range(5):
        r = molecule.positions + noise(len(molecule.numbers), share * 0.05, seed)
        noisy = stabilizer(r, molecule.symbols, tolerance=0.05)
        assert noisy.symbol == found.symbol
        assert torch.equal(noisy.permutations, found.permutations)
        assert 0 < noisy.error <= 0.1
        check_group(noisy, r)


@pytest.mark.parametrize("name", ["CH4", "NH3", "C6H6", "C2H6"])
def test_errors_well_above_the_tolerance_break_the_symmetry(name: str):
    molecule = MOLECULES[name]
    r = molecule.positions + noise(len(molecule.numbers), 0.2)
    assert point_group(r, molecule.symbols, tolerance=0.01) == "C1"


def test_one_atom_moved_leaves_what_fixes_it():
    methane = MOLECULES["CH4"]
    assert methane.symbols[0] == "C"
    stretched, bent = methane.positions.clone(), methane.positions.clone()
    stretched[1] *= 1.2
    bent[1] += 0.2 * methane.positions[2]
    assert point_group(stretched, methane.symbols) == "C3v"
    assert point_group(bent, methane.symbols) == "Cs"


def test_labels_break_symmetry_and_their_names_do_not_matter():
    square = torch.tensor([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])
    assert point_group(square) == "D4h"
    assert point_group(square, "aaab") == "C2v"
    assert point_group(square, [7, 7, 3, 3]) == "C2v"
    assert point_group(square, torch.tensor([0, 1, 0, 1])) == point_group(square, "xyxy") == "D2h"


def test_points_that_coincide_count_as_one_of_another_kind():
    square = torch.tensor([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]], dtype=torch.float64)
    doubled = stabilizer(torch.cat([square, square]))
    assert doubled.symbol == "D4h"
    assert doubled.permutations.shape == (16, 8)
    check_group(doubled, torch.cat([square, square]))
    assert point_group(torch.cat([square, square[:1]])) == "C2v"
    assert point_group(torch.cat([square, square]), "aaaabbbb") == "D4h"
    assert point_group(torch.cat([square, square + 0.001])) == "D4h"


def test_linear_molecules_have_all_turns_about_their_axis():
    carbon_dioxide = of("CO2")
    assert carbon_dioxide.group.labels == ("E", "C2", "s", "i")
    check_group(carbon_dioxide, MOLECULES["CO2"].positions)
    Q, axis = carbon_dioxide.matrices, carbon_dioxide.axes[0]
    torch.testing.assert_close(Q[:, None] @ axis, torch.stack([axis, -axis, axis, -axis])[:, None])


def test_results_follow_the_dtype_of_the_positions():
    methane = MOLECULES["CH4"]
    found = stabilizer(methane.positions.float(), methane.symbols)
    assert found.symbol == "Td"
    floats = (found.matrices, found.axes, found.center)
    assert {x.dtype for x in floats} == {torch.float32}
    assert point_group(methane.positions.float() + 100, methane.symbols, tolerance=0.0) != "Kh"
    assert point_group(torch.eye(3), tolerance=0.0) == "D3h"


@pytest.mark.parametrize(
    ("positions", "labels", "tolerance", "message"),
    [
        (torch.zeros(3), None, 0.01, r"positions have shape \(3,\).*expected \(n, 3\)"),
        (torch.zeros(2, 2), None, 0.01, r"positions have shape \(2, 2\)"),
        (torch.zeros(2, 3, dtype=torch.int64), None, 0.01, "dtype torch.int64"),
        (torch.tensor([[0.0, 0, 0], [math.nan, 0, 0]]), None, 0.01, r"point 1 is at \[nan"),
        (torch.tensor([[math.inf, 0, 0]]), None, 0.01, "point 0"),
        (torch.zeros(2, 3), "abc", 0.01, "got 3 labels for 2 points"),
        (torch.zeros(2, 3), torch.tensor(1), 0.01, "labels for 2 points"),
        (torch.zeros(2, 3), torch.zeros(2, 2), 0.01, "cannot be hashed"),
        (torch.zeros(2, 3), None, -0.1, "got tolerance=-0.1; expected a distance of 0 or more"),
        (torch.zeros(2, 3), None, math.nan, "got tolerance=nan"),
        (torch.zeros(2, 3), None, math.inf, "got tolerance=inf"),
    ],
)
def test_bad_input_is_restated(positions: Tensor, labels, tolerance: float, message: str):
    for f in (stabilizer, point_group):
        with pytest.raises(ValueError, match=message):
            f(positions, labels, tolerance)
