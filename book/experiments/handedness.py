"""What keeps parity costs, and what it gives: python book/experiments/handedness.py.

Three tasks; rows of `book/results/handedness.json`.

* `tetris`: the eight shapes with the targets of e3nn's example, one row of seven numbers each: +1
  and -1 in the first column for the two mirror images, and one column for each other shape. The
  first output is a scalar or a pseudoscalar; the second mirror image is shown or withheld.
* `clouds`: four different points at the corners of a shaken tetrahedron, as the neighbors of a
  carbon atom. Is the volume that they span positive? From six distances, or from the points.
* `rotation`: a pseudoscalar of alanine dipeptide (`optical_rotation.py`) from its ten heavy atoms.
  Trained on frames of the L molecule alone, or on both hands; asked about frames of other chains of
  dynamics, and about their mirror images.

A quarter of an hour on one core; a run that was stopped goes on.
"""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from coursetools.results import Row, load_results, run_experiment
from equivar.data import molecules, platonic_solid, tetris
from equivar.frames import one_hot, pairwise_distances
from equivar.models import EuclideanNet, mlp, parameter_count
from equivar.rotations import random_rotations
from equivar.train import fit

RESULTS = Path(__file__).parent.parent / "results" / "handedness.json"
LABELS = RESULTS.with_name("optical_rotation.json")
SEEDS, ORIENTATIONS = range(5), 100
SHAPES = {"scalar": "7x0e", "pseudoscalar": "0o + 6x0e", "rotations only": "7x0e"}
# For each network of the last task: what it answers, whether it keeps parity.
NETS = {"scalar": ("0e", True), "pseudoscalar": ("0o", True), "rotations only": ("0e", False)}
TRAIN, SPECIES = 400, (6, 7, 8)  # frames of the first eight chains of twelve
STEPS, LR, BATCH = {"tetris": 600, "rotation": 400}, {"tetris": 0.02, "rotation": 0.01}, 16
CLOUDS, TEST, SHAKE, PAIRS = 200, 2000, 0.2, torch.triu_indices(4, 4, 1)
CLOUD_STEPS = {"distances": 800, "distances, both hands": 800, "pseudoscalar": 200}


def hidden(copies: int, parity: bool = True) -> str:
    """So many copies of each irrep to degree 2; without parity all are labeled even."""
    letters = "eo" if parity else "e"
    return " + ".join(f"{copies}x{l}{p}" for l in range(3) for p in letters)


class Cloud(nn.Module):
    """A network that answers once for each cloud (clouds, n, 3) of points of the same kinds."""

    def __init__(self, out: str, parity: bool, kinds: Tensor, copies: int, **options: float):
        super().__init__()
        self.kinds: Tensor
        self.register_buffer("kinds", kinds)
        self.net = EuclideanNet(
            f"{kinds.shape[1]}x0e",
            out,
            hidden(copies, parity),
            layers=3,
            parity=parity,
            n_radial=6,
            radial_hidden=(16,),
            **options,  # type: ignore[arg-type]
        )

    def forward(self, positions: Tensor) -> Tensor:
        """Answers (clouds, irreps_out.dim)."""
        clouds, n, _ = positions.shape
        batch = torch.arange(clouds).repeat_interleave(n)
        y: Tensor = self.net(self.kinds.repeat(clouds, 1), positions.flatten(0, 1), batch=batch)
        return y


# ---- eight shapes -------------------------------------------------------------------------------


def shape_net(first: str) -> Cloud:
    """The network of the first task, its first output a scalar or a pseudoscalar."""
    parity = first != "rotations only"
    return Cloud(SHAPES[first], parity, torch.ones(4, 1), copies=16, cutoff=3.5, n_neighbours=3.0)


def shape_targets() -> Tensor:
    """Rows (8, 7): +1 and -1 for the mirror images, one column for each of the others."""
    targets = torch.zeros(8, 7)
    targets[0, 0], targets[1, 0] = 1.0, -1.0
    targets[2:, 1:] = torch.eye(6)
    return targets


