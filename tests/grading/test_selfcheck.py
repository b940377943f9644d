"""`coursetools check`: a score in words, colored where somebody looks."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coursetools import cli
from coursetools.errors import CourseError
from coursetools.grading.selfcheck import Printer, check_notebook

from .conftest import STEM

Notebook = dict[str, Any]


def save(folder: Path, submission: Notebook) -> Path:
    path = folder / f"{STEM}.ipynb"
    path.write_text(json.dumps(submission))
    return path


@pytest.fixture
def half_right(notebook: Callable[..., Notebook], answers: dict[str, str]) -> Notebook:
    """One answer right, one wrong, one blank; saved outputs and points that lie."""
    made = notebook({"rotation": answers["rotation"], "count": "def count(n, k):\n    return 1\n"})
    for cell in made["cells"]:
        if cell["metadata"].get("role") == "check":
            cell["metadata"]["points"] = 100
            cell["outputs"] = []
    return made


def test_a_notebook_is_scored_and_told_what_failed(
    course: Path, tmp_path: Path, half_right: Notebook
) -> None:
    stream = io.StringIO()
    assert not check_notebook(course, save(tmp_path, half_right), stream=stream)
    said = stream.getvalue()
    assert "✓ check-rotation  2 of 2" in said
    assert "✗ check-rotate    0 of 1\n      Not answered yet. Your turn: write `rotate`." in said
    assert "✗ check-count     0 of 3\n      The code runs, but its result is not" in said
    assert "        expected: " in said
    assert "2 of 6 points" in said
    assert "\x1b" not in said


def test_a_cell_that_does_not_run_says_why_itself(
    course: Path, tmp_path: Path, notebook: Callable[..., Notebook], answers: dict[str, str]
) -> None:
    stream = io.StringIO()
    broken = notebook(answers | {"count": "def count(n, k:"})
    assert not check_notebook(course, save(tmp_path, broken), stream=stream)
    said = stream.getvalue()
    assert "✗ your cell count did not run to its end\n      SyntaxError: " in said
    assert "(line 1)" in said
    assert said.count("did not run to its end") == 1


def test_the_command_ends_with_0_if_all_is_right(
    course: Path,
    tmp_path: Path,
    notebook: Callable[..., Notebook],
    answers: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = save(tmp_path, notebook(answers))
    assert cli.main(["check", "--course", str(course), str(path)]) == 0
    assert "6 of 6 points" in capsys.readouterr().out
    path.write_text("{}")
    assert cli.main(["check", "--course", str(course), str(path)]) == 1
    assert "expected a list of cells" in capsys.readouterr().err


def test_what_cannot_be_checked_is_said(
    course: Path, tmp_path: Path, notebook: Callable[..., Notebook]
) -> None:
    with pytest.raises(CourseError, match="belongs to no exercise; name it as one of 90_turn"):
        check_notebook(course, tmp_path / "homework.ipynb")
    with pytest.raises(CourseError, match="cannot be read: No such file"):
        check_notebook(course, tmp_path / f"{STEM}.ipynb")
    changed = tmp_path / "course"
    shutil.copytree(course, changed)
    lost = notebook()
    for cell in lost["cells"]:
        cell["metadata"].pop("reference", None)
    exercise = save(changed / "exercises", lost)
    with pytest.raises(CourseError, match="lost their metadata"):
        check_notebook(changed, exercise)


class Terminal(io.StringIO):
    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "colored"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),  # https://no-color.org: when not empty
        ({"TERM": "dumb"}, False),
    ],
)
def test_colors_are_for_terminals_that_want_them(
    environment: dict[str, str], colored: bool
) -> None:
    terminal = Terminal()
    Printer(terminal, environment).line("done", "good")
    assert ("\x1b[32m" in terminal.getvalue()) == colored
    pipe = io.StringIO()
    Printer(pipe, environment).line("done", "good")
    assert pipe.getvalue() == "done\n"


def test_a_terminal_without_the_marks_gets_others() -> None:
    terminal = Terminal("ascii")
    printer = Printer(terminal, {"NO_COLOR": "1"})
    assert printer.marks == ("+", "-")
    printer.text("α is not a letter here", indent="  ")
    assert terminal.getvalue() == "  ? is not a letter here\n"


def test_long_lines_are_wrapped_and_keep_their_indent() -> None:
    stream = io.StringIO()
    Printer(stream, {}).text("  expected: " + "0.123456  " * 20, indent="    ")
    lines = stream.getvalue().splitlines()
    assert len(lines) > 1
    assert all(line.startswith(" " * 6) and len(line) <= 100 for line in lines)
