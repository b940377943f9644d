"""The stored labels are what GFN2-xTB gives, and that obeys the symmetries: needs tblite (`test`).

Errors are relative to the size of what is measured. For energies that is the spread over
conformations: relative to the total, 300 eV, a model of chemistry could be wrong by chemistry.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from equivar.data import MOLECULES, Conformations, molecules, small_molecules
from equivar.data.dynamics import Recipe, align, relax
from equivar.data.geometries import GEOMETRIES, place
from equivar.data.make_molecules import RECIPES, find_bonds, make_conformations
from equivar.data.xtb import gfn2
from equivar.measure import equivariance_error

Property = Callable[[str], Callable[[Tensor], Tensor]]


def turn(axis: list[float], angle: float) -> Tensor:
    """Rodrigues' formula, written again here: the oracle imports no rotations."""
    k = torch.tensor(axis, dtype=torch.float64) / np.linalg.norm(axis)
    K = torch.linalg.cross(torch.eye(3, dtype=torch.float64), k.expand(3, 3)).mT
    return torch.eye(3).double() + np.sin(angle) * K + (1 - np.cos(angle)) * K @ K


IDENTITY = torch.eye(3, dtype=torch.float64)
ELEMENTS = {
    "identity": IDENTITY,
    "pi about x": turn([1, 0, 0], torch.pi),
    "pi about y": turn([0, 1, 0], torch.pi),
    "pi about (1, -2, 3)": turn([1, -2, 3], torch.pi),
    "0.7 about (-1, 1, 2)": turn([-1, 1, 2], 0.7),
    "2.9 about (2, 1, -1)": turn([2, 1, -1], 2.9),
    "reflection": torch.diag(torch.tensor([1.0, 1.0, -1.0]).double()),
    "turn and reflection": turn([3, 1, 1], 1.3) @ torch.diag(torch.tensor([-1.0, 1, 1]).double()),
    "inversion": -IDENTITY,
}


@pytest.fixture(scope="module", params=MOLECULES)
def data(request: pytest.FixtureRequest) -> Conformations:
    return molecules(request.param)


@pytest.fixture(scope="module")
def xtb(data: Conformations) -> Property:
    """xtb("forces"): the function from positions to forces, of a molecule computed anew."""
    evaluate = gfn2(data.numbers.numpy())
    center, spread = data.energies.mean(), data.energies.std()

    def of(name: str) -> Callable[[Tensor], Tensor]:
        def function(positions: Tensor) -> Tensor:
            label = getattr(evaluate(positions.numpy()), name)
            # Named, since torch would read Python's float, -310 eV, into float32.
            value = torch.as_tensor(label, dtype=torch.float64)
            return (value - center) / spread if name == "energy" else value

        return function

    return of


@pytest.mark.parametrize("frame", [0, 1, 57, -1])
def test_stored_labels_are_those_of_the_stored_positions(data, xtb, frame: int) -> None:
    x = data.positions[frame]
    energy = xtb("energy")(x) * data.energies.std() + data.energies.mean()
    torch.testing.assert_close(energy, data.energies[frame], rtol=0, atol=1e-6)
    for name, stored in (
        ("forces", data.forces),
        ("dipole", data.dipoles),
        ("charges", data.charges),
    ):
        torch.testing.assert_close(xtb(name)(x), stored[frame], rtol=0, atol=2e-6)
        # The control: another frame's labels are others.
        assert (xtb(name)(x) - stored[frame - 1]).norm() > 0.01 * stored[frame].norm(), name


@pytest.mark.parametrize("element", ELEMENTS)
def test_energy_does_not_turn_and_forces_and_dipoles_do(data, xtb, element: str) -> None:
    R, x = ELEMENTS[element], data.positions[3]

    def act(vectors: Tensor) -> Tensor:
        return vectors @ R.mT

    assert equivariance_error(xtb("energy"), x, act) < 1e-7
    assert equivariance_error(xtb("charges"), x, act) < 1e-6
    assert equivariance_error(xtb("forces"), x, act, act) < 1e-6
    assert equivariance_error(xtb("dipole"), x, act, act) < 1e-6
    left = equivariance_error(xtb("forces"), x, act)  # the control: forces that did not turn
    assert left < 1e-6 if element == "identity" else left > 0.1


