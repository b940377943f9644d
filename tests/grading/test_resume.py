"""A batch that is interrupted goes on; what cannot be graded at all is said."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coursetools.errors import CourseError
from coursetools.grading.batch import grade

from .conftest import STEM, hand_in


def fake_judge(monkeypatch: pytest.MonkeyPatch, judge: Callable[[int], None]) -> None:
    """Let a function of the seed take the place of running notebooks."""

    class Fake:
        def __init__(self, *_: object) -> None: ...

        def start(self) -> None: ...

        def close(self) -> None: ...

        def judge(self, _: Any, seed: int, *__: object, **___: object) -> dict[str, Any]:
            judge(seed)
            return {}

    monkeypatch.setattr("coursetools.grading.crew.Judge", Fake)


def test_an_interrupted_batch_goes_on_with_its_seed(
    course: Path,
    tmp_path: Path,
    notebook: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for student in ("ada", "bob", "eve"):
        hand_in(tmp_path / "in", student, notebook())
    judged: list[int] = []

    def judge(seed: int) -> None:
        if len(judged) == 1 and not (tmp_path / "again").exists():
            raise KeyboardInterrupt
        judged.append(seed)

    fake_judge(monkeypatch, judge)
    with pytest.raises(KeyboardInterrupt):
        grade(course, tmp_path / "in", tmp_path / "out")
    (tmp_path / "again").touch()
    assert grade(course, tmp_path / "in", tmp_path / "out").reused == 1
    assert len(judged) == 3
    assert len(set(judged)) == 1, "the seed must stay"
    assert grade(course, tmp_path / "in", tmp_path / "out").reused == 3
    path = tmp_path / "in" / "bob" / f"{STEM}.ipynb"
    first = path.read_text()
    path.write_text(first + "\n")
    assert grade(course, tmp_path / "in", tmp_path / "out").reused == 2
    path.write_text(first)
    assert grade(course, tmp_path / "in", tmp_path / "out").reused == 3, "it is in the history"
    changed = tmp_path / "changed"
    shutil.copytree(course, changed)
    solution = changed / "solutions" / f"{STEM}.ipynb"
    solution.write_text(solution.read_text() + "\n")
    for other in ({"cell_timeout": 9.0}, {"seed": 5}, {"root": changed}):
        usual: dict[str, Any] = {"root": course, "seed": judged[0]}
        usual |= {"submissions": tmp_path / "in", "out": tmp_path / "out"}
        assert grade(**(usual | other)).reused == 0
        assert grade(**usual).reused == 3
        assert grade(**(usual | other)).reused == 3
    grade(course, tmp_path / "in", tmp_path / "other")
    assert len(set(judged)) == 3, "a new folder must get a fresh seed"


def test_a_journal_that_is_none_is_said(
    course: Path, tmp_path: Path, notebook: Callable[..., dict[str, Any]]
) -> None:
    hand_in(tmp_path / "in", "ada", notebook())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "journal.sqlite").write_text("results, but not in SQLite " * 99)
    with pytest.raises(CourseError, match="cannot be read as a journal"):
        grade(course, tmp_path / "in", tmp_path / "out")


def test_an_exercise_without_a_solution_is_said_and_the_rest_is_graded(
    course: Path, tmp_path: Path, notebook: Callable[..., dict[str, Any]]
) -> None:
    root = tmp_path / "course"
    for part in ("exercises", "solutions"):
        (root / part).mkdir(parents=True)
    lonely = course / "exercises" / f"{STEM}.ipynb"
    (root / "exercises" / f"{STEM}.ipynb").write_bytes(lonely.read_bytes())
    hand_in(tmp_path / "in", "ada", notebook())
    summary = grade(root, tmp_path / "in", tmp_path / "out")
    assert "no such notebook; to make it: coursetools derive 90_turn" in summary.course_faults[0]
    assert "Not graded" in (tmp_path / "out" / "grades.csv").read_text()


def test_nothing_to_grade_is_said(course: Path, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="no such folder; expected"):
        grade(course, tmp_path / "missing", tmp_path / "out")
    (tmp_path / "in").mkdir()
    with pytest.raises(CourseError, match="no submissions here; expected"):
        grade(course, tmp_path / "in", tmp_path / "out")
