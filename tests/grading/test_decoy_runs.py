"""What decoys show is found by the workers that judge the class, and kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coursetools.errors import CourseError
from coursetools.exercises.source import read_source
from coursetools.grading import decoys
from coursetools.grading.batch import grade
from coursetools.grading.decoy_runs import DecoyRuns
from coursetools.grading.judge import Exercise

from .conftest import FIXTURE, STEM, hand_in


def test_a_class_with_a_mistake_knows_what_each_decoy_shows(
    course: Path,
    tmp_path: Path,
    notebook: Callable[..., dict[str, Any]],
    answers: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hand_in(tmp_path / "in", "ada", notebook(answers | {"count": "def count(n, k): return n"}))
    hand_in(tmp_path / "in", "bob", notebook(answers))

    def alone(*_: object, **__: object) -> None:
        raise AssertionError("the decoys ran apart from the class")

    monkeypatch.setattr(decoys, "decoy_outcomes", alone)
    grade(course, tmp_path / "in", tmp_path / "out", 6, decoys=True)
    kept = decoys.read_cache(course, STEM, 6, tmp_path / "out" / "decoys")
    assert kept is not None
    lost = {trial: {n for n, c in checks.items() if not c.passed} for trial, checks in kept.items()}
    wanted = {str(d.name): set(d.fails) for d in read_source(FIXTURE).of_role("decoy")}
    assert lost == wanted | {"solution": set()}
    assert (tmp_path / "out" / "summary.html").exists()


def test_no_mistake_runs_no_decoy(
    course: Path, tmp_path: Path, notebook: Callable[..., dict[str, Any]], answers: dict[str, str]
) -> None:
    hand_in(tmp_path / "in", "bob", notebook(answers))
    grade(course, tmp_path / "in", tmp_path / "out", 6, decoys=True)
    assert decoys.read_cache(course, STEM, 6, tmp_path / "out" / "decoys") is None


def test_a_check_that_was_not_reached_is_no_result(course: Path, tmp_path: Path) -> None:
    exercise = Exercise.load(course, STEM, 0, 30)
    runs = DecoyRuns(course, tmp_path, 0, 30)
    runs.want(exercise)
    runs.want(exercise)
    (job,) = list(runs.jobs())
    names = [
        cell["metadata"]["name"]
        for cell in job.notebook["cells"]
        if cell["metadata"].get("role") == "check"
    ]
    judged = {name: {"passed": True, "message": "", "shown": []} for name in names[:-1]}
    with pytest.raises(CourseError, match=f"{names[-1]} did not run"):
        decoys.read_outcomes(exercise, job.notebook, judged)
    runs.settle(job, judged)
    assert not list(tmp_path.iterdir())
    runs.settle(job, judged | {names[-1]: judged[names[0]]})
    assert json.loads((tmp_path / f"{STEM}.json").read_text())["outcomes"]
