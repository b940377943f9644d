"""What lecture 09 reads from its recorded trainings, and draws: a module, nothing to run.

The trainings are those of `tetris.py`, `force_curves.py` and `euclidean_net.py`. Seeds are always
in order, so that the same place in two lists is a pair that saw the same data.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median
from typing import Any

import augmentation_cost
import euclidean_net
import force_curves
import tetris
import torch
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from coursetools.results import load_results, rows_with, spread
from equivar import plots

SIZES, STEPS = force_curves.SIZES, force_curves.STEPS
ENDS, TWICE = (SIZES[0], SIZES[-1]), force_curves.LONGER * STEPS
MATCHED = euclidean_net.MATCHED_SIZES
ZERO, ONE, TWO, AUGMENTED = euclidean_net.STEP_MS
DEGREES = {ZERO: "l = 0", ONE: "l = 1", TWO: "l = 2"}
DIPOLES, COUNTS = euclidean_net.MODELS, euclidean_net.SIZES
EQUIVARIANT, CHARGES, TURNED, LARGE = DIPOLES

CURVES, ABOUT = load_results(force_curves.RESULTS)
ROWS, _ = load_results(euclidean_net.RESULTS)
SHAPES, _ = load_results(tetris.RESULTS)
FORCES = CURVES + rows_with(ROWS, task="forces")
STYLE = {ZERO: ("orange", "s"), ONE: ("green", "^"), TWO: ("blue", "o"), AUGMENTED: ("red", "v")}
LOOKS = {
    EQUIVARIANT: ("blue", "o"),
    CHARGES: ("orange", "s"),
    TURNED: ("red", "v"),
    LARGE: ("purple", "D"),
}


def accuracy(model: str, copies: int = 1) -> str:
    """Percent of shapes named right in unseen orientations, over five seeds."""
    rows: list[Any] = rows_with(SHAPES, model=model, copies=copies)
    some = [100 * row["accuracy"] for row in rows]
    return spread(some) if max(some) > min(some) else f"{some[0]:g}"


def steps_of(model: str, how: str) -> int:
    """How many steps a force field trains: for "equal steps", "equal time" or "twice"."""
    if how == "equal time":
        return euclidean_net.matched_steps(model)
    return {"equal steps": STEPS, "twice": TWICE}[how]


def forces(model: str, size: int, how: str, what: str = "test_mae") -> list[float]:
    """One number of five trainings on forces; errors in meV/angstrom."""
    rows: list[Any] = rows_with(FORCES, model=model, size=size, steps=steps_of(model, how))
    return [{row["seed"]: row[what] for row in rows}[seed] for seed in euclidean_net.SEEDS]


def slopes(model: str, how: str, sizes: Sequence[int] = ENDS) -> list[float]:
    """The slope b of log error = a - b log N, fitted to these sizes, for each seed."""
    u = torch.tensor(sizes).double().log()
    v = torch.tensor([forces(model, n, how) for n in sizes]).double().log()  # (sizes, seeds)
    u, v = u - u.mean(), v - v.mean(dim=0)
    return (-(u @ v) / (u @ u)).tolist()  # type: ignore[no-any-return]


def wins(better: str, worse: str) -> str:
    """In how many pairs with the same data and schedule one model beats another."""
    sizes = {"equal steps": SIZES, "twice": ENDS, "equal time": MATCHED}
    cases = [(n, how) for how, some in sizes.items() for n in some]
    pairs = [p for c in cases for p in zip(forces(better, *c), forces(worse, *c), strict=True)]
    return f"{sum(a < b for a, b in pairs)} of {len(pairs)}"


def dipoles(model: str, count: int, what: str = "test") -> list[float]:
    """One number of five trainings on dipoles; errors are relative. Empty where none was asked."""
    wanted = {"task": "dipole", "model": model, "size": count, "steps": DIPOLES[model].steps}
    rows: list[Any] = rows_with(ROWS, **wanted)
    return [row[what] for row in rows]


def fixed_charges() -> float:
    """Relative error of one charge for each atom of ethanol, the same in all conformations."""
    task = augmentation_cost.task("dipole")
    positions = task.x.mT.flatten(0, 1)  # (frames * 3, 9)
    charges = torch.linalg.lstsq(positions, task.y.flatten()[:, None]).solution
    answer = (task.x_test.mT @ charges)[..., 0]
    return ((answer - task.y_test).norm() / task.y_test.norm()).item()


def _curve(
    axis: Axes,
    by_size: dict[int, list[float]],
    look: tuple[str, str],
    line: str = "-",
    label: str | None = None,
) -> None:
    """A line through the means, and every seed as a faint mark."""
    name, mark = look
    tone = plots.color(name)
    for n, some in by_size.items():
        axis.plot([n] * len(some), some, mark, ms=4, alpha=0.45, color=tone)
    means = [fmean(some) for some in by_size.values()]
    axis.plot(list(by_size), means, mark + line, ms=5, color=tone, label=label)


def _ticks(axis: Axes, across: Sequence[int], up: Sequence[float]) -> None:
    axis.set(xscale="log", yscale="log", xlabel="conformations")
    axis.set_xticks(across, [str(n) for n in across])
    axis.set_yticks(up, [str(v) for v in up])
    axis.minorticks_off()


def draw_forces() -> Figure:
    """Learning curves at equal steps; and what twice the steps make of their ends."""
    figure, (first, second) = plt.subplots(1, 2, figsize=(6.6, 3.6), sharey=True)
    for model, label in DEGREES.items():
        look = STYLE[model]
        _curve(first, {n: forces(model, n, "equal steps") for n in SIZES}, look, label=label)
        for how, line in (("equal steps", "-"), ("twice", "--")):
            _curve(second, {n: forces(model, n, how) for n in ENDS}, look, line)
    for axis, title in (
        (first, f"{STEPS} steps"),
        (second, f"{STEPS} (solid), {TWICE:,} (dashed)"),
    ):
        axis.set_title(title)
        _ticks(axis, SIZES, [30, 50, 100, 150])
    first.set_ylabel("error of the forces (meV/Å)")
    first.legend()
    return figure


def draw_equal_time() -> Figure:
    """Learning curves at equal seconds, the augmented network among them."""
    figure, axis = plt.subplots(figsize=(6.2, 3.8))
    for model, look in STYLE.items():
        label = DEGREES.get(model, "coordinates, augmented")
        _curve(axis, {n: forces(model, n, "equal time") for n in MATCHED}, look, label=label)
    zero = ABOUT["zero_mae"]
    axis.axhline(zero, color=plots.color("muted"), ls=":", label="answering zero")  # type: ignore[arg-type]
    _ticks(axis, MATCHED, [50, 100, 200, 500])
    axis.set_ylabel("error of the forces (meV/Å)")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def draw_dipoles(fixed: float) -> Figure:
    """Learning curves of ethanol's dipole, and the line of fixed charges."""
    figure, axis = plt.subplots(figsize=(6.2, 3.8))
    for model, look in LOOKS.items():
        _curve(axis, {n: v for n in COUNTS if (v := dipoles(model, n))}, look, label=model)
    axis.axhline(fixed, color=plots.color("muted"), ls=":", label="nine fixed charges")
    _ticks(axis, COUNTS, [0.03, 0.05, 0.1, 0.2])
    axis.set_ylabel("relative error, turned")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def force_table() -> list[list[str]]:
    """Offset and slopes of each degree: rows of a table."""
    return [
        [
            label,
            spread(forces(model, 100, "equal steps"), 1),
            *(spread(slopes(model, how), 2) for how in ("equal steps", "twice", "equal time")),
        ]
        for model, label in DEGREES.items()
    ]


def seconds(model: str) -> float:
    """What a training at equal time took of one core, at the median; degree 2: half of twice."""
    if steps_of(model, "equal time") == STEPS:
        return median(forces(model, SIZES[0], "twice", "seconds")) / force_curves.LONGER
    return median(s for n in MATCHED for s in forces(model, n, "equal time", "seconds"))


def time_table() -> list[list[str]]:
    """Steps, seconds and errors of each force field at equal time: rows of a table."""
    return [
        [
            label,
            f"{steps_of(model, 'equal time'):,}",
            f"{seconds(model):.0f}",
            *(spread(forces(model, n, "equal time"), 1) for n in MATCHED),
        ]
        for model, label in {**DEGREES, AUGMENTED: "augmented"}.items()
    ]
