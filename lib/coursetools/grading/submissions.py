"""Find what was handed in: `<student>/<NN_topic>.ipynb`, and say what else lies there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from coursetools.errors import CourseError


@dataclass(frozen=True)
class Submission:
    """One file of one student; `problem` says why it cannot be graded, if so."""

    student: str
    path: Path
    stem: str
    problem: str | None = None


def find_submissions(folder: Path, known: Collection[str]) -> list[Submission]:
    """Everything below the folder, sorted; hidden files are passed over.

    Args:
        folder: Holds a folder for each student.
        known: The stems of the course's exercises.

    Raises:
        CourseError: If the folder is missing or holds nothing.
    """
    layout = f"expected {folder}/<student>/<NN_topic>.ipynb"
    if not folder.is_dir():
        raise CourseError(f"{folder}: no such folder; {layout}")
    found = []
    for student in _visible(folder):
        if student.is_symlink():  # it could point at the solutions
            problem = f"{student.name} is a link, not a folder; {layout}."
            found.append(Submission(student.name, student, student.stem, problem))
            continue
        if not student.is_dir():
            problem = f"{student.name} lies outside a student's folder; {layout}."
            found.append(Submission(student.name, student, student.stem, problem))
            continue
        try:
            found.extend(_submission(student.name, path, known) for path in _visible(student))
        except OSError as error:
            problem = f"The folder {student.name} cannot be read: {error.strerror}."
            found.append(Submission(student.name, student, student.name, problem))
    if not found:
        raise CourseError(f"{folder}: no submissions here; {layout}")
    return found


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__")))


def _submission(student: str, path: Path, known: Collection[str]) -> Submission:
    problem = None
    if path.is_symlink():  # it could point at the solution
        problem = f"{path.name} is a link, not a file. Submit the notebook itself."
    elif not path.is_file() or path.suffix != ".ipynb":
        problem = f"{path.name} is no notebook; expected a file NN_topic.ipynb."
    elif path.stem not in known:
        problem = f"{path.name} belongs to no exercise of this course{_meant(path.stem, known)}"
    # A printout beside the notebook must not take its row: one name, one row.
    other = path.name if path.suffix else f"{path.name} (no suffix)"
    return Submission(student, path, path.stem if path.suffix == ".ipynb" else other, problem)


def _meant(stem: str, known: Collection[str]) -> str:
    """What a file's name could be for; browsers and learning-management systems add to names.

    >>> _meant("ada_01_a (2)", ["01_a", "02_b"]), _meant("homework", ["01_a", "02_b"])
    ('. Is it 01_a.ipynb, with more in its name?', '; they are 01_a, 02_b.')
    """
    for exercise in sorted(known):
        if exercise in stem:
            return f". Is it {exercise}.ipynb, with more in its name?"
    return f"; they are {', '.join(sorted(known)) or '(none)'}."
