"""Training on forces: the loss is the one it says, and what is learned keeps the symmetries."""

from __future__ import annotations

import itertools

import jaxtyping
import pytest
import torch
from torch import Tensor

from equivar.data import molecules
from equivar.models import ForceField
from equivar.rotations import random_orthogonal
from equivar.train import fit_forces, predict_forces

NUMBERS = torch.tensor([8, 1, 1])


def force_field(cutoff: float = 3.0) -> ForceField:
    torch.manual_seed(0)
    return ForceField(
        (1, 8), "4x0e + 2x1o", layers=2, cutoff=cutoff, n_radial=4, radial_hidden=(8,)
    ).double()


def springs(frames: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Three atoms whose distances are springs: positions, energies, forces."""
    draw = torch.Generator().manual_seed(seed)
    rest = torch.tensor([[0.0, 0, 0], [1.0, 0, 0], [0.0, 1.0, 0]]).double()
    noise = 0.1 * torch.randn(frames, 3, 3, generator=draw, dtype=torch.float64)
    positions = (rest + noise).requires_grad_()
    pairs = list(itertools.combinations(range(3), 2))
    stretch = torch.stack(
        [(positions[:, i] - positions[:, j]).norm(dim=-1) - 1 for i, j in pairs], dim=1
    )
    energies = 2 * stretch.square().sum(dim=1)
    (gradient,) = torch.autograd.grad(energies.sum(), positions)
    return positions.detach(), energies.detach(), -gradient


def test_it_learns_springs_and_forgets_no_symmetry() -> None:
    positions, energies, forces = springs(60)
    model = force_field()
    losses = fit_forces(
        model, NUMBERS, positions[:40], energies[:40], forces[:40], steps=80, batch=10
    )
    assert losses.shape == (80,)
    assert not model.training
    energy, force = predict_forces(model, NUMBERS, positions[40:])
    assert (force - forces[40:]).square().mean() < 0.1 * forces[40:].square().mean()
    assert (energy - energies[40:]).square().mean() < 0.5 * energies[40:].var()
    torch.testing.assert_close(force.sum(dim=1), torch.zeros(20, 3).double(), rtol=0, atol=1e-10)
    R = random_orthogonal(20, generator=torch.Generator().manual_seed(1))
    turned = predict_forces(model, NUMBERS, positions[40:] @ R.mT)
    torch.testing.assert_close(turned[0], energy, rtol=0, atol=1e-10)
    torch.testing.assert_close(turned[1], force @ R.mT, rtol=0, atol=1e-10)
    assert (turned[1] - force).abs().max() > 0.1


@pytest.mark.parametrize("cutoff", [1.1, 3.0])
def test_all_pairs_as_edges_are_what_a_search_finds(cutoff: float) -> None:
    """Also when the cutoff is shorter than the molecule: what is too long sends nothing."""
    positions, _, _ = springs(7)
    model = force_field(cutoff).eval()
    energy, force = predict_forces(model, NUMBERS, positions, batch=3)
    for i, frame in enumerate(positions):
        alone_energy, alone_force = model.energy_and_forces(NUMBERS, frame)
        torch.testing.assert_close(energy[i], alone_energy[0], rtol=0, atol=1e-12)
        torch.testing.assert_close(force[i], alone_force, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("energy_weight", "force_weight"), [(1.0, 1.0), (0.0, 2.0), (3.0, 0.0)])
def test_the_loss_is_the_formula(energy_weight: float, force_weight: float) -> None:
    positions, energies, forces = springs(5)
    model = force_field()
    energy, force = predict_forces(model, NUMBERS, positions)
    expected = force_weight * (force - forces).square().mean()
    expected = expected + energy_weight * (energy - energies).square().mean() / 3
    weights = {"energy_weight": energy_weight, "force_weight": force_weight}
    first = fit_forces(model, NUMBERS, positions, energies, forces, steps=1, **weights)
    torch.testing.assert_close(first[0].double(), expected)


def test_the_same_seed_is_the_same_run_and_another_is_another() -> None:
    data = springs(20)
    losses = [
        fit_forces(force_field(), NUMBERS, *data, steps=5, batch=4, seed=seed) for seed in (1, 1, 2)
    ]
    torch.testing.assert_close(losses[0], losses[1], rtol=0, atol=0)
    assert not torch.equal(losses[0], losses[2])


def test_a_real_molecule_is_learned_a_little_in_a_second() -> None:
    data = molecules("ethanol")
    torch.manual_seed(0)
    model = ForceField((1, 6, 8), "8x0e + 4x1o", cutoff=4.0, radial_hidden=(8,), n_neighbours=8.0)
    x, forces = data.positions[:100].float(), data.forces[:100].float()
    energies = (data.energies[:100] - data.energies[:100].mean()).float()
    fit_forces(model, data.numbers, x, energies, forces, steps=60, batch=8)
    later, wanted = data.positions[-100:].float(), data.forces[-100:].float()
    error = (predict_forces(model, data.numbers, later)[1] - wanted).abs().mean()
    assert error < 0.6 * wanted.abs().mean()


def test_nothing_to_predict() -> None:
    energy, force = predict_forces(force_field(), NUMBERS, torch.zeros(0, 3, 3).double())
    assert energy.shape == (0,)
    assert force.shape == (0, 3, 3)


def test_a_loss_that_is_not_finite_stops_with_the_step() -> None:
    positions, energies, forces = springs(4)
    with pytest.raises(FloatingPointError, match="at step 0"):
        fit_forces(force_field(), NUMBERS, positions, energies / 0, forces, steps=2)


def test_what_does_not_agree_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # it would refuse first
    positions, energies, forces = springs(4)
    with pytest.raises(ValueError, match=r"energies \(3,\); expected"):
        fit_forces(force_field(), NUMBERS, positions, energies[:3], forces, steps=1)
    with pytest.raises(ValueError, match=r"forces have shape \(4, 2, 3\)"):
        fit_forces(force_field(), NUMBERS, positions, energies, forces[:, :2], steps=1)
    with pytest.raises(ValueError, match=r"positions \(4, 3, 3\); expected"):
        predict_forces(force_field(), NUMBERS[:2], positions)
    with pytest.raises(ValueError, match="energy_weight is -1"):
        fit_forces(force_field(), NUMBERS, positions, energies, forces, steps=1, energy_weight=-1)
    with pytest.raises(ValueError, match="no samples"):
        fit_forces(force_field(), NUMBERS, positions[:0], energies[:0], forces[:0], steps=1)
