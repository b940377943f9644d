"""What symmetry allows: known cases, three other ways to count it, and real equivariant maps."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import irreps_text, orthogonals
from torch import Tensor

from equivar.data import small_molecules
from equivar.features import representation
from equivar.irreps import Irrep, Irreps
from equivar.rotations import rotation_3d
from equivar.so3 import MAX_DEGREE, spherical_harmonics, wigner_d
from equivar.stabilizer import Stabilizer, describe, invariant_subspace, stabilizer

MOLECULES = {molecule.name: molecule for molecule in small_molecules()}
SF6 = torch.cat([torch.eye(3), -torch.eye(3), torch.zeros(1, 3)]).double() * 1.56
ALL = Irreps([(1, Irrep(l, p)) for l in range(9) for p in (1, -1)])
TRIED = ["CH4", "C6H6", "H2O", "NH3", "C2H6", "H2O2", "CH3OH", "trans-butane", "H2COH", "C3H4_D2d"]


def of(name: str) -> Stabilizer:
    return stabilizer(MOLECULES[name].positions, MOLECULES[name].symbols)


def close(actual: Tensor, expected: Tensor, atol: float = 1e-10) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


def counts(symmetry: Stabilizer, irreps: str) -> list[int]:
    return [len(invariant_subspace(symmetry, name)) for name in irreps.split()]


NATURAL = "0e 1o 2e 3o 4e 5o 6e 7o 8e"


def test_what_known_molecules_may_have():
    """From tables of characters: where a degree first holds the trivial irrep of the group."""
    assert counts(of("CH4"), NATURAL) == [1, 0, 0, 1, 1, 0, 1, 1, 1]
    assert counts(of("C6H6"), NATURAL) == [1, 0, 1, 0, 1, 0, 2, 0, 2]
    assert counts(stabilizer(SF6, "ffffffS"), NATURAL) == [1, 0, 0, 0, 1, 0, 1, 0, 1]
    assert counts(of("H2O"), "0e 0o 1o 1e 2e") == [1, 0, 1, 0, 2]
    assert counts(of("H2O2"), "0e 0o 1o 1e") == [1, 1, 1, 1]  # chiral: a pseudoscalar


def test_infinite_groups_are_exact():
    assert counts(of("HCN"), NATURAL) == [1] * 9
    assert counts(of("HCN"), "0o 1e 2o 3e") == [0] * 4  # mirrors through the line
    assert counts(of("CO2"), NATURAL) == [1, 0] * 4 + [1]
    assert counts(stabilizer(torch.zeros(1, 3)), "0e 0o 1o 1e 2e 3o") == [1, 0, 0, 0, 0, 0]
    axis = of("HCN").axes[0]
    (dipole,) = invariant_subspace(of("HCN"), "1o")
    close((dipole @ axis).abs(), torch.tensor(1.0).double())
    assert counts(of("HCN"), "12e 11o") == [1, 1]


@pytest.mark.parametrize("name", ["HCN", "CO2"])
def test_a_line_allows_what_turns_by_small_fractions_allow(name: str):
    """Turns of one part in 40 cannot be told from all turns below degree 40."""
    found = of(name)
    turn = rotation_3d(found.axes[0], 2 * math.pi / 40)
    finite = torch.cat([found.matrices, turn[None]])
    for _, irrep in ALL:
        a, b = invariant_subspace(found, irrep), invariant_subspace(finite, irrep)
        close(a.mT @ a, b.mT @ b)


@pytest.mark.parametrize("name", TRIED)
def test_the_subspace_is_the_average_over_the_group_and_its_trace_the_dimension(name: str):
    found = of(name)
    for _, irrep in ALL:
        basis = invariant_subspace(found, irrep)
        projection = wigner_d(irrep, found.matrices).mean(dim=0)
        close(basis.mT @ basis, projection)
        close(basis @ basis.mT, torch.eye(len(basis)).double())
        # By characters, with no matrices of the irrep: chi_l(angle) is a sum of cosines.
        det = torch.linalg.det(found.matrices).round()
        proper = found.matrices * det[:, None, None]
        trace = proper.diagonal(dim1=1, dim2=2).sum(-1)
        angle = ((trace - 1) / 2).clamp(-1, 1).acos()
        chi = 1 + 2 * sum(torch.cos(m * angle) for m in range(1, irrep.l + 1))
        chi = chi * torch.where(det < 0, float(irrep.p), 1.0)
        assert chi.mean().item() == pytest.approx(len(basis), abs=1e-5)


@pytest.mark.parametrize("name", [*TRIED, "CO2", "HCN"])
def test_what_equivariant_maps_answer_lies_inside_and_fills_it(name: str):
    """Sums of harmonics over atoms, weighted by any function of element and distance."""
    molecule, found = MOLECULES[name], of(name)
    g = torch.Generator().manual_seed(0)
    r = molecule.positions - found.center
    distance = torch.linalg.vector_norm(r, dim=-1)
    lmax = 4
    irreps = Irreps.spherical_harmonics(lmax)
    basis = invariant_subspace(found, irreps)
    answers = []
    for _ in range(40):
        a, b = torch.randn(2, 20, generator=g, dtype=torch.float64)
        weight = (a[molecule.numbers] + b[molecule.numbers] * distance.square()).sin()
        answers.append((weight[:, None] * spherical_harmonics(lmax, r)).sum(dim=0))
    outputs = torch.stack(answers)
    outside = outputs - outputs @ basis.mT @ basis
    # The geometries are symmetric to 6e-6 angstrom.
    assert outside.abs().max() < 1e-4 * outputs.abs().max()
    # Control: what the subspace forbids, an answer to a bent molecule has.
    if len(basis) < irreps.dim:
        bent = r + 0.3 * torch.randn(r.shape, generator=g, dtype=torch.float64)
        y = spherical_harmonics(lmax, bent).sum(dim=0)
        assert (y - y @ basis.mT @ basis).abs().max() > 0.1


@settings(max_examples=40)
@given(irreps_text(3), orthogonals(), st.sampled_from(["CH4", "H2O", "CO2"]))
def test_rows_are_orthonormal_and_turn_with_the_cloud(text: str, Q: Tensor, name: str):
    irreps, molecule = Irreps(text), MOLECULES[name]
    basis = invariant_subspace(of(name), irreps)
    assert basis.shape[1] == irreps.dim
    close(basis @ basis.mT, torch.eye(len(basis)).double())
    turned = stabilizer(molecule.positions @ Q.mT, molecule.symbols)
    D = representation(irreps, Q)
    moved = invariant_subspace(turned, irreps)
    close(moved.mT @ moved, D @ basis.mT @ basis @ D.mT)


def test_generators_are_enough_and_none_allows_all():
    found = of("CH4")
    some = found.matrices[[g for g in range(24) if found.group.element_order(g) in (3, 4)][:9]]
    for name in ("1o", "3o", "4e", "6e"):
        a, b = invariant_subspace(found, name), invariant_subspace(some, name)
        close(a.mT @ a, b.mT @ b)
    close(invariant_subspace(found.matrices[:0], "1o").abs(), torch.eye(3).double())
    assert invariant_subspace(found, "").shape == (0, 0)
    assert invariant_subspace(found, "0x1o + 0x0e").shape == (0, 0)


def test_float32_gives_the_same_answers_in_float32():
    molecule = MOLECULES["C6H6"]
    found = stabilizer(molecule.positions.float(), molecule.symbols)
    for _, irrep in Irreps.spherical_harmonics(8):
        basis = invariant_subspace(found, irrep)
        exact = invariant_subspace(of("C6H6"), irrep)
        assert basis.dtype == torch.float32
        close((basis.mT @ basis).double(), exact.mT @ exact, atol=1e-4)


def test_a_sentence():
    assert describe(of("CH4")) == "Td allows 0 components of 1o, 0 of 2e, 1 of 3o"
    assert describe(of("HCN"), "4x1o") == "Cinfv allows 1 component of 1o"
    assert describe(of("HCN"), "") == "Cinfv was asked about no irreps"


@pytest.mark.parametrize(
    ("symmetry", "irreps", "message"),
    [
        (torch.zeros(5, 3), "1o", r"got shape \(5, 3\).*find its stabilizer first"),
        (torch.zeros(2, 2, 2), "1o", r"got shape \(2, 2, 2\)"),
        (2 * torch.eye(3)[None], "1o", "expected an orthogonal matrix"),
        (torch.full((1, 3, 3), math.nan), "1o", "expected an orthogonal matrix"),
        (torch.eye(3)[None], "1x", "cannot read '1x'"),
        (torch.eye(3)[None], f"{MAX_DEGREE + 1}e", "the largest degree"),
    ],
)
def test_bad_input_is_restated(symmetry: Tensor, irreps: str, message: str):
    with pytest.raises(ValueError, match=message):
        invariant_subspace(symmetry, irreps)
