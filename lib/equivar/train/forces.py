"""Training interatomic potentials on energies and forces of many frames of one molecule."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from equivar._checks import check_count
from equivar._shapes import Float, Int
from equivar.models import ForceField
from equivar.points import Neighbours
from equivar.train.loop import descend

__all__ = ["fit_forces", "predict_forces"]

# Forces of the first, wild steps are large. The learning rate rises after them, and Adam forgets
# their squares within tens of steps; on ethanol that halves the error after 400 steps.
_WARMUP, _BETAS = 0.05, (0.9, 0.95)


def fit_forces(
    model: ForceField,
    numbers: Int[Tensor, " n"],
    positions: Float[Tensor, "frames n 3"],
    energies: Float[Tensor, " frames"],
    forces: Float[Tensor, "frames n 3"],
    *,
    steps: int,
    batch: int = 16,
    lr: float = 0.1,
    energy_weight: float = 1.0,
    force_weight: float = 1.0,
    seed: int = 0,
) -> Float[Tensor, " steps"]:
    r"""Train a force field on energies and forces; Adam on a cosine, as in `fit`.

    $$w_F \, \big\langle (F - \hat F)^2 \big\rangle
    + \frac{w_E}{n} \, \big\langle (E - \hat E)^2 \big\rangle$$

    The forces are 3 n numbers a frame where the energy is one, so they say most; the energy fixes
    the constant that they leave open. All pairs of atoms are edges, once and for all steps: those
    longer than the model's cutoff send nothing.

    Args:
        model: it is changed in place, and left in `eval` mode.
        numbers: atomic numbers, the same in all frames.
        positions: in angstrom.
        energies: in eV. Take the mean off first: float32 has seven digits.
        forces: in eV/angstrom.
        steps: gradient steps; 0 leaves the model as it is.
        batch: frames a step, drawn without replacement; all of them if there are fewer.
        lr: the learning rate at the start. Weights of the library's layers are of size one, so it
            is larger than is usual elsewhere.
        energy_weight: w_E, at least 0.
        force_weight: w_F, at least 0.
        seed: of the order of the frames; the weights were drawn when the model was made.

    Returns:
        The loss at each step, before that step is taken, in (eV/angstrom)^2 with weights of 1.

    Raises:
        ValueError: frames, atoms or axes that do not agree, or a weight below 0.
        FloatingPointError: when the loss is no longer finite, with the step.

    A spring between two atoms, from eight lengths of it:

    >>> _ = torch.manual_seed(0)
    >>> numbers = torch.tensor([1, 1])
    >>> positions, forces = torch.zeros(8, 2, 3), torch.zeros(8, 2, 3)
    >>> stretch = torch.linspace(-0.1, 0.1, 8)
    >>> positions[:, 1, 0] = 1 + stretch
    >>> forces[:, 0, 0], forces[:, 1, 0] = 10 * stretch, -10 * stretch
    >>> model = ForceField((1,), "4x0e", layers=1, cutoff=2.0, n_neighbours=1.0)
    >>> losses = fit_forces(model, numbers, positions, 5 * stretch**2, forces, steps=100)
    >>> bool(losses[-1] < 0.01 * losses[0])
    True
    >>> _, predicted = predict_forces(model, numbers, positions)
    >>> bool((predicted - forces).abs().max() < 0.1)
    True

    Source:
        Chmiela et al., Science Advances 3, e1603015 (2017), for learning energies from forces.
    """
    _check(numbers, positions)
    if forces.shape != positions.shape or energies.shape != positions.shape[:1]:
        raise ValueError(
            f"forces have shape {tuple(forces.shape)} and energies {tuple(energies.shape)}; "
            f"expected {tuple(positions.shape)} and {tuple(positions.shape[:1])}, as there are "
            f"{len(positions)} frames"
        )
    check_count("batch", batch, least=1)
    for name, weight in (("energy_weight", energy_weight), ("force_weight", force_weight)):
        if not 0 <= weight < math.inf:
            raise ValueError(f"{name} is {weight}; expected a number of at least 0")
    stacked = _Stack(numbers, min(batch, len(positions)))

    def loss_of(rows: Tensor) -> Tensor:
        energy, force = stacked.answer(model, positions[rows])
        in_force = (force - forces[rows]).square().mean()
        in_energy = (energy - energies[rows]).square().mean() / len(numbers)
        return force_weight * in_force + energy_weight * in_energy

    generator = torch.Generator().manual_seed(seed)
    return descend(
        model,
        loss_of,
        positions,
        steps=steps,
        batch=batch,
        lr=lr,
        generator=generator,
        warmup=_WARMUP,
        betas=_BETAS,
    )


def predict_forces(
    model: ForceField,
    numbers: Int[Tensor, " n"],
    positions: Float[Tensor, "frames n 3"],
    *,
    batch: int = 100,
) -> tuple[Float[Tensor, " frames"], Float[Tensor, "frames n 3"]]:
    """Energies and forces of many frames of one molecule.

    Args:
        model: in whatever mode; the answers cannot be differentiated.
        numbers: atomic numbers, the same in all frames.
        positions: in angstrom.
        batch: frames at a time, which bounds the memory.

    Returns:
        Energies (frames,) in eV and forces (frames, n, 3) in eV/angstrom.

    Raises:
        ValueError: positions that are not (frames, n, 3).

    >>> model = ForceField((1, 8), "4x0e + 2x1o", cutoff=3.0)
    >>> energies, forces = predict_forces(model, torch.tensor([8, 1, 1]), torch.randn(5, 3, 3))
    >>> energies.shape, forces.shape
    (torch.Size([5]), torch.Size([5, 3, 3]))
    """
    _check(numbers, positions)
    check_count("batch", batch, least=1)
    energies, forces = [positions.new_zeros(0)], [torch.zeros_like(positions[:0])]
    for some in positions.split(batch) if len(positions) else ():
        energy, force = _Stack(numbers, len(some)).answer(model, some, create_graph=False)
        energies.append(energy)
        forces.append(force)
    return torch.cat(energies), torch.cat(forces)


def _check(numbers: Tensor, positions: Tensor) -> None:
    if numbers.ndim != 1 or positions.ndim != 3 or positions.shape[1:] != (len(numbers), 3):
        raise ValueError(
            f"numbers have shape {tuple(numbers.shape)} and positions {tuple(positions.shape)}; "
            "expected (n,) and (frames, n, 3): one list of elements, the same in all frames"
        )


class _Stack:
    """Copies of one molecule as one graph, in which all pairs of atoms of a copy are edges."""

    def __init__(self, numbers: Tensor, copies: int) -> None:
        n, device = len(numbers), numbers.device
        atom = torch.arange(n, device=device)
        target, source = torch.cartesian_prod(atom, atom).unbind(dim=1) if n else (atom, atom)
        different = source != target
        first = n * torch.arange(copies, device=device)[:, None]
        source = (first + source[different]).flatten()
        target = (first + target[different]).flatten()
        none = torch.zeros(len(source), 3, device=device)
        self.numbers = numbers.repeat(copies)
        self.batch = torch.arange(copies, device=device).repeat_interleave(n)
        self.edges = Neighbours(source, target, none, none.long(), n * copies)

    def answer(
        self, model: ForceField, positions: Tensor, create_graph: bool | None = None
    ) -> tuple[Tensor, Tensor]:
        energy, force = model.energy_and_forces(
            self.numbers,
            positions.flatten(0, 1),
            batch=self.batch,
            edges=self.edges,
            create_graph=create_graph,
        )
        return energy, force.unflatten(0, positions.shape[:2])
