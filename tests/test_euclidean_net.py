"""What lecture 09 says of its recorded trainings is in them, and they can be repeated."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "book" / "experiments"))

import euclidean_curves
import euclidean_net
import force_curves
from euclidean_net import (
    LARGE,
    LONGER_SIZE,
    MATCHED_SIZES,
    MODELS,
    SEEDS,
    SIZES,
    STEP_MS,
    matched_steps,
)

from coursetools.results import load_results, rows_with

ROWS: list[dict[str, Any]]
CURVES: list[dict[str, Any]]
ROWS = load_results(euclidean_net.RESULTS)[0]  # type: ignore[assignment]
CURVES = load_results(force_curves.RESULTS)[0]  # type: ignore[assignment]
FIELDS = [name for name, model in force_curves.MODELS.items() if model.irreps]  # l = 0, 1, 2
FULL, TWICE = force_curves.STEPS, force_curves.LONGER * force_curves.STEPS


def dipoles(model: str, size: int, what: str = "test") -> list[float]:
    wanted = {"task": "dipole", "model": model, "size": size, "steps": MODELS[model].steps}
    return [row[what] for row in rows_with(ROWS, **wanted)]


def forces(model: str, size: int, steps: int) -> list[float]:
    some = [r for r in ROWS if r["task"] == "forces"] + CURVES
    wanted = {"model": model, "size": size, "steps": steps}
    found = {r["seed"]: r["test_mae"] for r in rows_with(some, **wanted)}
    return [found[seed] for seed in SEEDS]


def slopes(model: str, steps: int) -> list[float]:
    """Of the line between the two ends, for each seed."""
    ends = forces(model, 25, steps), forces(model, 800, steps)
    return [math.log(a / b) / math.log(32) for a, b in zip(*ends, strict=True)]


def test_each_training_that_was_asked_for_is_recorded_once() -> None:
    jobs = euclidean_net.all_jobs()
    assert [{name: row[name] for name in job} for row, job in zip(ROWS, jobs, strict=True)] == jobs
    for model in MODELS:
        for size in SIZES if model != LARGE else SIZES[-1:]:
            assert len(dipoles(model, size)) == len(SEEDS) == 5
    for model in FIELDS:
        assert len(forces(model, LONGER_SIZE, TWICE)) == 5


def test_dipoles_turn_with_the_atoms_or_do_not() -> None:
    for row in ROWS:
        if row["task"] == "dipole":
            is_exact = row["model"] in ("equivariant", "invariant charges")
            assert (row["rotation"] < 1e-13) == is_exact
            assert is_exact or row["rotation"] > 1e-3


def test_parameters_and_time_are_about_equal() -> None:
    models = [m for m in MODELS if m != LARGE]
    counts = {m: dipoles(m, SIZES[0], "parameters")[0] for m in models}
    assert max(counts.values()) < 1.05 * min(counts.values())
    seconds = [fmean(dipoles(m, SIZES[-1], "seconds")) for m in MODELS]
    assert max(seconds) < 2 * min(seconds)


def test_what_the_page_says_of_dipoles() -> None:
    augmented = fmean(dipoles("augmented", SIZES[-1]))
    few, some = dipoles("equivariant", SIZES[0]), dipoles("equivariant", SIZES[2])
    assert max(some) < augmented < fmean(dipoles("augmented", SIZES[0])) < fmean(few)
    for size in SIZES[1:]:
        order = [fmean(dipoles(m, size)) for m in ("equivariant", "invariant charges", "augmented")]
        assert order == sorted(order)
    assert fmean(dipoles(LARGE, SIZES[-1])) == pytest.approx(augmented, rel=0.1)


def test_degree_2_is_the_best_at_every_size_and_seed() -> None:
    for steps, sizes in ((FULL, force_curves.SIZES), (TWICE, (25, 800))):
        for size in sizes:
            zero, one, two = (forces(m, size, steps) for m in FIELDS)
            assert all(c < min(a, b) for a, b, c in zip(zero, one, two, strict=True))
            assert fmean(one) < fmean(zero)


def test_the_schedule_changes_the_slopes_more_than_the_degree_does() -> None:
    before, after = ([slopes(m, steps) for m in FIELDS] for steps in (FULL, TWICE))
    for a, b in zip(before, after, strict=True):
        assert all(y - x > 0.05 for x, y in zip(a, b, strict=True))
    for three in (before, after):
        means = [fmean(some) for some in three]
        assert max(means) - min(means) < 0.05


def test_with_few_frames_more_steps_do_not_help() -> None:
    for model in FIELDS:
        assert fmean(forces(model, 25, TWICE)) > 0.97 * fmean(forces(model, 25, FULL))
        assert fmean(forces(model, 800, TWICE)) < 0.85 * fmean(forces(model, 800, FULL))


def test_matched_steps_take_about_equal_time() -> None:
    ms = [STEP_MS[model] * matched_steps(model) for model in STEP_MS]
    assert max(ms) < 1.02 * min(ms)
    seconds = [
        fmean(row["seconds"] for row in rows_with(ROWS, model=model, steps=matched_steps(model)))
        for model in STEP_MS
        if matched_steps(model) != FULL
    ]
    assert len(seconds) == 3
    assert max(seconds) < 1.5 * min(seconds)


def test_at_equal_time_degree_2_is_the_best_and_its_slope_the_lowest() -> None:
    zero = load_results(force_curves.RESULTS)[1]["zero_mae"]
    for size in MATCHED_SIZES:
        *degrees, augmented = (forces(m, size, matched_steps(m)) for m in STEP_MS)
        means = [fmean(some) for some in degrees]
        assert means == sorted(means, reverse=True)
        assert max(degrees[2]) < min(degrees[0])
        assert 0.8 * zero < fmean(augmented) < zero  # type: ignore[operator]
    by_degree = [fmean(euclidean_curves.slopes(m, "equal time")) for m in FIELDS]
    assert by_degree == sorted(by_degree, reverse=True)


def test_curves_of_the_page_are_those_of_the_records() -> None:
    for model in FIELDS:
        for how, steps in (("equal steps", FULL), ("twice", TWICE)):
            assert euclidean_curves.slopes(model, how) == pytest.approx(slopes(model, steps))
            assert euclidean_curves.forces(model, 25, how) == forces(model, 25, steps)
    assert euclidean_curves.wins(FIELDS[2], FIELDS[0]) == "55 of 55"
    assert euclidean_curves.wins(FIELDS[0], FIELDS[2]) == "0 of 55"


@pytest.mark.parametrize("job", euclidean_net.quick_jobs(), ids=lambda job: str(job["model"]))
def test_a_training_can_be_repeated(job: dict[str, Any]) -> None:
    found = euclidean_net.train(job)
    (before,) = rows_with(ROWS, **job)
    assert found["parameters"] == before["parameters"]
    assert found["test"] == pytest.approx(before["test"], rel=0.02)
