"""The recorded trainings of lecture 14 are whole, repeat, and say what the lecture says of them."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import fmean, median
from typing import Any

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "book" / "experiments"))

import augmentation_cost as cost
import debate
from debate import BUDGETS, SEEDS, WAYS
from debate_networks import averaged, build

from coursetools.results import load_results, rows_with
from equivar.averaging import solid_rotations
from equivar.measure import equivariance_error
from equivar.rotations import random_rotations

ROWS: list[dict[str, Any]]
ROWS = load_results(debate.RESULTS)[0]
EXACT = ("invariants", "vectors")


def values(way: str, budget: float, what: str) -> list[float]:
    name = "augmented" if way == "averaged" else way
    some = [row for row in ROWS if (row["way"], row["budget"]) == (name, budget)]
    return [(row["averaged"] if way == "averaged" else row)[what] for row in some]


def mean(way: str, budget: float, what: str = "test") -> float:
    return fmean(values(way, budget, what))


def test_each_training_that_was_asked_for_is_recorded_once() -> None:
    jobs = debate.all_jobs()
    assert [{name: row[name] for name in jobs[0]} for row in ROWS] == jobs
    for name, way in WAYS.items():
        for budget in way.budgets:
            assert len(values(name, budget, "test")) == len(SEEDS) == 5


def test_ways_took_about_the_same_seconds() -> None:
    for budget in BUDGETS:
        taken = [
            median(values(name, budget, "seconds"))
            for name, way in WAYS.items()
            if budget in way.budgets
        ]
        most = 1.2 if budget >= 8 else 1.6
        assert max(taken) < most * min(taken), (budget, taken)
        assert 0.8 * budget < min(taken) <= max(taken) < 1.7 * budget, (budget, taken)


def test_exact_ways_have_no_worst_rotation() -> None:
    for row in ROWS:
        if row["way"] in EXACT:
            assert row["symmetry"] < 1e-14
            if row["budget"]:
                assert row["worst_found"] == pytest.approx(row["mean_error"], rel=1e-3)
        else:
            assert row["symmetry"] > 1e-3
            if row["budget"]:
                assert row["worst_found"] >= row["worst_drawn"] > 1.03 * row["mean_error"]


def test_the_lecture_says_who_is_ahead_when() -> None:
    assert mean("invariants", 0.5) < 0.6 * mean("augmented", 0.5)
    assert mean("augmented", 0.5) < 0.8 * mean("vectors", 0.5)
    for budget in (2, 8, 32):
        assert mean("vectors", budget) < 0.8 * mean("augmented", budget)
    assert abs(mean("invariants", 32) / mean("invariants", 8) - 1) < 0.1
    assert mean("augmented", 128) < 0.8 * mean("augmented", 8)
    assert mean("augmented", 128) > mean("invariants", 0.5)


def test_longer_training_is_more_right_and_less_symmetric() -> None:
    assert mean("augmented", 32) < 0.9 * mean("augmented", 2)
    assert mean("augmented", 32, "symmetry") > 1.5 * mean("augmented", 2, "symmetry")
    assert mean("penalty", 8, "symmetry") < 0.5 * mean("augmented", 8, "symmetry")
    for way in ("penalty", "ensemble"):
        assert mean(way, 8) > mean("augmented", 8)


def test_averaging_removes_the_second_part_and_no_more() -> None:
    for budget in (*BUDGETS, 128):
        # One orientation a molecule stands for all, so a single seed may be off by its luck.
        whole, rest = (mean(way, budget) for way in ("augmented", "averaged"))
        assert 0.9 * whole < rest < whole
        worst = mean("averaged", budget, "worst_found") / mean("averaged", budget, "mean_error")
        assert worst < 1.05


@pytest.mark.parametrize("way", ["augmented", "ensemble"])
def test_symmetry_errors_fall_as_one_over_the_root(way: str) -> None:
    for row in ROWS:
        if row["way"] == way and row["budget"]:
            counts = {int(k): found[1] for k, found in row["by_count"].items()}
            most = max(counts)
            ratio = counts[1] / counts[most]
            assert 0.6 * most**0.5 < ratio < 1.6 * most**0.5, row


def test_an_average_over_a_group_is_exact_for_the_group_and_not_beyond() -> None:
    given, sixty = cost.task("dipole"), solid_rotations("icosahedron")
    torch.manual_seed(0)
    net = build("augmented", given.x).double()
    x = given.x_test[:20]
    other = random_rotations(1, torch.Generator().manual_seed(3))[0]
    with torch.no_grad():
        for R, bound in ((sixty[17], 1e-12), (other, 0.02)):
            error = equivariance_error(
                averaged(net, sixty), x, lambda x, R=R: x @ R.mT, lambda y, R=R: y @ R.mT
            )
            assert error < bound
        assert error > 1e-9
        alone = equivariance_error(net, x, lambda x: x @ other.mT, lambda y: y @ other.mT)
    assert alone > 0.1


@pytest.mark.parametrize("job", debate.quick_jobs(), ids=lambda job: job["way"])
def test_a_training_can_be_repeated(job: dict[str, Any]) -> None:
    found = debate.train(job)
    (before,) = rows_with(ROWS, **job)
    assert found["parameters"] == before["parameters"]
    assert found["test"] == pytest.approx(before["test"], rel=0.02)
