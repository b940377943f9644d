"""Digits, trained upright and tested turned: python book/experiments/turned_digits.py.

Rows of `book/results/turned_digits.json`: a network that keeps the quarter turns, and a plain one
of equal size, shown upright digits or turned ones; trained on 50 to
1297 of the digits that the library ships, on few steps, and on a split that mixes the writers.
Three minutes of one core.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from coursetools.results import Row, run_experiment
from equivar.data import digits
from equivar.group_conv import GroupConv2d, GroupPool, LiftingConv2d, turn_images
from equivar.groups import Group, cyclic
from equivar.models import matched, parameter_count
from equivar.train import fit

RESULTS = Path(__file__).parent.parent / "results" / "turned_digits.json"
SEEDS, SIZES, STEPS, WIDTH = range(5), (50, 100, 200, 400, 1297), 400, 6
TIMED, FEWER_STEPS = 400, (50, 100, 200)
MIXED = 797
ANGLES = tuple(range(0, 361, 15))
UPRIGHT, QUARTER, ANY = "CNN, upright", "CNN, quarter turns", "CNN, any angle"
MAIN = (UPRIGHT, QUARTER, "C4")


class DigitNet(nn.Module):
    """Lift, convolve, see the whole image, pool over the group: scores that turns do not change.

    With the group of one element it is a plain convolutional network.

    Args:
        group: what it keeps.
        width: channels.
        pixels: height and width of the images, an even number.
    """

    def __init__(self, group: Group, width: int, pixels: int = 8) -> None:
        super().__init__()
        self.lift = LiftingConv2d(1, width, group, kernel_size=3)
        self.conv = GroupConv2d(width, width, group, kernel_size=3)
        self.see = GroupConv2d(width, 2 * width, group, kernel_size=4, padding=0)
        self.shrink = nn.AdaptiveAvgPool2d(pixels // 2)
        self.shrink_again = nn.AdaptiveAvgPool2d(4)
        self.pool = GroupPool("max")
        self.out = nn.Linear(2 * width, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Scores (batch, 10) of images (batch, 1, pixels, pixels)."""
        y = smaller(self.shrink, self.lift(images).relu())  # (batch, width, order, 4, 4)
        y = smaller(self.shrink_again, self.conv(y).relu())
        y = self.pool(self.see(y).relu())  # (batch, 2 width, 1, 1)
        scores: Tensor = self.out(y.flatten(1))
        return scores


def smaller(pool: nn.Module, features: Tensor) -> Tensor:
    """Pool over pixels, at each group element."""
    y: Tensor = pool(features.flatten(1, 2))
    return y.unflatten(1, features.shape[1:3])


def build(name: str, pixels: int = 8) -> nn.Module:
    """The network of that name; all have about as many parameters as that of C4."""
    like = DigitNet(cyclic(4), WIDTH, pixels)
    return like if name == "C4" else matched(lambda w: DigitNet(cyclic(1), w, pixels), like)


def quarter_turns(
    inputs: list[Tensor], targets: Tensor, draw: torch.Generator
) -> tuple[list[Tensor], Tensor]:
    """Each image turned by a quarter turn drawn at random; labels do not turn."""
    (images,) = inputs
    k = torch.randint(4, (len(images),), generator=draw)
    turned = torch.stack([images.rot90(i, (-2, -1)) for i in range(4)])
    return [turned[k, torch.arange(len(images))]], targets


def any_angle(
    inputs: list[Tensor], targets: Tensor, draw: torch.Generator
) -> tuple[list[Tensor], Tensor]:
    """The images of a step in eight parts, each turned by an angle drawn at random."""
    parts = inputs[0].chunk(8)
    angles = (2 * math.pi * torch.rand(len(parts), generator=draw)).tolist()
    return [torch.cat([turn_images(x, a) for x, a in zip(parts, angles, strict=True)])], targets


# Augmented networks do better with the larger one.
RATES = {UPRIGHT: 2e-2, QUARTER: 2e-2, ANY: 2e-2, "C4": 1e-2}
AUGMENT = {QUARTER: quarter_turns, ANY: any_angle}


def load(data: str, size: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training images and labels, so many of them drawn by the seed, and those to test."""
    draw = torch.Generator().manual_seed(seed)
    if data == "digits":
        train, test = digits("train"), digits("test")
        rows = torch.randperm(len(train.labels), generator=draw)[:size]
        return train.images[rows], train.labels[rows], test.images, test.labels
    images, labels = digits("all").images, digits("all").labels  # the same hands in both parts
    rows = torch.randperm(len(labels), generator=draw)
    some, rest = rows[:size], rows[-1000:]
    return images[some], labels[some], images[rest], labels[rest]


def jobs(seeds: Sequence[int] = SEEDS) -> list[Row]:
    """All trainings, the most wanted first."""

    def job(model: str, size: int, seed: int, steps: int = STEPS, data: str = "digits") -> Row:
        row: Row = {"data": data, "model": model, "size": size, "steps": steps}
        return {**row, "lr": RATES[model], "seed": seed}

    found = [job(m, n, s) for n in SIZES for m in MAIN for s in seeds]
    found += [job(ANY, SIZES[-1], s) for s in seeds]
    found += [job(m, MIXED, s, data="digits, mixed") for m in MAIN for s in seeds]
    found += [job(m, TIMED, s, n) for n in FEWER_STEPS for m in MAIN[1:] for s in seeds]
    return found


def accuracy(net: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The share of images that are named rightly."""
    with torch.no_grad():
        return round((net(images).argmax(dim=1) == labels).float().mean().item(), 4)


def train(job: Row) -> Row:
    """Train one network and measure it; the same job gives the same numbers."""
    torch.set_num_threads(1)
    name, seed, size = str(job["model"]), job["seed"], job["size"]
    assert isinstance(seed, int)
    assert isinstance(size, int)
    images, labels, test, wanted = load(str(job["data"]), size, seed)
    torch.manual_seed(seed)
    net = build(name, images.shape[-1])
    start = time.process_time()  # of this process alone, however busy the machine is
    losses = fit(
        net,
        [images],
        labels,
        steps=job["steps"],  # type: ignore[arg-type]
        lr=job["lr"],  # type: ignore[arg-type]
        seed=seed,
        loss=nn.functional.cross_entropy,
        augment=AUGMENT.get(name),
    )
    seconds = time.process_time() - start
    quarters = [accuracy(net, test.rot90(k, (-2, -1)), wanted) for k in range(4)]
    found: Row = {
        "parameters": parameter_count(net),
        "seconds": round(seconds, 3),
        "loss": float(f"{losses[-20:].mean().item():.3g}"),
        "upright": quarters[0],
        "turned": round(sum(quarters) / 4, 4),
    }
    if size == SIZES[-1]:
        found["by_angle"] = [
            accuracy(net, turn_images(test, math.radians(a)), wanted) for a in ANGLES
        ]
    return found


def main() -> None:
    """Do what is missing."""
    about: Row = {"angles": ANGLES, "test_images": 500, "torch": torch.__version__}
    run_experiment(__doc__, RESULTS, about, jobs(), train)


if __name__ == "__main__":
    main()
