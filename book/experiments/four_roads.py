"""Four roads to a symmetry: python book/experiments/four_roads.py.

Representation, loss, canonical frame, architecture: one task, equal parameters, equal steps. Each
training is a row of `book/results/four_roads.json`: a task, a road, a seed. Three tasks: the energy
of six charges at the corners of a shaken octahedron, the handedness of the same cloud, and the
energy of malonaldehyde. Training clouds are all held the same way; test clouds are turned.

Stop it whenever you like; the next run goes on. All of it takes about ten minutes on one core.
Learning rates were chosen from a few values, one training each, on clouds that the test does not
have: for each task one for networks on numbers, one where they are turned in training, and one for
networks of the library.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from coursetools.results import Row, run_experiment
from equivar.data import molecules, platonic_solid
from equivar.frames import gram, pairwise_distances
from equivar.models import EnergyNet, EuclideanNet, matched, mlp, parameter_count
from equivar.rotations import random_rotations
from equivar.train import fit

RESULTS = Path(__file__).parent.parent / "results" / "four_roads.json"
SEEDS, QUICK, BATCH = range(5), 100, 64
STEPS = {"charges": 1500, "handedness": 500, "malonaldehyde": 1000}
LR = {  # networks on numbers, on turned coordinates, of the library
    "charges": (3e-3, 1e-2, 3e-2),
    "handedness": (3e-3, 1e-2, 3e-2),
    "malonaldehyde": (1e-3, 3e-3, 1e-2),
}
N_TRAIN, N_TEST, SHAKE = 2000, 1000, 0.15
PENALTY = 1.0
CHARGES = torch.tensor([2.0, -1.0, 1.0, -2.0, 1.0, -1.0]).double()
CUBE = torch.stack(  # the 24 rotations of a cube: signed permutation matrices, determinant 1
    [
        torch.diag(torch.tensor(signs)) @ torch.eye(3)[list(order)]
        for order in itertools.permutations(range(3))
        for signs in itertools.product((1.0, -1.0), repeat=3)
    ]
).double()
CUBE = CUBE[torch.linalg.det(CUBE) > 0]


# ---- what a network reads: (b, n, 3) to (b, images, numbers) ----------------------------------


def centered(x: Tensor) -> Tensor:
    """Clouds with their mean at the origin."""
    return x - x.mean(dim=-2, keepdim=True)


def coordinates(x: Tensor) -> Tensor:
    """The table as it stands, centered: one image of 3 n numbers."""
    return centered(x).flatten(-2)[:, None]


def gram_matrix(x: Tensor) -> Tensor:
    """The inner products of every two positions, each pair once, squared lengths too."""
    i, j = torch.triu_indices(x.shape[-2], x.shape[-2])
    return gram(centered(x))[:, None, i, j]


def distances(x: Tensor) -> Tensor:
    """The distances of every two points, each pair once."""
    i, j = torch.triu_indices(x.shape[-2], x.shape[-2], offset=1)
    return pairwise_distances(x)[:, None, i, j]


def in_frames(x: Tensor, proper: bool = False) -> Tensor:
    """The coordinates in all eight principal frames (proper: four), one image for each.

    As `pca_frames`, for many clouds at once: in a loop, the loop would be most of the seconds.
    """
    r = centered(x)
    axes = torch.linalg.eigh(r.mT @ r / x.shape[-2])[1][:, None]  # (b, 1, 3, 3)
    signs = torch.cartesian_prod(*[torch.tensor([1.0, -1.0]).to(x)] * 3)
    frames = axes * signs[:, None, :]  # (b, 8, 3, 3)
    if proper:
        right = torch.linalg.det(frames).argsort(dim=1, descending=True, stable=True)[:, :4]
        frames = frames[torch.arange(len(x))[:, None], right]
    return (r[:, None] @ frames).flatten(-2)


def canonical(x: Tensor, proper: bool = False) -> Tensor:
    """The coordinates in one principal frame: that with the largest sum of cubes."""
    images = in_frames(x, proper)
    best = images.pow(3).sum(dim=-1).argmax(dim=1)
    return images[torch.arange(len(x)), best][:, None]


def proper_canonical(x: Tensor) -> Tensor:
    """The same with right-handed frames alone, so that a mirror image is another cloud."""
    return canonical(x, proper=True)


def cube_images(x: Tensor) -> Tensor:
    """The cloud in the 24 orientations of a cube."""
    return (centered(x)[:, None] @ CUBE.to(x).mT).flatten(-2)


# ---- the roads ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Road:
    """How a network is told: by what it reads, by its loss, or by how it is built."""

    kind: str
    read: Callable[[Tensor], Tensor] = coordinates
    turned: str = ""  # "augment" or "penalty": what random rotations do in training
    net: str = "mlp"


ROADS = {
    "nothing": Road("none"),
    "augmentation": Road("loss", turned="augment"),
    "penalty": Road("loss", turned="penalty"),
    "PCA frame": Road("frame", canonical),
    "frame average": Road("frame", in_frames),
    "PCA frame, proper": Road("frame", proper_canonical),
    "cube average": Road("architecture", cube_images),
    "Gram matrix": Road("representation", gram_matrix),
    "distances": Road("representation", distances),
    "distances, shared": Road("architecture", net="EnergyNet"),
    "vectors": Road("architecture", net="EuclideanNet"),
}
COMMON = ["nothing", "augmentation", "penalty", "PCA frame", "frame average", "cube average"]
COMMON += ["Gram matrix", "distances", "vectors"]
TASKS = {
    "charges": COMMON,
    "handedness": ["augmentation", "PCA frame", "PCA frame, proper", *COMMON[-3:]],
    "malonaldehyde": [*COMMON, "distances, shared"],
}


class OnImages(nn.Module):
    """A network on standardized numbers, averaged over the images of a cloud."""

    shift: Tensor
    scale: Tensor

    def __init__(self, shift: Tensor, scale: Tensor, width: int) -> None:
        super().__init__()
        self.register_buffer("shift", shift)
        self.register_buffer("scale", scale)
        self.net = mlp(len(shift), width, width, 1, activation=nn.Tanh)

    def forward(self, images: Tensor, turned: Tensor | None = None) -> Tensor:
        """Answers (b,); with turned clouds too, (b, 2): answers, and how they changed."""
        y: Tensor = self.net((images - self.shift) / self.scale).squeeze(-1).mean(dim=-1)
        return y if turned is None else torch.stack([y, self(turned) - y], dim=-1)


class OnPoints(nn.Module):
    """A network of the library that reads points, as a function of coordinates."""

    def __init__(self, numbers: Tensor, odd: bool = False, width: int | None = None) -> None:
        super().__init__()
        self.numbers, self.energy = numbers, width is not None
        self.kinds = sorted(set(numbers.tolist()))
        if width is not None:
            self.net: nn.Module = EnergyNet(tuple(self.kinds), width=width)
            return
        large = "24x0e + 12x1o" if len(self.kinds) < len(numbers) else "16x0e + 8x1o"
        hidden = "8x0e + 4x0o + 4x1o + 4x1e" if odd else large
        self.net = EuclideanNet(
            f"{len(self.kinds)}x0e",
            "0o" if odd else "0e",
            hidden,
            layers=3 if odd else 2,
            lmax=1,
            cutoff=5.0,
            radial_hidden=(16,),
            n_neighbours=len(numbers) - 1.0,
        )

    def forward(self, images: Tensor) -> Tensor:
        """Answers (b,) for coordinates (b, 1, 3 n)."""
        x = images.reshape(len(images), len(self.numbers), 3)
        if self.energy:
            y: Tensor = self.net(self.numbers, x)
            return y
        hot = (self.numbers[:, None] == torch.tensor(self.kinds)).to(x).repeat(len(x), 1)
        batch = torch.arange(len(x)).repeat_interleave(x.shape[1])
        out: Tensor = self.net(hot, x.flatten(0, 1), batch=batch)
        return out.squeeze(-1)


# ---- the tasks ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """Clouds all held one way, targets with mean 0 and deviation 1 over the training clouds."""

    numbers: Tensor
    train: Tensor
    test: Tensor
    y_train: Tensor
    y_test: Tensor


def shaken(n: int, seed: int) -> Tensor:
    """Octahedra of edge 2^(1/2), each corner moved at random; (n, 6, 3)."""
    draw = torch.Generator().manual_seed(seed)
    corners = platonic_solid("octahedron")[0]
    return corners + SHAKE * torch.randn(n, 6, 3, generator=draw, dtype=torch.float64)


def coulomb(x: Tensor) -> Tensor:
    """The sum of q_i q_j / d_ij over all pairs."""
    i, j = torch.triu_indices(6, 6, offset=1)
    q = CHARGES.to(x)
    return (q[i] * q[j] / pairwise_distances(x)[..., i, j]).sum(dim=-1)


def handedness(x: Tensor) -> Tensor:
    """The volume, with its sign, that three corners span with the center."""
    a, b, c = centered(x)[..., [0, 2, 4], :].unbind(dim=-2)
    return torch.linalg.vecdot(a, torch.linalg.cross(b, c))


@cache
def task(name: str, validation: bool = False) -> Task:
    """A task by its name; validation clouds are those that learning rates were chosen on."""
    if name == "malonaldehyde":
        data = molecules(name)
        x, y, numbers = data.positions, data.energies, data.numbers
        # Frames come in 20 chains of 80: the test shares none with the training.
        n, end = (960, 1200) if validation else (1200, 1600)
        train, test, y_train, y_test = x[:n], x[n:end], y[:n], y[n:end]
    else:
        train, test = shaken(N_TRAIN, seed=0), shaken(N_TEST, seed=2 if validation else 1)
        if name == "handedness":  # every second cloud in a mirror
            for some in (train, test):
                some[::2, :, 0] *= -1
        target = coulomb if name == "charges" else handedness
        y_train, y_test, numbers = target(train), target(test), torch.arange(6)
    mean, std = y_train.mean(), y_train.std()
    return Task(numbers, train, test, (y_train - mean) / std, (y_test - mean) / std)


def turn(x: Tensor, generator: torch.Generator) -> Tensor:
    """Each cloud by its own random rotation; flat tables (b, 1, 3 n) too."""
    R = random_rotations(len(x), generator=generator).to(x)
    return (x.reshape(len(x), -1, 3) @ R.mT).reshape(x.shape)


# ---- one training -------------------------------------------------------------------------------


def build(name: str, given: Task, inputs: Tensor, odd: bool) -> nn.Module:
    """The network of a road, all of about one size."""
    road = ROADS[name]
    like = OnPoints(given.numbers, odd)
    if road.net == "EuclideanNet":
        return like
    if road.net == "EnergyNet":
        return matched(lambda width: OnPoints(given.numbers, width=width), like)
    flat = inputs.flatten(0, 1)
    shift, scale = flat.mean(dim=0), flat.std(dim=0)
    if road.turned:  # turned at random, each coordinate has mean zero and the same size
        shift = torch.zeros_like(shift)
        scale = inputs.square().mean().sqrt() * torch.ones_like(scale)
    return matched(lambda width: OnImages(shift, scale, width), like)


def train_road(
    name: str, given: Task, *, steps: int, lr: float, seed: int, odd: bool = False
) -> tuple[nn.Module, Callable[[Tensor], Tensor], float]:
    """Train one network; return it, the function of clouds (b, n, 3) that it is, and seconds."""
    road = ROADS[name]
    start = time.process_time()
    inputs = road.read(given.train).float()
    torch.manual_seed(seed)
    net = build(name, given, inputs, odd)
    settings: dict[str, Any] = {"steps": steps, "lr": lr, "seed": seed, "batch": BATCH}
    y = given.y_train.float()
    if road.turned == "augment":
        fit(net, [inputs], y, augment=lambda xs, y, g: ([turn(xs[0], g)], y), **settings)
    elif road.turned == "penalty":
        fit(
            net,
            [inputs],
            torch.stack([y, torch.zeros_like(y)], dim=-1),
            augment=lambda xs, y, g: ([xs[0], turn(xs[0], g)], y),
            loss=lambda found, y: (found - y).square().mean(dim=0) @ torch.tensor([1.0, PENALTY]),
            **settings,
        )
    else:
        fit(net, [inputs], y, **settings)
    seconds = time.process_time() - start

    net.double()  # in float64 a symmetry that holds is told from one that is broken

    def answer(x: Tensor) -> Tensor:
        with torch.no_grad():
            out: Tensor = net(road.read(x.double()))
        return out

    return net, answer, seconds


def measure(answer: Callable[[Tensor], Tensor], given: Task) -> Row:
    """Mean squared errors in units of the variance, and how far the answers move."""
    x = given.test
    turned = turn(x, torch.Generator().manual_seed(1000))
    y, y_turned, y_mirror = answer(x), answer(turned), answer(x * torch.tensor([-1.0, 1, 1]))
    wanted, power = given.y_test, given.y_test.var()

    def short(value: Tensor) -> float:
        return float(f"{value.item():.4g}")

    return {
        "upright": short((y - wanted).square().mean() / power),
        "turned": short((y_turned - wanted).square().mean() / power),
        "symmetry_error": short((y_turned - y).norm() / y.norm()),
        "mirror_error": short((y_mirror - y).norm() / y.norm()),
    }


def job(name: str, road: str, seed: int, steps: int | None = None) -> Row:
    """The settings of one training."""
    chosen = ROADS[road]
    lr = LR[name][2 if chosen.net != "mlp" else 1 if chosen.turned else 0]
    return {"task": name, "road": road, "seed": seed, "steps": steps or STEPS[name], "lr": lr}


def all_jobs() -> list[Row]:
    """All trainings, seed by seed, and short ones that the tests repeat."""
    full = [job(name, road, s) for s in SEEDS for name, some in TASKS.items() for road in some]
    return full + quick_jobs()


def quick_jobs() -> list[Row]:
    """Trainings of a second, one of each kind."""
    some = ("penalty", "PCA frame, proper", "distances", "vectors")
    tasks = ("charges", "handedness", "malonaldehyde", "charges")
    return [job(name, road, 0, QUICK) for name, road in zip(tasks, some, strict=True)]


def train(settings: Row, validation: bool = False) -> Row:
    """Train one network and measure it; the same job gives the same numbers."""
    torch.set_num_threads(1)
    name, road = str(settings["task"]), str(settings["road"])
    given = task(name, validation)
    schedule = {key: settings[key] for key in ("steps", "lr", "seed")}
    odd = name == "handedness"
    train_road(road, given, steps=1, lr=1e-3, seed=0, odd=odd)  # compiles, before the clock runs
    net, answer, seconds = train_road(road, given, odd=odd, **schedule)  # type: ignore[arg-type]
    found: Row = {"parameters": parameter_count(net), "seconds": round(seconds, 2)}
    return found | measure(answer, given)


def main() -> None:
    """Do what is missing."""
    about: Row = {"unit": "variance of the test targets", "torch": torch.__version__}
    run_experiment(__doc__, RESULTS, about, all_jobs(), train, quick_jobs())


if __name__ == "__main__":
    main()