def random_features(first: str, seed: int) -> tuple[Tensor, Tensor]:
    """What the last layer would get of the shapes, weights at random: (8, 0e) and (8, 0o)."""
    torch.manual_seed(seed)
    net = shape_net(first)
    n_even = net.net.layers[-1].irreps_out.count("0e")  # type: ignore[union-attr, operator]
    net.net.head = nn.Identity()  # type: ignore[assignment]
    with torch.no_grad():
        features = net(tetris()[0].float()).double()
    return features[:, :n_even], features[:, n_even:]


def train_shapes(first: str, shown: Tensor, seed: int, steps: int) -> tuple[Cloud, Tensor]:
    """The trained network and its losses."""
    x, t = tetris()[0][shown].float(), shape_targets()[shown]
    torch.manual_seed(seed)
    net = shape_net(first)
    return net, fit(net, [x], t, steps=steps, lr=LR["tetris"], seed=seed)


def right(net: Cloud, orientations: int = ORIENTATIONS) -> Tensor:
    """Whether all seven numbers round to the target, (8, orientations)."""
    R = random_rotations(orientations, generator=torch.Generator().manual_seed(1000))
    turned = torch.einsum("rij,snj->srni", R.float(), tetris()[0].float()).flatten(0, 1)
    with torch.no_grad():
        answers = net(turned).unflatten(0, (8, orientations))
    return (answers.round() == shape_targets()[:, None]).all(dim=-1)


def do_tetris(job: Row) -> Row:
    """One training on the shapes."""
    shown = torch.tensor([0, *range(2 if job["withheld"] else 1, 8)])
    seed, steps = job["seed"], job["steps"]
    assert isinstance(seed, int)
    assert isinstance(steps, int)
    start = time.perf_counter()
    net, losses = train_shapes(str(job["net"]), shown, seed, steps)
    seconds, good = time.perf_counter() - start, right(net).float()
    return {
        "parameters": parameter_count(net),
        "seconds": round(seconds, 3),
        "loss": float(f"{losses[-1].item():.6g}"),
        "accuracy": round(good.mean().item(), 4),
        "withheld_accuracy": round(good[1].mean().item(), 4),
    }


# ---- four different points ----------------------------------------------------------------------


class Distances(nn.Module):
    """A number from the six distances of four points (clouds, 4, 3): the same for both hands."""

    def __init__(self, width: int = 256) -> None:
        super().__init__()
        self.net = mlp(6, width, width, 1)

    def forward(self, positions: Tensor) -> Tensor:
        """Answers (clouds, 1)."""
        distances = pairwise_distances(positions)[:, PAIRS[0], PAIRS[1]]
        y: Tensor = self.net(4 * (distances - 1.65))  # mean about 0, spread about 1
        return y


