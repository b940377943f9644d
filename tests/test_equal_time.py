"""The recorded comparison at equal time is whole, and its seconds are as equal as it says."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import fmean, median
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "book" / "experiments"))

import augmentation_cost
import equal_time
import force_curves
from equal_time import BUDGETS, ENTRIES, SEEDS

from coursetools.results import load_results, rows_with

ROWS: list[dict[str, Any]]
ROWS = load_results(equal_time.RESULTS)[0]  # type: ignore[assignment]


def values(task: str, network: str, budget: float, what: str) -> list[float]:
    wanted = {"task": task, "network": network, "budget": budget}
    return [row[what] for row in rows_with(ROWS, **wanted)]


def test_each_training_that_was_asked_for_is_recorded_once() -> None:
    jobs = equal_time.all_jobs()
    assert [{name: row[name] for name in jobs[0]} for row in ROWS] == jobs
    for task, entries in ENTRIES.items():
        for network in entries:
            for budget in BUDGETS:
                assert len(values(task, network, budget, "test")) == len(SEEDS) == 5


def test_networks_of_a_task_took_about_the_same_seconds() -> None:
    for task, entries in ENTRIES.items():
        for budget in BUDGETS:
            middle = [median(values(task, n, budget, "seconds")) for n in entries]
            assert max(middle) < 1.8 * min(middle), (task, budget, middle)
            assert 0.5 * budget < min(middle) <= max(middle) < 2 * budget, (task, middle)


def test_architecture_is_exact_at_every_budget_and_augmentation_at_none() -> None:
    for row in ROWS:
        if row["network"].startswith("equivariant"):
            assert row["rotation"] < (1e-4 if row["task"] == "forces" else 1e-14)  # float32, 64
        else:
            assert row["rotation"] > 1e-3


def test_the_lecture_says_who_is_ahead() -> None:
    def mean(task: str, network: str, budget: float) -> float:
        return fmean(values(task, network, budget, "test"))

    # The toy: far ahead at first, then nearly caught up by the wide augmented network alone.
    for size in ("", ", wide"):
        assert mean("pull", f"augmented{size}", 0.5) > 3 * mean("pull", f"equivariant{size}", 0.5)
    assert mean("pull", "equivariant", 8) < mean("pull", "augmented, wide", 8) < 0.06
    assert mean("pull", "augmented", 8) > 3 * mean("pull", "equivariant", 8)
    # Wide, the equivariant one stops at 2 seconds.
    assert (
        abs(mean("pull", "equivariant, wide", 8) / mean("pull", "equivariant, wide", 2) - 1) < 0.2
    )
    # The molecule: it never catches up, and the plateau does not depend on the width.
    for budget in BUDGETS:
        for size in ("", ", wide"):
            best = mean("dipole", "equivariant", budget)
            assert mean("dipole", f"augmented{size}", budget) > 1.5 * best
            assert mean("forces", f"augmented{size}", budget) > 2 * mean(
                "forces", "equivariant", budget
            )
    for task in ("dipole", "forces"):
        narrow, wide = (mean(task, f"augmented{size}", 8) for size in ("", ", wide"))
        assert abs(narrow / wide - 1) < 0.02


def test_networks_of_a_name_have_as_many_parameters() -> None:
    for task in ENTRIES:
        for size in ("", ", wide"):
            pair = [f"{kind}{size}" for kind in ("equivariant", "augmented")]
            if all(name in ENTRIES[task] for name in pair):
                a, b = (values(task, name, BUDGETS[0], "parameters")[0] for name in pair)
                assert abs(a / b - 1) < (0.2 if size else 0.05), (task, size, a, b)


def test_rates_of_forces_are_those_of_the_other_script() -> None:
    for entry in ENTRIES["forces"].values():
        assert entry.lr == force_curves.MODELS[entry.model].lr
    for task in ("pull", "dipole"):
        for entry in ENTRIES[task].values():
            assert entry.model in augmentation_cost.MODELS


@pytest.mark.parametrize(
    "job", equal_time.quick_jobs(), ids=lambda job: f"{job['task']}: {job['network']}"
)
def test_a_training_can_be_repeated(job: dict[str, Any]) -> None:
    found = equal_time.train(job)
    (before,) = rows_with(ROWS, **job)
    assert found["parameters"] == before["parameters"]
    assert found["test"] == pytest.approx(before["test"], rel=0.02)
