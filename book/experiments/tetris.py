"""3D tetris, trained on one orientation: python book/experiments/tetris.py.

Eight shapes of four cubes, two of them mirror images. Rows of `book/results/tetris.json`: a network
that keeps O(3) or SO(3), with two layers or three, with a pseudoscalar or without, trained on each
shape once; and a network on coordinates, trained on 1 to 1024 turned copies of each shape. All are
asked for 200 random orientations of each shape. Two minutes on one core.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from coursetools.results import Row, run_experiment
from equivar.data import tetris
from equivar.models import EuclideanNet, PlainPointNet, matched, parameter_count
from equivar.rotations import random_rotations
from equivar.train import fit

RESULTS = Path(__file__).parent.parent / "results" / "tetris.json"
SEEDS, COPIES = range(5), (1, 4, 16, 64, 256, 1024)
ORIENTATIONS, ODD = 200, "7x0e + 0o"


@dataclass(frozen=True)
class Net:
    """A Euclidean network, and which shapes it is shown."""

    parity: bool = True
    layers: int = 3
    out: str = ODD
    withheld: tuple[int, ...] = ()


NETS = {
    "O(3)": Net(),
    "O(3), one mirror image withheld": Net(withheld=(1,)),
    "O(3), two layers": Net(layers=2),
    "O(3), no pseudoscalar": Net(out="8x0e"),
    "SO(3)": Net(parity=False, out="8x0e"),
    "SO(3), two layers": Net(parity=False, layers=2, out="8x0e"),
}
PLAIN, STEPS, PLAIN_STEPS = "coordinates", 200, 2000


class Tetris(nn.Module):
    """Scores of the eight shapes from a Euclidean network.

    A pseudoscalar o tells the two mirror images apart: their scores are s + o and s - o, with the
    same s, so that the mirror of a shape has its scores exchanged.
    """

    def __init__(self, parity: bool = True, layers: int = 3, out: str = ODD) -> None:
        super().__init__()
        self.is_odd = out == ODD
        letters = ("e", "o") if parity else ("e",)
        hidden = " + ".join(f"8x{l}{letter}" for l in range(3) for letter in letters)
        self.net = EuclideanNet(
            "0e",
            out,
            hidden,
            layers=layers,
            parity=parity,
            cutoff=3.5,
            n_radial=6,
            radial_hidden=(16,),
            n_neighbours=3.0,
        )

    def forward(self, positions: Tensor) -> Tensor:
        """Scores (clouds, 8) of clouds of four points (clouds, 4, 3)."""
        clouds, n, _ = positions.shape
        cloud = torch.arange(clouds).repeat_interleave(n)
        y: Tensor = self.net(
            positions.new_ones(clouds * n, 1), positions.flatten(0, 1), batch=cloud
        )
        if not self.is_odd:
            return y
        shared, odd = y[:, :1], y[:, 7:]
        return torch.cat([shared + odd, shared - odd, y[:, 1:7]], dim=1)


def turned(copies: int, seed: int) -> tuple[Tensor, Tensor]:
    """So many random orientations of each shape (8 copies, 4, 3), and the labels."""
    positions, labels = tetris()
    R = random_rotations(copies, generator=torch.Generator().manual_seed(seed))
    some = torch.einsum("rij,snj->rsni", R, positions).flatten(0, 1)
    return some.float(), labels.repeat(copies)


def jobs(seeds: Sequence[int] = SEEDS, copies: Sequence[int] = COPIES) -> list[Row]:
    """All trainings."""
    symmetric: list[Row] = [
        {"model": name, "copies": 1, "steps": STEPS, "lr": 0.03, "seed": seed}
        for name in NETS
        for seed in seeds
    ]
    return symmetric + [
        {"model": PLAIN, "copies": n, "steps": PLAIN_STEPS, "lr": 3e-3, "seed": seed}
        for n in copies
        for seed in seeds
    ]


def build(name: str) -> nn.Module:
    """The network of that name."""
    if name == PLAIN:
        return matched(lambda width: PlainPointNet(4, n_out=8, width=width), like=Tetris())
    return Tetris(NETS[name].parity, NETS[name].layers, NETS[name].out)


def train(job: Row) -> Row:
    """Train one network and measure it; the same job gives the same numbers."""
    torch.set_num_threads(1)
    name, copies, seed, steps = str(job["model"]), job["copies"], job["seed"], job["steps"]
    assert isinstance(copies, int)
    assert isinstance(seed, int)
    positions, labels = tetris()
    positions = positions.float()
    if name == PLAIN:
        positions, labels = turned(copies, seed=1 + seed)
    elif NETS[name].withheld:
        shown = [i for i in range(8) if i not in NETS[name].withheld]
        positions, labels = positions[shown], labels[shown]
    # One step before the clock runs, so that it does not count compilation.
    fit(build(name), [positions], labels, steps=1, loss=nn.functional.cross_entropy)
    torch.manual_seed(seed)
    net = build(name)
    start = time.perf_counter()
    losses = fit(
        net,
        [positions],
        labels,
        steps=steps,  # type: ignore[arg-type]
        lr=job["lr"],  # type: ignore[arg-type]
        seed=seed,
        loss=nn.functional.cross_entropy,
    )
    seconds = time.perf_counter() - start
    test, wanted = turned(ORIENTATIONS, seed=0)
    chiral = test[wanted < 2]
    with torch.no_grad():
        right = net(test).argmax(dim=1) == wanted
        scores, mirrored = net(chiral), net(-chiral)
    return {
        "parameters": parameter_count(net),
        "seconds": round(seconds, 3),
        "loss": float(f"{losses[-1].item():.3g}"),
        "accuracy": round(right.float().mean().item(), 4),
        "mirror_change": float(f"{((scores - mirrored).norm() / scores.norm()).item():.2g}"),
    }


def main() -> None:
    """Do what is missing."""
    about: Row = {"orientations": ORIENTATIONS, "torch": torch.__version__}
    run_experiment(__doc__, RESULTS, about, jobs(), train, jobs((0,), (1, 16)))


if __name__ == "__main__":
    main()