def clouds(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Shaken, relabeled, turned tetrahedra (n, 4, 3), and the signs of their volumes (n, 1)."""
    draw = torch.Generator().manual_seed(seed)
    order = torch.rand(n, 4, generator=draw).argsort(dim=1)
    points = platonic_solid("tetrahedron")[0].float()[order]
    points = points + SHAKE * torch.randn(n, 4, 3, generator=draw)
    points = points @ random_rotations(n, generator=draw).float().mT
    edges = points[:, 1:] - points[:, :1]
    return points, torch.linalg.det(edges).sign()[:, None]


def train_clouds(net: str, seed: int, steps: int) -> tuple[nn.Module, Tensor, Tensor]:
    """The trained network, and what it was trained on."""
    x, t = clouds(CLOUDS, seed)
    if "both" in net:
        x, t = torch.cat([x, -x]), torch.cat([t, -t])
    torch.manual_seed(seed)
    model = (
        Cloud("0o", True, torch.eye(4), copies=8, cutoff=8.0, n_neighbours=3.0)
        if net == "pseudoscalar"
        else Distances()
    )
    lr = LR["rotation"] if net == "pseudoscalar" else 5e-3
    fit(model, [x], t, steps=steps, lr=lr, seed=seed)
    return model, x, t


@torch.no_grad()
def share_right(model: nn.Module, x: Tensor, t: Tensor) -> float:
    """How often the sign is right."""
    return round((model(x).sign() == t).float().mean().item(), 4)


def do_clouds(job: Row) -> Row:
    """One training on four points."""
    seed, steps = job["seed"], job["steps"]
    assert isinstance(seed, int)
    assert isinstance(steps, int)
    start = time.perf_counter()
    model, x, t = train_clouds(str(job["net"]), seed, steps)
    return {
        "parameters": parameter_count(model),
        "seconds": round(time.perf_counter() - start, 3),
        "train": share_right(model, x, t),
        "test": share_right(model, *clouds(TEST, 10_000)),
    }


# ---- a real molecule ----------------------------------------------------------------------------


@cache
def frames() -> tuple[Tensor, Tensor, Tensor]:
    """Kinds (10, 3), positions (600, 10, 3) of the heavy atoms, and targets of root mean square 1.

    No mean is taken off: a mirror image has minus the target, and minus the mean.
    """
    data = molecules("alanine_dipeptide")
    heavy = data.numbers > 1
    rows = [row for row in load_results(LABELS)[0] if row["molecule"] == data.name]
    G = torch.tensor([value for row in rows for value in row["rotation"]])  # type: ignore[attr-defined]
    kinds = one_hot(data.numbers[heavy], torch.tensor(SPECIES)).float()
    scale = G[:TRAIN].square().mean().sqrt()
    return kinds, data.positions[:, heavy].float(), (G / scale).float()


def do_rotation(job: Row) -> Row:
    """One training on alanine dipeptide: root mean square errors, relative to the target's size."""
    kinds, positions, targets = frames()
    seed, steps, lr = job["seed"], job["steps"], job["lr"]
    assert isinstance(seed, int)
    assert isinstance(steps, int)
    assert isinstance(lr, float)
    x, t = positions[:TRAIN], targets[:TRAIN]
    if job["hands"] == "L and D":
        x, t = torch.cat([x, -x]), torch.cat([t, -t])
    out, parity = NETS[str(job["net"])]
    torch.manual_seed(seed)
    # Without parity half as many irreps are hidden, so there are more copies of each.
    net = Cloud(out, parity, kinds, copies=8 if parity else 12, cutoff=4.0, n_neighbours=5.0)
    start = time.perf_counter()
    losses = fit(net, [x], t[:, None], steps=steps, batch=BATCH, lr=lr, seed=seed)
    seconds = time.perf_counter() - start

    def error(some: Tensor, wanted: Tensor) -> float:
        with torch.no_grad():
            off = net(some)[:, 0] - wanted
        return round((off.square().mean() / wanted.square().mean()).sqrt().item(), 4)

    test, wanted = positions[TRAIN:], targets[TRAIN:]
    return {
        "parameters": parameter_count(net),
        "seconds": round(seconds, 3),
        "loss": float(f"{losses[-20:].mean().item():.4g}"),
        "train": error(x, t),
        "test_L": error(test, wanted),
        "test_D": error(-test, -wanted),
    }


def jobs(seeds: range = SEEDS) -> list[Row]:
    """All trainings."""
    shapes: list[Row] = [
        {"task": "tetris", "net": net, "withheld": withheld, "steps": STEPS["tetris"], "seed": s}
        for net, withheld in (
            ("scalar", False),
            ("pseudoscalar", False),
            ("pseudoscalar", True),
            ("rotations only", True),
        )
        for s in seeds
    ]
    shapes += [
        {"task": "clouds", "net": net, "steps": steps, "seed": s}
        for net, steps in CLOUD_STEPS.items()
        for s in seeds
    ]
    wanted = [(net, "L") for net in NETS] + [("scalar", "L and D")]
    common = {"steps": STEPS["rotation"], "lr": LR["rotation"]}
    return shapes + [
        {"task": "rotation", "net": net, "hands": hands, **common, "seed": s}
        for net, hands in wanted
        for s in seeds
    ]


def train(job: Row) -> Row:
    """Train one network and measure it; the same job gives the same numbers."""
    torch.set_num_threads(1)
    return {"tetris": do_tetris, "clouds": do_clouds, "rotation": do_rotation}[str(job["task"])](
        job
    )


def main() -> None:
    """Do what is missing."""
    about: Row = {"orientations": ORIENTATIONS, "torch": torch.__version__, "train_frames": TRAIN}
    run_experiment(__doc__, RESULTS, about, jobs(), train, jobs(range(1)))


if __name__ == "__main__":
    main()
