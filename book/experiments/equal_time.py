"""Augmentation against architecture at equal time: python book/experiments/equal_time.py.

A step of one network costs more than a step of another. Here each has the same seconds: the number
of steps is the seconds over what a step of this network costs, and the learning rate falls to zero
at the end of each training. Three tasks: the pull of four charges on a fifth, the dipole moment of
ethanol (both from `augmentation_cost.py`), and the forces in ethanol (from `force_curves.py`, with
800 conformations). Each training is a row of `book/results/equal_time.json`.

Stop it whenever you like; the next run goes on. All of it takes about ten minutes on one core.
Seconds are those of one processor thread, so that other work on the machine does not count. Rates
for vectors were chosen from 0.03, 0.01 and 0.003 for each network and task, one training of 4 s, on
data that neither training nor test has; rates for forces are those of `force_curves.py`.
"""

from __future__ import annotations

import time
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import augmentation_cost as cost
import force_curves
import torch
from torch import nn

from coursetools.results import Row, run_experiment
from equivar.models import parameter_count
from equivar.train import fit

RESULTS = Path(__file__).parent.parent / "results" / "equal_time.json"
SEEDS, BUDGETS, QUICK, SIZE = range(5), (0.5, 2, 8), 50, 800


@dataclass(frozen=True)
class Entry:
    """A network in one task."""

    ms: float  # what a step costs: the middle of eight timings, all networks in turns
    lr: float
    model: str  # in the script that it comes from


ENTRIES = {
    "pull": {
        "equivariant": Entry(0.74, 0.03, "equivariant"),
        "equivariant, wide": Entry(0.92, 0.03, "equivariant"),
        "augmented": Entry(0.90, 0.03, "augmented"),
        "augmented, wide": Entry(1.00, 0.01, "augmented, wide"),
    },
    "dipole": {
        "equivariant": Entry(1.03, 0.03, "equivariant"),
        "equivariant, wide": Entry(1.14, 0.01, "equivariant"),
        "augmented": Entry(1.13, 0.03, "augmented"),
        "augmented, wide": Entry(1.25, 0.03, "augmented, wide"),
    },
    "forces": {
        "equivariant": Entry(15.6, 0.1, "equivariant, lmax 1"),
        "augmented": Entry(1.32, 0.01, "unconstrained, augmented"),
        "augmented, wide": Entry(1.45, 0.001, "unconstrained, augmented, large, long"),
    },
}


def job(task: str, network: str, seed: int, budget: float, steps: int) -> Row:
    """The settings of one training."""
    settings: Row = {"task": task, "network": network, "seed": seed}
    return {**settings, "budget": budget, "steps": steps, "lr": ENTRIES[task][network].lr}


def all_jobs() -> list[Row]:
    """All trainings, seed by seed, the networks of a budget side by side."""
    return quick_jobs() + [
        job(task, network, seed, budget, round(1000 * budget / entry.ms))
        for seed in SEEDS
        for task, entries in ENTRIES.items()
        for budget in BUDGETS
        for network, entry in entries.items()
    ]


def quick_jobs() -> list[Row]:
    """Trainings of a moment, which the tests repeat; a budget of 0 stands for none."""
    return [job(task, name, 0, 0, QUICK) for task in ENTRIES for name in ENTRIES[task]]


def vectors(settings: Row) -> Row:
    """Train a network whose answer is one vector; errors are relative."""
    task, network = str(settings["task"]), str(settings["network"])
    given, model = cost.task(task), cost.MODELS[ENTRIES[task][network].model]
    x, y = given.x.float(), given.y.float()
    torch.manual_seed(int(settings["seed"]))  # type: ignore[call-overload]
    net: nn.Module
    wide = network == "equivariant, wide"
    net = cost.VectorNet(x, cost.WIDE) if wide else cost.build(model, x)
    schedule: dict[str, Any] = {name: settings[name] for name in ("steps", "lr", "seed")}
    augment = cost.turn if model.turned else None
    start = time.process_time()
    fit(net, [x], y, batch=cost.BATCH, augment=augment, **schedule)
    seconds = time.process_time() - start
    found = cost.errors(deepcopy(net).double(), given)
    test, rotation = found["test"], found["rotation"]
    return {
        "parameters": parameter_count(net),
        "seconds": round(seconds, 3),
        "test": test,
        "rotation": rotation,
    }


def forces(settings: Row) -> Row:
    """Train a network on forces; the error is in meV/angstrom, on turned frames."""
    name = ENTRIES["forces"][str(settings["network"])].model
    seed, steps = int(settings["seed"]), int(settings["steps"])  # type: ignore[call-overload]
    found = force_curves.train(force_curves.job(name, SIZE, seed, steps), time.process_time)
    return {
        "parameters": found["parameters"],
        "seconds": found["seconds"],
        "test": found["turned_mae"],
        "rotation": found["equivariance_error"],
    }


def train(settings: Row) -> Row:
    """Train one network and measure it; the same job gives the same numbers."""
    torch.set_num_threads(1)
    return forces(settings) if settings["task"] == "forces" else vectors(settings)


def main() -> None:
    """Do what is missing."""
    about: Row = {
        "unit": "relative root mean squared error; forces: meV/angstrom, mean over components",
        "seconds": "of one processor thread",
        "torch": torch.__version__,
    }
    run_experiment(__doc__, RESULTS, about, all_jobs(), train, quick_jobs())


if __name__ == "__main__":
    main()