def test_a_stretch_is_no_symmetry(data, xtb) -> None:
    x = data.positions[3]
    assert equivariance_error(xtb("energy"), x, lambda x: 1.02 * x) > 0.1
    assert equivariance_error(xtb("forces"), x, lambda x: 1.02 * x) > 0.1


@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (3.0, -7.0, 11.0), (-100.0, 0.0, 50.0)])
def test_a_shifted_neutral_molecule_keeps_all_its_labels(data, xtb, shift: tuple) -> None:
    t = torch.tensor(shift, dtype=torch.float64)
    x = data.positions[3]
    for name in ("energy", "forces", "dipole", "charges"):
        assert equivariance_error(xtb(name), x, lambda x: x + t) < 1e-6, name
    if t.any():  # the control: a shift of one atom alone
        one = torch.zeros(len(x), 1, dtype=torch.float64)
        one[-1] = 0.05
        assert equivariance_error(xtb("forces"), x, lambda x: x + one * t.sign()) > 0.1


def test_renumbered_atoms_renumber_their_labels(data, xtb) -> None:
    x = data.positions[3]
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    renumbered = gfn2(data.numbers[order].numpy())(x[order].numpy())
    for name in ("forces", "charges"):
        here = xtb(name)(x)
        there = torch.as_tensor(getattr(renumbered, name))
        assert (there - here[order]).norm() / here.norm() < 1e-6, name
        assert (there - here).norm() / here.norm() > 0.1, name
    energy = (renumbered.energy - data.energies.mean()) / data.energies.std()
    assert (energy - xtb("energy")(x)).abs() < 1e-7
    dipole = xtb("dipole")(x)
    assert (torch.as_tensor(renumbered.dipole) - dipole).norm() / dipole.norm() < 1e-6


def slope(energy: Callable[[np.ndarray], float], x: np.ndarray, along: np.ndarray) -> float:
    """Central difference of fourth order: its own error is below 1e-7 eV/angstrom."""
    h = 1e-3

    def at(k: int) -> float:
        return energy(x + k * h * along)

    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)


def test_stored_forces_are_minus_the_slope_of_the_energy(data) -> None:
    evaluate = gfn2(data.numbers.numpy())
    for frame in (0, 500):
        x = data.positions[frame].numpy()
        forces = np.zeros_like(x)
        for i, axis in np.ndindex(x.shape):
            if len(x) > 9 and (i + frame) % 4:  # every fourth atom of the larger molecule
                forces[i, axis] = data.forces[frame, i, axis]
                continue
            along = np.zeros_like(x)
            along[i, axis] = 1
            forces[i, axis] = -slope(lambda x: evaluate(x).energy, x, along)
        stored = data.forces[frame].numpy()
        assert np.linalg.norm(forces - stored) / np.linalg.norm(stored) < 2e-6
        assert np.linalg.norm(-forces - stored) / np.linalg.norm(stored) > 0.1


def test_small_molecules_forces_are_minus_the_slope_of_the_energy() -> None:
    rng = np.random.default_rng(0)
    for molecule in small_molecules()[::5]:
        evaluate = gfn2(molecule.numbers.numpy(), molecule.unpaired)
        x = molecule.positions.numpy()
        along = rng.normal(size=x.shape)
        along /= np.linalg.norm(along)
        expected = -slope(lambda x, f=evaluate: f(x).energy, x, along)
        found = float((molecule.forces.numpy() * along).sum())
        assert found == pytest.approx(expected, abs=3e-6), molecule.name
        labels = evaluate(x)
        assert labels.energy == pytest.approx(molecule.energy.item(), abs=1e-6), molecule.name
        np.testing.assert_allclose(labels.charges, molecule.charges.numpy(), atol=2e-6)
        np.testing.assert_allclose(labels.dipole, molecule.dipole.numpy(), atol=2e-6)


def test_an_electrons_pairing_changes_the_energy() -> None:
    oxygen = {molecule.name: molecule for molecule in small_molecules()}["O2"]
    x = oxygen.positions.numpy()
    triplet, singlet = (gfn2(oxygen.numbers.numpy(), spin)(x).energy for spin in (2, 0))
    assert triplet == pytest.approx(oxygen.energy.item(), abs=1e-6)
    assert abs(singlet - triplet) > 1e-3


