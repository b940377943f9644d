"""Learning curves of forces on ethanol: python book/experiments/force_curves.py --processes 2.

How much data does a network need that is told about rotations, and one that has to learn them? Each
training is a row of `book/results/force_curves.json`: a model, a number of conformations, a seed.
Stop it whenever you like; the next run goes on. All of it takes about half an hour on two cores.

Test frames come from dynamics that share nothing with those of the training frames: the molecule's
frames are 20 chains of 80, each with its own random numbers, and the last five chains are the test.
Learning rates were chosen on chains 12 to 14, from a few values, one for all equivariant models.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from coursetools.results import Row, run_experiment
from equivar.data import molecules
from equivar.models import ForceField, PlainForceField, matched, parameter_count
from equivar.rotations import random_rotations
from equivar.train import fit, fit_forces, predict_forces

RESULTS = Path(__file__).parent.parent / "results" / "force_curves.json"
MOLECULE = "ethanol"
SIZES, SEEDS = (25, 50, 100, 200, 400, 800), range(5)
N_TRAIN = 1200  # frames 0 to 1199 are chains 0 to 14, the others chains 15 to 19
BATCH, STEPS, LONGER, QUICK = 16, 600, 2, 30


@dataclass(frozen=True)
class Model:
    """What is trained. Without irreps it is the unconstrained network on coordinates."""

    irreps: str = ""
    lr: float = 0.1
    steps: int = STEPS
    turned: bool = False  # each frame of each step by a fresh random rotation
    width: int | None = None  # None: as many parameters as the largest equivariant model


MODELS = {
    "invariant": Model("24x0e"),
    "equivariant, lmax 1": Model("18x0e + 14x1o"),
    "equivariant, lmax 2": Model("16x0e + 12x1o + 8x2e"),
    "unconstrained, augmented": Model(lr=1e-2, turned=True),
    "unconstrained, upright": Model(lr=1e-2),
    "unconstrained, augmented, large, long": Model(
        lr=1e-3, steps=20 * STEPS, turned=True, width=256
    ),
}


def job(model: str, size: int, seed: int, steps: int) -> Row:
    """The settings of one training."""
    lr = MODELS[model].lr
    settings: Row = {"molecule": MOLECULE, "model": model, "size": size, "seed": seed}
    return {**settings, "steps": steps, "batch": BATCH, "lr": lr}


def all_jobs() -> list[Row]:
    """All trainings, seed by seed, so that what is there early is already a picture."""
    curves = [
        job(name, size, seed, model.steps)
        for seed in SEEDS
        for name, model in MODELS.items()
        for size in SIZES
    ]
    # Are the right ends of the curves short of data, or of steps?
    longer = [
        job(name, SIZES[-1], seed, LONGER * model.steps)
        for seed in SEEDS
        for name, model in MODELS.items()
        if model.irreps
    ]
    return curves + quick_jobs() + longer


def quick_jobs() -> list[Row]:
    """Trainings of a second, which the tests repeat."""
    return [job(name, SIZES[0], 0, QUICK) for name in MODELS]


def force_field(irreps: str, numbers: Tensor, unit: float) -> ForceField:
    """An equivariant force field; cutoff and radial features are those of the whole comparison."""
    return ForceField(
        species=tuple(sorted(set(numbers.tolist()))),
        irreps_hidden=irreps,
        layers=2,
        cutoff=4.0,
        n_radial=8,
        radial_hidden=(16,),
        n_neighbours=8.0,
        scale=unit,
    )


def plain(model: Model, positions: Tensor, numbers: Tensor, unit: float) -> PlainForceField:
    """The network on coordinates, standardized by the training frames as it will see them."""
    if model.turned:  # turned at random, each coordinate has mean zero and the same size
        center = torch.zeros_like(positions[0])
        scale = positions.square().mean(dim=(0, 2), keepdim=True)[0].sqrt().expand_as(center)
    else:
        center, scale = positions.mean(dim=0), positions.std(dim=0)
    if model.width is not None:
        return PlainForceField(center, scale, model.width, unit)
    like = force_field(MODELS["equivariant, lmax 2"].irreps, numbers, unit)
    return matched(lambda width: PlainForceField(center, scale, width, unit), like)


def turn(
    inputs: list[Tensor], targets: Tensor, generator: torch.Generator
) -> tuple[list[Tensor], Tensor]:
    """Turn each frame by its own random rotation, and its forces along with it."""
    R = random_rotations(len(targets), generator=generator).to(targets)
    return [x @ R.mT for x in inputs], targets @ R.mT


def train(settings: Row, clock: Callable[[], float] = time.perf_counter) -> Row:
    """Train one model and measure it; the same job gives the same numbers."""
    torch.set_num_threads(1)
    model, seed, size = MODELS[str(settings["model"])], int(settings["seed"]), int(settings["size"])  # type: ignore
    data = molecules(str(settings["molecule"]))
    x, forces = data.positions.float(), data.forces.float()
    # The larger sets of a seed hold its smaller ones; another seed draws others.
    rows = torch.randperm(N_TRAIN, generator=torch.Generator().manual_seed(seed))[:size]
    unit = forces[rows].square().mean().sqrt().item()
    energies = (data.energies - data.energies[rows].mean()).float()
    schedule: dict[str, Any] = {name: settings[name] for name in ("steps", "batch", "lr", "seed")}

    net: nn.Module
    if model.irreps:  # one step before the clock runs, so that it does not count compilation
        net = force_field(model.irreps, data.numbers, unit)
        fit_forces(net, data.numbers, x[:2], energies[:2], forces[:2], steps=1)
    torch.manual_seed(seed)
    start = clock()
    if model.irreps:
        net = force_field(model.irreps, data.numbers, unit)
        fit_forces(net, data.numbers, x[rows], energies[rows], forces[rows], **schedule)
    else:
        net = plain(model, x[rows], data.numbers, unit)
        augment = turn if model.turned else None
        fit(net, [x[rows]], forces[rows], augment=augment, **schedule)
    seconds = clock() - start

    def predict(positions: Tensor) -> Tensor:
        if isinstance(net, ForceField):
            return predict_forces(net, data.numbers, positions)[1]
        with torch.no_grad():
            out: Tensor = net(positions)
        return out

    test, wanted = x[N_TRAIN:], forces[N_TRAIN:]
    (turned,), wanted_turned = turn([test], wanted, torch.Generator().manual_seed(1000))
    out, out_turned = predict(test), predict(turned)
    _, expected = turn([test], out, torch.Generator().manual_seed(1000))

    def mae(found: Tensor, reference: Tensor) -> float:
        return round(1000 * (found - reference).abs().mean().item(), 2)

    return {
        "parameters": parameter_count(net),
        "seconds": round(seconds, 3),
        "train_mae": mae(predict(x[rows]), forces[rows]),
        "test_mae": mae(out, wanted),
        "turned_mae": mae(out_turned, wanted_turned),
        "equivariance_error": float(f"{((out_turned - expected).norm() / out.norm()).item():.2g}"),
    }


def main() -> None:
    """Do what is missing."""
    about: Row = {
        "molecule": MOLECULE,
        "labels": "GFN2-xTB",
        "unit": "meV/angstrom, mean over components",
        "test_frames": len(molecules(MOLECULE).positions) - N_TRAIN,
        "zero_mae": round(1000 * molecules(MOLECULE).forces[N_TRAIN:].abs().mean().item(), 2),
        "torch": torch.__version__,
    }
    run_experiment(__doc__, RESULTS, about, all_jobs(), train, quick_jobs())


if __name__ == "__main__":
    main()
