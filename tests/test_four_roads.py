"""The recorded comparison of the four roads is whole, and says what the lecture says of it."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "book" / "experiments"))

import four_roads
import four_roads_costs as costs
from four_roads import ROADS, SEEDS, STEPS, TASKS

from coursetools.results import load_results, rows_with
from equivar.frames import pca_frames

ROWS: list[dict[str, Any]]
ROWS = load_results(four_roads.RESULTS)[0]  # type: ignore[assignment]
FREE = ("nothing", "augmentation", "penalty", "cube average")


def values(task: str, road: str, what: str) -> list[float]:
    wanted = {"task": task, "road": road, "steps": STEPS[task]}
    return [row[what] for row in rows_with(ROWS, **wanted)]


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
    (before,) = rows_with(ROWS, **job)
    assert found["parameters"] == before["parameters"]
    for name in ("upright", "turned"):
        assert found[name] == pytest.approx(before[name], rel=0.02), name


def test_every_road_has_a_kind_of_the_lecture() -> None:
    kinds = {road.kind for road in ROADS.values()}
    assert kinds == {"none", "loss", "frame", "architecture", "representation"}


def test_every_road_has_its_price() -> None:
    (row,) = load_results(costs.COSTS)[0]
    found = {(c["task"], c["road"]): c for c in row["costs"]}  # type: ignore[attr-defined]
    assert set(found) == {(name, road) for name, roads in TASKS.items() for road in roads}
    for name in costs.ENERGIES:
        vectors, augmented = found[name, "vectors"], found[name, "augmentation"]
        assert 5 < vectors["step_ms"] / augmented["step_ms"] < 20
        assert vectors["answer_ms"] > 20 * augmented["answer_ms"]


def test_at_equal_time_architecture_leads_augmentation_and_distances_lead_vectors() -> None:
    rows = load_results(costs.LONGER)[0]
    jobs = costs.longer_jobs()
    assert [{name: row[name] for name in jobs[0]} for row in rows] == jobs
    for name in costs.ENERGIES:
        longer: dict[str, list[Any]] = {}
        for row in rows:
            if row["task"] == name:
                longer.setdefault(str(row["road"]), []).append(row["turned"])
        vectors = values(name, "vectors", "turned")
        assert min(longer["augmentation"]) > max(vectors)
        assert (
            fmean(longer["distances"]) < fmean(vectors) < fmean(values(name, "distances", "turned"))
        )
        assert fmean(longer["vectors"]) > 3 * fmean(vectors)


@pytest.mark.parametrize("proper", [False, True])
def test_frames_of_many_clouds_are_those_of_each(proper: bool) -> None:
    x = four_roads.task("charges").test[:20]
    images = four_roads.in_frames(x, proper)
    for cloud, found in zip(x, images, strict=True):
        frames, center = pca_frames(cloud, proper)
        expected = ((cloud - center) @ frames).flatten(-2)
        assert torch.cdist(found, expected).min(dim=1).values.max() < 1e-12
        assert torch.cdist(expected, found).min(dim=1).values.max() < 1e-12
