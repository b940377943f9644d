"""`coursetools check NOTEBOOK`: a student's own score, in the terminal, with what failed in words.

The notebook's answers go into the exercise notebook, as in grading, and are judged by the
references that are there already, for seed 0. Grading draws other numbers.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from coursetools.errors import CourseError
from coursetools.grading.feedback import Part, parts_of, set_title
from coursetools.grading.hints import next_hint
from coursetools.grading.page import points_of
from coursetools.grading.results import Check
from coursetools.grading.saying import kind_of

CELL_TIMEOUT = 60.0
COLORS = {"good": "32", "bad": "31", "bold": "1", "faint": "2"}
LOST = "Not run: the Python process had ended before."


def check_notebook(
    root: Path, path: Path, *, sandbox: bool = False, stream: TextIO | None = None
) -> bool:
    """Judge a notebook and print its score; True if every check passes.

    Args:
        root: The course's folder.
        path: The notebook, named as its exercise set: `NN_topic.ipynb`.
        sandbox: Run it as submissions are run in grading.
        stream: Where to print, standard output by default.

    Raises:
        CourseError: If the notebook cannot be read, or belongs to no exercise.
    """
    from coursetools.grading.judge import Judge, load_notebook
    from coursetools.grading.transplant import (
        SubmissionError,
        answer_names,
        check_points,
        merge,
        read_answers,
    )

    stream = stream or sys.stdout
    exercise = root / "exercises" / f"{path.stem}.ipynb"
    if not exercise.is_file():
        known = ", ".join(sorted(p.stem for p in exercise.parent.glob("*.ipynb"))) or "(none)"
        raise CourseError(f"{path}: belongs to no exercise; name it as one of {known}")
    pristine, _ = load_notebook(exercise)
    reference = _reference(pristine, exercise)
    names = answer_names(pristine)
    try:
        answers = read_answers(path, names)
    except SubmissionError as error:
        raise CourseError(f"{path}: {error}") from None
    merged = merge(pristine, answers.code, reference)
    with Judge(sandbox) as one:
        outcomes = one.judge(merged, 0, CELL_TIMEOUT)
    checks = {
        name: Check.judged(name, points, outcomes.get(name), LOST)
        for name, points in check_points(pristine).items()
    }
    broken = {
        name
        for name in names
        if name not in answers.code or not outcomes.get(name, {}).get("passed")
    }
    out = Printer(stream)
    out.line(set_title(pristine, path.stem), "bold")
    for problem in answers.problems:
        out.text(problem, "bad")
    heading = ""
    for part in parts_of(pristine):
        if part.heading != heading:
            heading = part.heading
            out.line()
            out.line(heading, "bold")
        for name in part.answers:  # first, since all checks below fail because of it
            if name in answers.code and name in broken and name in outcomes:
                out.line(f"  {out.marks[1]} your cell {name} did not run to its end", "bad")
                out.text(outcomes[name]["message"], indent="      ")
        _print_part(out, part, checks, broken)
    earned = sum(check.points for check in checks.values() if check.passed)
    possible = sum(check.points for check in checks.values())
    done = earned == possible
    out.line()
    out.line(points_of(earned, possible), "good" if done else "bold")
    out.text("Grading asks the same for other random inputs.", "faint")
    return done


class Printer:
    """Prints lines that fit the terminal; colored where somebody looks and wants it.

    Args:
        stream: Where to. It is colored if it is a terminal, unless NO_COLOR is set (no-color.org).
    """

    def __init__(self, stream: TextIO, environment: Mapping[str, str] = os.environ) -> None:
        self.stream = stream
        plain = environment.get("NO_COLOR") or environment.get("TERM") == "dumb"
        self.colored = stream.isatty() and not plain
        self.width = min(100, shutil.get_terminal_size().columns if stream.isatty() else 100)
        self.marks = ("✓", "✗") if _can_encode(stream, "✓✗") else ("+", "-")

    def line(self, text: str = "", color: str = "") -> None:
        """One line, as it is."""
        if color and self.colored:
            text = f"\x1b[{COLORS[color]}m{text}\x1b[0m"
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        self.stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")

    def text(self, text: str, color: str = "", indent: str = "") -> None:
        """Text that may be long: each of its lines is wrapped."""
        for line in text.splitlines():
            start = indent + line[: len(line) - len(line.lstrip())]
            wrapped = textwrap.wrap(
                line.strip(), self.width, initial_indent=start, subsequent_indent=start
            )
            for piece in wrapped:
                self.line(piece, color)


def _print_part(out: Printer, part: Part, checks: Mapping[str, Check], broken: set[str]) -> None:
    own = [checks[name] for name in part.checks if name in checks]
    wide = max(len(check.name) for check in checks.values())
    for check in own:
        mark, color = (out.marks[0], "good") if check.passed else (out.marks[1], "bad")
        earned = check.points if check.passed else 0
        out.line(f"  {mark} {check.name:<{wide}}  {earned} of {check.points}", color)
        if not check.passed:
            out.text(check.message, indent="      ")
    failed = [check for check in own if not check.passed]
    if failed and part.hints:
        blank = all(kind_of(check.message) == "unanswered" for check in failed)
        answered = not blank and not broken.intersection(part.answers)
        best = next_hint(part.hints, answered, len(own) - len(failed), len(failed))
        out.text(f"Next: {part.hints[best].title}, in the notebook.", "faint", indent="    ")


def _reference(pristine: dict[str, Any], path: Path) -> dict[str, list[str]]:
    """What each check must show for seed 0; it is in the exercise notebook since it was derived."""
    cells = [cell["metadata"] for cell in pristine["cells"]]
    checks = [cell for cell in cells if cell.get("role") == "check"]
    if not checks or not all(cell.get("name") and cell.get("reference") for cell in checks):
        raise CourseError(
            f"{path}: its checks have lost their metadata, so there is nothing to compare with; "
            f"get a fresh copy (in a clone: git checkout {path.name}), and put your answers into it"
        )
    return {cell["name"]: list(cell["reference"]) for cell in checks}


def _can_encode(stream: TextIO, text: str) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
