"""The recorded comparison of the four roads is whole, and says what the lecture says of it."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "book" / "experiments"))

import four_roads
from four_roads import ROADS, SEEDS, STEPS, TASKS

from coursetools.results import load_results

ROWS: list[dict[str, Any]]
ROWS = load_results(four_roads.RESULTS)[0]  # type: ignore[assignment]
FREE = ("nothing", "augmentation", "penalty", "cube average")


def values(task: str, road: str, what: str) -> list[float]:
    wanted = {"task": task, "road": road, "steps": STEPS[task]}
    return [row[what] for row in ROWS if wanted.items() <= row.items()]


def test_each_training_that_was_asked_for_is_recorded_once() -> None:
    jobs = four_roads.all_jobs()
    assert [{name: row[name] for name in jobs[0]} for row in ROWS] == jobs
    for name, roads in TASKS.items():
        for road in roads:
            assert len(values(name, road, "turned")) == len(SEEDS)


def test_budgets_are_equal() -> None:
    for name, roads in TASKS.items():
        counts = [values(name, road, "parameters")[0] for road in roads]
        assert max(counts) < 1.05 * min(counts)


def test_exact_roads_are_exact_and_the_others_are_not() -> None:
    for name, roads in TASKS.items():
        for road in roads:
            errors = values(name, road, "symmetry_error")
            if road in FREE:
                assert min(errors) > 0.05
            else:
                assert max(errors) < 1e-12
                assert values(name, road, "turned") == pytest.approx(
                    values(name, road, "upright"), rel=1e-3
                )


def test_exact_invariance_is_not_accuracy() -> None:
    means = {road: fmean(values("charges", road, "turned")) for road in TASKS["charges"]}
    assert means["PCA frame"] > means["penalty"] > means["frame average"]
    assert max(means["distances"], means["vectors"]) < 0.1 * means["penalty"]
    assert means["nothing"] > 2


def test_distances_are_blind_to_handedness() -> None:
    for road in ("distances", "Gram matrix", "PCA frame"):
        assert min(values("handedness", road, "turned")) > 0.95
        assert max(values("handedness", road, "mirror_error")) < 1e-12
    for road in ("PCA frame, proper", "augmentation", "vectors"):
        assert max(values("handedness", road, "turned")) < 0.2


@pytest.mark.parametrize(
    "job", four_roads.quick_jobs(), ids=lambda job: f"{job['task']}: {job['road']}"
)
def test_a_training_can_be_repeated(job: dict[str, Any]) -> None:
    found = four_roads.train(job)
    (before,) = [row for row in ROWS if job.items() <= row.items()]
    assert found["parameters"] == before["parameters"]
    for name in ("upright", "turned"):
        assert found[name] == pytest.approx(before[name], rel=0.02), name


def test_every_road_has_a_kind_of_the_lecture() -> None:
    kinds = {road.kind for road in ROADS.values()}
    assert kinds == {"none", "loss", "frame", "architecture", "representation"}
