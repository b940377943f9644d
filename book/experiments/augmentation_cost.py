"""What augmentation costs in steps: python book/experiments/augmentation_cost.py.

One network is told about rotations by its architecture, others by turned copies of their data. How
many steps does each need for the same error? Two tasks whose labels are vectors: the pull of four
charges on a fifth, and the dipole moment of ethanol. Each training is a row of
`book/results/augmentation_cost.json`: a task, a model, a number of steps, a seed.

Stop it whenever you like; the next run goes on. All of it takes about four minutes on one core.
Learning rates were chosen from three values each, one training of 4,000 steps (1,000 for the
equivariant network), on data that neither training nor test has.
"""

from __future__ import annotations

import time
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from coursetools.results import Row, run_experiment
from equivar.data import molecules, platonic_solid
from equivar.frames import gram
from equivar.measure import equivariance_error
from equivar.models import matched, mlp, parameter_count
from equivar.rotations import random_rotations
from equivar.train import fit

RESULTS = Path(__file__).parent.parent / "results" / "augmentation_cost.json"
SEEDS, BATCH, WIDTH, WIDE, QUICK = range(5), 64, 32, 128, 50
CHARGES = torch.tensor([2.0, -1.0, 1.0, -2.0]).double()
SHAKE, N_TRAIN, N_TEST = 0.3, 400, 1000


# ---- the two networks ---------------------------------------------------------------------------


class VectorNet(nn.Module):
    """A weight for each point, read from inner products, times where the point is."""

    i: Tensor
    j: Tensor
    shift: Tensor
    scale: Tensor

    def __init__(self, x: Tensor, width: int = WIDTH) -> None:
        super().__init__()
        n = x.shape[-2]
        pairs = torch.triu_indices(n, n)
        self.register_buffer("i", pairs[0])
        self.register_buffer("j", pairs[1])
        products = gram(x - x.mean(dim=-2, keepdim=True))[:, pairs[0], pairs[1]]
        self.register_buffer("shift", products.mean(dim=0))
        self.register_buffer("scale", products.std(dim=0))
        self.net = mlp(len(self.i), width, width, n)

    def forward(self, x: Tensor) -> Tensor:
        """Clouds (b, n, 3) to vectors (b, 3)."""
        r = x - x.mean(dim=-2, keepdim=True)  # no shift survives
        products = gram(r)[:, self.i, self.j]  # no rotation and no reflection does
        weights = self.net((products - self.shift) / self.scale)
        return torch.einsum("bn,bnc->bc", weights, r)  # turns as the points turn


