from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coursetools.exercises import derive
from coursetools.exercises.source import read_source

FIXTURE = Path(__file__).parent / "fixtures" / "90_turn.py"
STEM = FIXTURE.stem

Notebook = dict[str, Any]


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course of one small exercise set, derived."""
    root = tmp_path_factory.mktemp("course")
    (root / "solutions").mkdir()
    shutil.copy(FIXTURE, root / "solutions")
    derive.write(root)
    return root


@pytest.fixture(scope="session")
def answers() -> dict[str, str]:
    """The right answers, by name."""
    cells = read_source(FIXTURE).of_role("answer")
    return {str(cell.name): cell.source for cell in cells}


@pytest.fixture(scope="session")
def notebook(course: Path) -> Callable[..., Notebook]:
    """Make a submission: the exercise notebook with some code in its answer cells."""

    def make(code: dict[str, str] | None = None) -> Notebook:
        made: Notebook = json.loads((course / "exercises" / f"{STEM}.ipynb").read_text())
        for cell in made["cells"]:
            name = cell["metadata"].get("name")
            if code and name in code:
                cell["source"] = code[name].splitlines(keepends=True)
        return made

    return make


def hand_in(folder: Path, student: str, submission: Notebook | str | bytes) -> Path:
    """Write one student's file."""
    path = folder / student / f"{STEM}.ipynb"
    path.parent.mkdir(parents=True)
    if isinstance(submission, dict):
        submission = json.dumps(submission)
    path.write_bytes(submission.encode() if isinstance(submission, str) else submission)
    return path
