"""What lecture 09 trains: python book/experiments/euclidean_net.py --processes 2.

Two questions, each training a row of `book/results/euclidean_net.json`. Task "dipole": how many
conformations of ethanol does a network need to learn its dipole moment, a vector, if it is
equivariant, or learns from turned copies? Task "forces": what becomes of the learning curves of
`force_curves.py` if each training has twice the steps (here the left end, 25 conformations), or if
each model has as many seconds as the one of degree 2?

Stop it whenever you like; the next run goes on. All of it takes half an hour on one core. Test
frames are whole chains of dynamics that gave no training frame. Learning rates for dipoles were
chosen from three values each, on frames 960 to 1199, one training with 30 and one with 300 frames,
by the geometric mean of the two errors. Steps of dipoles are set so that all models take about the
same time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import augmentation_cost as cost
import force_curves
import torch
from torch import Tensor, nn

from coursetools.results import Row, run_experiment
from equivar.data import molecules
from equivar.frames import one_hot
from equivar.measure import equivariance_error
from equivar.models import EuclideanNet, matched, parameter_count
from equivar.rotations import random_rotations
from equivar.train import fit

RESULTS = Path(__file__).parent.parent / "results" / "euclidean_net.json"
SEEDS, SIZES, BATCH, QUICK = range(5), (10, 30, 100, 300, 1000), 16, 20
MATCHED_SIZES = (25, 100, 800)
LONGER_SIZE = 25  # longer trainings with 800 are among those of force_curves.py
STEP_MS = {  # what a step costs: the middle of eight timings, all models in turns
    "invariant": 11.5,
    "equivariant, lmax 1": 14.7,
    "equivariant, lmax 2": 17.2,
    "unconstrained, augmented": 1.19,
}


class DipoleNet(nn.Module):
    """Ethanol's dipole: what each atom says, added up. Vectors, or charges times positions."""

    element: Tensor

    def __init__(self, charges: bool = False) -> None:
        super().__init__()
        numbers = molecules("ethanol").numbers
        kinds = one_hot(numbers, torch.tensor([1, 6, 8]))
        self.register_buffer("element", kinds.float() * 3**0.5)
        self.charges = charges
        self.net = EuclideanNet(
            "3x0e",
            "0e" if charges else "1o",
            "26x0e" if charges else "16x0e + 12x1o",
            layers=2,
            lmax=0 if charges else 1,
            cutoff=4.0,
            n_radial=8,
            radial_hidden=(16,),
            n_neighbours=8.0,
            pool=None,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Clouds (b, 9, 3) to vectors (b, 3)."""
        b, n, _ = x.shape
        r = x - x.mean(dim=1, keepdim=True)
        cloud = torch.arange(b).repeat_interleave(n)
        y = self.net(self.element.to(x).repeat(b, 1), r.flatten(0, 1), batch=cloud)
        each = y.reshape(b, n, -1)
        total: Tensor = (each * r if self.charges else each).sum(dim=1)
        return total


@dataclass(frozen=True)
class Model:
    """What is trained on dipoles, and for how long."""

    lr: float
    steps: int
    turned: bool = False
    width: int | None = None  # of a network on coordinates; None: as many parameters


LARGE = "augmented, large"  # for the largest size alone
MODELS = {
    "equivariant": Model(0.1, 600),
    "invariant charges": Model(0.03, 800),
    "augmented": Model(0.03, 5000, turned=True),
    LARGE: Model(0.01, 4000, turned=True, width=256),
}


def build(name: str, x: Tensor) -> nn.Module:
    """The network, untrained."""
    model = MODELS[name]
    if not model.turned:
        return DipoleNet(charges=name == "invariant charges")
    if model.width is not None:
        return cost.PlainVectorNet(x, model.width)
    return matched(lambda width: cost.PlainVectorNet(x, width), DipoleNet())


def dipole(settings: Row) -> Row:
    """Train on dipoles; errors are relative, on turned test frames."""
    name, size, seed = str(settings["model"]), int(settings["size"]), int(settings["seed"])  # type: ignore[call-overload]
    given = cost.task("dipole")
    rows = torch.randperm(len(given.x), generator=torch.Generator().manual_seed(seed))[:size]
    x, y = given.x[rows].float(), given.y[rows].float()
    augment = cost.turn if MODELS[name].turned else None
    fit(build(name, x), [x[:2]], y[:2], steps=1)  # what is compiled is compiled
    torch.manual_seed(seed)
    net = build(name, x)
    start = time.process_time()
    fit(
        net,
        [x],
        y,
        steps=settings["steps"],  # type: ignore[arg-type]
        batch=BATCH,
        lr=settings["lr"],  # type: ignore[arg-type]
        seed=seed,
        augment=augment,
    )
    seconds = time.process_time() - start
    net = net.double()
    R = random_rotations(1, generator=torch.Generator().manual_seed(3))[0].double()
    with torch.no_grad():
        off = (net(given.x_test) - given.y_test).norm() / given.y_test.norm()
        fit_off = (net(given.x[rows]) - given.y[rows]).norm() / given.y[rows].norm()
        broken = equivariance_error(net, given.x_test, lambda v: v @ R.mT, lambda v: v @ R.mT)
    found = {"test": off.item(), "train": fit_off.item(), "rotation": broken.item()}
    return {
        "parameters": parameter_count(net),
        "seconds": round(seconds, 3),
        **{kind: float(f"{value:.4g}") for kind, value in found.items()},
    }


def dipole_job(name: str, size: int, seed: int, steps: int | None = None) -> Row:
    """The settings of one training on dipoles."""
    model = MODELS[name]
    settings: Row = {"task": "dipole", "model": name, "size": size, "seed": seed}
    return {**settings, "steps": steps or model.steps, "lr": model.lr}


def matched_steps(name: str) -> int:
    """Steps of a force field that take the time of degree 2, to the nearest hundred."""
    return 100 * round(force_curves.STEPS * STEP_MS["equivariant, lmax 2"] / STEP_MS[name] / 100)


def force_job(name: str, size: int, seed: int, steps: int) -> Row:
    """The settings of one training on forces."""
    return {"task": "forces", **force_curves.job(name, size, seed, steps)}


def all_jobs() -> list[Row]:
    """All trainings, seed by seed."""
    fields = [name for name, model in force_curves.MODELS.items() if model.irreps]
    twice = force_curves.LONGER * force_curves.STEPS
    others = [name for name in STEP_MS if matched_steps(name) != force_curves.STEPS]
    return quick_jobs() + [
        job
        for seed in SEEDS
        for job in (
            *(
                dipole_job(name, size, seed)
                for name in MODELS
                for size in (SIZES if name != LARGE else SIZES[-1:])
            ),
            *(force_job(name, LONGER_SIZE, seed, twice) for name in fields),
            *(
                force_job(name, size, seed, matched_steps(name))
                for size in MATCHED_SIZES
                for name in others
            ),
        )
    ]


def quick_jobs() -> list[Row]:
    """Trainings of a moment, which the tests repeat."""
    return [dipole_job(name, SIZES[1], 0, QUICK) for name in MODELS]


def train(settings: Row) -> Row:
    """Train one model and measure it; the same job gives the same numbers."""
    torch.set_num_threads(1)
    if settings["task"] == "dipole":
        return dipole(settings)
    return force_curves.train(settings, time.process_time)


def main() -> None:
    """Do what is missing."""
    about: Row = {
        "unit": "dipoles: relative root mean squared error; forces: meV/angstrom",
        "seconds": "of one processor thread",
        "torch": torch.__version__,
    }
    run_experiment(__doc__, RESULTS, about, all_jobs(), train, quick_jobs())


if __name__ == "__main__":
    main()