class PlainVectorNet(nn.Module):
    """The unconstrained control: the table of coordinates in, three numbers out."""

    def __init__(self, x: Tensor, width: int = WIDTH) -> None:
        super().__init__()
        self.size = float(x.square().mean().sqrt())
        self.net = mlp(x[0].numel(), width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Clouds (b, n, 3) to vectors (b, 3)."""
        y: Tensor = self.net(x.flatten(-2) / self.size)
        return y


def turn(
    inputs: list[Tensor], labels: Tensor, generator: torch.Generator
) -> tuple[list[Tensor], Tensor]:
    """Turn each cloud by its own random rotation, and its label along with it."""
    R = random_rotations(len(labels), generator=generator).to(labels)
    return [x @ R.mT for x in inputs], torch.einsum("bij,bj->bi", R, labels)


# ---- the two tasks ------------------------------------------------------------------------------


def pull(x: Tensor) -> Tensor:
    """The force on point 0 from four charges, each softened: (b, 5, 3) to (b, 3)."""
    r = x[:, 1:] - x[:, :1]
    falloff = (r.square().sum(dim=-1, keepdim=True) + 0.25).pow(-1.5)
    return (CHARGES.to(r)[:, None] * r * falloff).sum(dim=1)


def shaken(n: int, seed: int) -> Tensor:
    """A tetrahedron and its center, always held the same way, each point moved at random."""
    draw = torch.Generator().manual_seed(seed)
    corners = platonic_solid("tetrahedron")[0]
    shape = torch.cat([torch.zeros_like(corners[:1]), corners])
    return shape + SHAKE * torch.randn(n, 5, 3, generator=draw, dtype=torch.float64)


@dataclass(frozen=True)
class Task:
    """Clouds held one way with their labels; test clouds are turned, each by its own rotation."""

    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor


@cache
def task(name: str, validation: bool = False) -> Task:
    """A task by its name, labels in units of their root mean square, float64."""
    if name == "dipole":
        data = molecules("ethanol")
        x, y = data.positions, data.dipoles
        n, end = (960, 1200) if validation else (1200, 1600)  # whole chains of 80 frames
        (x, x_test), (y, y_test) = (x[:n], x[n:end]), (y[:n], y[n:end])
    else:
        x, x_test = shaken(N_TRAIN, seed=0), shaken(N_TEST, seed=2 if validation else 1)
        y, y_test = pull(x), pull(x_test)
    unit = y.square().sum(dim=-1).mean().sqrt()
    (x_test,), y_test = turn([x_test], y_test, torch.Generator().manual_seed(1000))
    return Task(x, y / unit, x_test, y_test / unit)


# ---- one training -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Model:
    """What is trained, and for how long."""

    lr: float
    steps: dict[str, tuple[int, ...]]  # by task
    equivariant: bool = False
    turned: bool = False
    width: int | None = None  # None: as many parameters as the equivariant network


MODELS = {
    "equivariant": Model(
        0.03,
        {"pull": (125, 250, 500, 1000, 2000), "dipole": (125, 250, 500, 1000, 2000)},
        equivariant=True,
    ),
    "augmented": Model(
        0.03,
        {"pull": (500, 1000, 2000, 4000, 8000), "dipole": (125, 500, 2000, 4000)},
        turned=True,
    ),
    "augmented, wide": Model(
        0.01, {"pull": (1000, 4000), "dipole": (4000,)}, turned=True, width=WIDE
    ),
    "never turned": Model(0.01, {"pull": (2000,), "dipole": (2000,)}),
}


def build(model: Model, x: Tensor) -> nn.Module:
    """The network, untrained."""
    like = VectorNet(x)
    if model.equivariant:
        return like
    if model.width is not None:
        return PlainVectorNet(x, model.width)
    return matched(lambda width: PlainVectorNet(x, width), like)


def learn(name: str, given: Task, *, steps: int, seed: int) -> tuple[nn.Module, float]:
    """Train a model in float32; return it in float64, and the seconds."""
    model, x, y = MODELS[name], given.x.float(), given.y.float()
    torch.manual_seed(seed)
    net = build(model, x)
    augment = turn if model.turned else None
    start = time.perf_counter()
    fit(net, [x], y, steps=steps, batch=BATCH, lr=model.lr, seed=seed, augment=augment)
    return deepcopy(net).double(), time.perf_counter() - start


def errors(net: nn.Module, given: Task) -> Row:
    """Test error and symmetry errors, relative."""
    with torch.no_grad():
        off = (net(given.x_test) - given.y_test).norm() / given.y_test.norm()
        fit_off = (net(given.x) - given.y).norm() / given.y.norm()
        R = random_rotations(1, torch.Generator().manual_seed(3))[0]
        moves = {  # what happens to positions, and what then must happen to the label
            "rotation": (lambda x: x @ R.mT, lambda y: y @ R.mT),
            "inversion": (lambda x: -x, lambda y: -y),
            "shift": (lambda x: x + torch.tensor([1.0, 0, 0]).to(x), lambda y: y),
        }
        broken = {
            kind: equivariance_error(net, given.x_test, *move).item()
            for kind, move in moves.items()
        }
    found = {"test": off.item(), "train": fit_off.item(), **broken}
    return {kind: float(f"{value:.4g}") for kind, value in found.items()}


def job(name: str, model: str, seed: int, steps: int) -> Row:
    """The settings of one training."""
    return {"task": name, "model": model, "seed": seed, "steps": steps, "lr": MODELS[model].lr}


def quick_jobs() -> list[Row]:
    """Trainings of a moment, which the tests repeat."""
    return [job(name, model, 0, QUICK) for name in ("pull", "dipole") for model in MODELS]


def all_jobs() -> list[Row]:
    """All trainings, seed by seed."""
    return quick_jobs() + [
        job(name, model, seed, steps)
        for seed in SEEDS
        for name in ("pull", "dipole")
        for model, settings in MODELS.items()
        for steps in settings.steps[name]
    ]


def train(settings: Row) -> Row:
    """Train one model and measure it; the same job gives the same numbers."""
    torch.set_num_threads(1)
    given = task(str(settings["task"]))
    seed, steps = int(settings["seed"]), int(settings["steps"])
    net, seconds = learn(str(settings["model"]), given, steps=steps, seed=seed)
    return {
        "parameters": parameter_count(net),
        "seconds": round(seconds, 3),
        **errors(net, given),
    }


def main() -> None:
    """Do what is missing."""
    about: Row = {"unit": "relative root mean squared error", "torch": torch.__version__}
    run_experiment(__doc__, RESULTS, about, all_jobs(), train, quick_jobs())


if __name__ == "__main__":
    main()
