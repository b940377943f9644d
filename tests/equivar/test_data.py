"""The stored molecules, held against what physics says of any isolated molecule. No tblite here."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from equivar.data import MOLECULES, Conformations, molecules, small_molecules
from equivar.data.molecules import FOLDER

DEBYE = 0.20819433  # e*angstrom
KT_500 = 8.617333e-5 * 500  # eV
ROUNDING = 5e-7  # of every stored number but the energies


@pytest.fixture(params=MOLECULES)
def data(request: pytest.FixtureRequest) -> Conformations:
    return molecules(request.param)


@pytest.fixture(scope="module")
def g2() -> dict[str, object]:
    return {molecule.name: molecule for molecule in small_molecules()}


def kabsch_angles(positions: Tensor, onto: Tensor) -> Tensor:
    """Angle in radians of the best proper rotation of each frame onto one: an oracle of our own."""
    U, _, Vt = torch.linalg.svd(torch.einsum("fni,nj->fij", positions, onto))
    sign = torch.linalg.det(U @ Vt)
    U = torch.cat([U[..., :2], U[..., 2:] * sign[:, None, None]], dim=-1)
    R = U @ Vt
    skew = torch.linalg.matrix_norm(R - R.mT) / 8**0.5  # |sin|: near 0 where the cosine is flat
    trace = R.diagonal(dim1=-2, dim2=-1).sum(-1)
    return torch.atan2(skew, (trace - 1) / 2)


def net_torque(positions: Tensor, forces: Tensor) -> Tensor:
    return torch.linalg.cross(positions, forces).sum(dim=-2).norm(dim=-1)


def test_the_files_are_small_enough_for_a_clone() -> None:
    files = list(FOLDER.glob("*.npz"))
    assert {file.stem for file in files} == {*MOLECULES, "small_molecules", "digits"}
    assert sum(file.stat().st_size for file in files) < 3_000_000


def test_shapes_and_dtypes_are_as_promised(data: Conformations) -> None:
    n, f = len(data.symbols), len(data.energies)
    shapes = {
        field.name: getattr(data, field.name).shape
        for field in dataclasses.fields(data)
        if field.name not in ("name", "symbols", "bonds")
    }
    assert shapes == {
        "numbers": (n,),
        "positions": (f, n, 3),
        "energies": (f,),
        "forces": (f, n, 3),
        "dipoles": (f, 3),
        "charges": (f, n),
    }
    for name in shapes:
        dtype = torch.int64 if name == "numbers" else torch.float64
        assert getattr(data, name).dtype == dtype, name
    expected = {"ethanol": (9, 1600), "malonaldehyde": (9, 1600), "alanine_dipeptide": (22, 600)}
    assert (n, f) == expected[data.name]


def test_formulas_and_bonds_are_the_molecules() -> None:
    def formula(symbols: tuple[str, ...]) -> str:
        return "".join(f"{s}{symbols.count(s)}" for s in sorted(set(symbols)))

    found = {
        name: (formula(molecules(name).symbols), len(molecules(name).bonds)) for name in MOLECULES
    }
    # An open chain of n atoms has n - 1 bonds; malonaldehyde's hydrogen bond is none.
    assert found == {
        "ethanol": ("C2H6O1", 8),
        "malonaldehyde": ("C3H4O2", 8),
        "alanine_dipeptide": ("C6H12N2O2", 21),
    }


def test_nothing_is_nan_and_no_frame_comes_twice(data: Conformations) -> None:
    for name in ("positions", "energies", "forces", "dipoles", "charges"):
        assert getattr(data, name).isfinite().all(), name
    closest = torch.pdist(data.positions.flatten(1)).min()
    assert closest > 0.05  # angstrom, summed over atoms; a frame seen twice gives 0


def test_every_frame_is_centered_and_turned_onto_the_first(data: Conformations) -> None:
    torch.testing.assert_close(
        data.positions.mean(dim=1), torch.zeros(len(data.energies), 3).double(), rtol=0, atol=1e-6
    )
    assert kabsch_angles(data.positions, data.positions[0]).max() < 2e-6
    quarter = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]).double()
    turned = kabsch_angles(data.positions @ quarter.mT, data.positions[0])
    torch.testing.assert_close(turned, torch.full_like(turned, torch.pi / 2), rtol=0, atol=0.7)


def test_no_net_force_and_no_net_torque(data: Conformations) -> None:
    # What follows from an energy that does not care where the molecule is and how it is turned.
    size = data.forces.norm(dim=(1, 2))
    assert (data.forces.sum(dim=1).norm(dim=1) / size).max() < 2e-5
    assert (net_torque(data.positions, data.forces) / size).max() < 2e-5
    wrong = data.forces.roll(
        1, dims=1
    )  # each force on the next atom: the sum stays, not the torque
    assert (net_torque(data.positions, wrong) / size).median() > 0.1


def test_the_charges_of_a_neutral_molecule_sum_to_zero(data: Conformations) -> None:
    assert data.charges.sum(dim=1).abs().max() <= len(data.symbols) * ROUNDING
    assert data.charges.abs().max() < 0.8
    heteroatoms = (data.numbers == 7) | (data.numbers == 8)
    assert (data.charges[:, heteroatoms] < 0).all()


def test_the_spread_of_energies_is_that_of_500_kelvin(data: Conformations) -> None:
    # 3n - 6 harmonic vibrations at temperature T spread by sqrt((3n - 6) / 2) kT. In kcal/mol or in
    # hartree this would be off by a factor above 20.
    modes = 3 * len(data.symbols) - 6
    ratio = data.energies.std() / (KT_500 * (modes / 2) ** 0.5)
    assert 0.85 < ratio < 1.2


def test_dipoles_have_the_size_and_direction_of_the_charges(data: Conformations) -> None:
    from_charges = torch.einsum("fn,fni->fi", data.charges, data.positions)
    cosine = torch.nn.functional.cosine_similarity(from_charges, data.dipoles)
    assert cosine.median() > 0.95
    size = data.dipoles.norm(dim=1)
    assert size.min() > 0.2 * DEBYE
    assert size.max() < 9 * DEBYE


def test_alanine_is_left_handed_in_every_frame() -> None:
    # CORN rule: seen from the hydrogen, CO, R, N run clockwise around the alpha carbon.
    positions = molecules("alanine_dipeptide").positions
    arms = positions[:, [6, 11, 3]] - positions[:, 5:6]
    assert (torch.linalg.det(arms) > 0).all()


def test_the_proton_of_malonaldehyde_changes_sides() -> None:
    positions = molecules("malonaldehyde").positions
    own, other = ((positions[:, 5] - positions[:, o]).norm(dim=1) for o in (4, 0))
    assert 0.02 < (other < own).double().mean() < 0.98


def test_each_call_gives_new_tensors() -> None:
    molecules("ethanol").positions.zero_()
    assert molecules("ethanol").positions.abs().max() > 1
    small_molecules()[0].positions.zero_()
    assert small_molecules()[0].positions.abs().max() > 0.1


def test_an_unknown_name_names_the_closest() -> None:
    with pytest.raises(ValueError, match=r"'ethanal'.*malonaldehyde.*closest is 'ethanol'"):
        molecules("ethanal")
    with pytest.raises(ValueError, match="closest is"):
        molecules("")


def test_small_molecules_are_g2_without_its_single_atoms(g2) -> None:
    assert len(g2) == len(small_molecules()) == 148
    assert all(2 <= len(molecule.symbols) <= 14 for molecule in g2.values())
    radicals = {name for name, molecule in g2.items() if molecule.unpaired}
    assert {"O2", "NO", "NO2", "CH3"} < radicals
    for name, molecule in g2.items():  # an even number of electrons has an even number unpaired
        assert (molecule.numbers.sum() - molecule.unpaired) % 2 == 0, name


def test_small_molecules_hang_together(g2) -> None:
    for name, molecule in g2.items():
        n = len(molecule.symbols)
        reach = torch.eye(n, dtype=torch.float64)
        reach[molecule.bonds[:, 0], molecule.bonds[:, 1]] = 1
        reach[molecule.bonds[:, 1], molecule.bonds[:, 0]] = 1
        assert (torch.linalg.matrix_power(reach, n) > 0).all(), name
        valence = molecule.bonds.flatten().bincount(minlength=n)
        assert (valence[molecule.numbers == 1] == 1).all(), name
        assert (molecule.bonds[:, 0] < molecule.bonds[:, 1]).all(), name


def test_small_molecules_obey_the_same_laws(g2) -> None:
    for name, molecule in g2.items():
        n = len(molecule.symbols)
        assert molecule.charges.sum().abs() <= n * ROUNDING, name
        assert molecule.forces.sum(dim=0).abs().max() <= n * ROUNDING, name
        assert net_torque(molecule.positions, molecule.forces) < 3e-5, name
        assert molecule.forces.isfinite().all(), name
        assert molecule.positions.mean(dim=0).abs().max() < 1e-6, name
        assert molecule.dipole.norm() < 8 * DEBYE, name


@pytest.mark.parametrize("name", ["CH4", "C6H6", "SiH4", "CF4", "CO2", "C2H2", "N2", "C2H4", "BF3"])
def test_symmetry_forbids_a_dipole(g2, name: str) -> None:
    assert g2[name].dipole.norm() < 1e-5


@pytest.mark.parametrize(
    ("name", "debye"),  # experiment, CRC Handbook; GFN2-xTB overshoots, a wrong unit is off by 4.8
    [("H2O", 1.85), ("NH3", 1.47), ("HCl", 1.08), ("LiH", 5.88), ("CH3CH2OH", 1.7), ("NaCl", 9.0)],
)
def test_dipoles_are_near_experiment(g2, name: str, debye: float) -> None:
    assert g2[name].dipole.norm() / DEBYE == pytest.approx(debye, rel=0.35)


def test_the_dipole_of_water_points_from_oxygen_to_the_hydrogens(g2) -> None:
    water = g2["H2O"]
    assert water.dipole @ (water.positions[1:].mean(dim=0) - water.positions[0]) > 0.2


def test_positions_are_exactly_six_decimals(data: Conformations) -> None:
    positions = data.positions.numpy()
    np.testing.assert_array_equal(positions, np.round(positions, 6))