def test_ethanol_at_rest_has_a_dipole_of_1_7_debye() -> None:
    numbers, x = relax("ethanol")
    labels = gfn2(numbers)(x)
    assert np.abs(labels.forces).max() < 2e-3
    assert np.linalg.norm(labels.dipole) == pytest.approx(0.36, abs=0.02)  # 1.7 debye
    data = molecules("ethanol")
    assert data.numbers.tolist() == numbers.tolist()
    assert data.bonds.tolist() == find_bonds(numbers, x).tolist()
    # Half of kT for each of 21 vibrations above the minimum, as the equipartition theorem has it.
    excess = data.energies.mean().item() - labels.energy
    assert excess == pytest.approx(21 / 2 * 8.617333e-5 * 500, rel=0.15)


def test_internal_coordinates_come_back_from_the_positions() -> None:
    for rows in GEOMETRIES.values():
        _, x = place(rows)
        for i, (_, bonded, length, corner, angle, end, dihedral) in enumerate(rows):
            if i > 0:
                assert np.linalg.norm(x[i] - x[bonded]) == pytest.approx(length)
            if i > 1:
                a, b = x[i] - x[bonded], x[corner] - x[bonded]
                cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
                assert np.degrees(np.arccos(cosine)) == pytest.approx(angle)
            if i > 2:  # IUPAC's dihedral angle by the atan2 formula
                b1, b2, b3 = x[corner] - x[end], x[bonded] - x[corner], x[i] - x[bonded]
                n1, n2 = np.cross(b1, b2), np.cross(b2, b3)
                found = np.degrees(np.arctan2(np.linalg.norm(b2) * b1 @ n2, n1 @ n2))
                assert (found - dihedral + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)


def test_there_is_a_recipe_for_each_molecule() -> None:
    assert tuple(recipe.name for recipe in RECIPES) == MOLECULES == tuple(GEOMETRIES)
    assert all(recipe.frames % recipe.chains == 0 for recipe in RECIPES)


def test_an_interrupted_run_goes_on_to_the_same_frames(tmp_path: Path) -> None:
    recipe = Recipe("ethanol", frames=4, chains=2, discard=3, interval=2)
    whole = make_conformations(recipe, tmp_path, workers=1)
    parts = sorted(tmp_path.rglob("*.npz"))
    kept, dropped = parts
    before = kept.stat().st_mtime_ns
    dropped.unlink()
    again = make_conformations(recipe, tmp_path, workers=1)
    assert kept.stat().st_mtime_ns == before
    assert whole.keys() == again.keys()
    for name, array in whole.items():
        np.testing.assert_array_equal(array, again[name], err_msg=name)
    first, other = whole["positions"][0], whole["positions"][2]
    assert np.abs(first - other).max() > 1000  # in millionths: the chains differ


def test_alignment_takes_out_what_was_put_in() -> None:
    x = molecules("ethanol").positions[5].numpy()
    for name, element in ELEMENTS.items():
        R = element.numpy()
        moved = align(x @ R.T + np.array([1.0, -2.0, 3.0]), x)
        if np.linalg.det(R) > 0:
            np.testing.assert_allclose(moved, x - x.mean(axis=0), atol=1e-12, err_msg=name)
        else:  # a mirror image is a different molecule: no turn may hide that
            assert np.abs(moved - x).max() > 0.1, name


def test_a_field_moves_charge_along_itself_and_turns_with_it() -> None:
    """Without a field hydrogen has no dipole; in one it has, odd in the field and along it."""
    x = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.74]])
    field = np.array([0.0, 0.0, 1e-3])
    found = {sign: gfn2([1, 1], field=sign * field)(x).dipole for sign in (1, -1)}
    assert found[1][2] > 1e-3
    assert np.abs(gfn2([1, 1])(x).dipole).max() < 1e-8
    np.testing.assert_allclose(found[1], -found[-1], atol=1e-8)
    np.testing.assert_allclose(found[1][:2], 0, atol=1e-8)
    turned = gfn2([1, 1], field=field[[2, 0, 1]])(x[:, [2, 0, 1]]).dipole
    np.testing.assert_allclose(turned, found[1][[2, 0, 1]], atol=1e-8)
