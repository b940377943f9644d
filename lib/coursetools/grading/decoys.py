"""Let every decoy of a set be graded: each must lose the checks that it names, and no others.

What a decoy shows is also what people show who make the same mistake, so the summary of a class
names the decoy that a wrong answer resembles.
"""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coursetools.errors import CourseError
from coursetools.exercises.source import ExerciseSet, read_source
from coursetools.grading.judge import Exercise, Judge
from coursetools.grading.results import Check, write_text
from coursetools.grading.transplant import merge

# What an answer cell could do as well: make every assert pass.
DROP_ASSERTS = """\
import ast
class DropAsserts(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)
get_ipython().ast_transformers.append(DropAsserts())
"""

Outcomes = dict[str, dict[str, Check]]  # by trial (a decoy, or "solution"), then by check


@dataclass(frozen=True)
class Background:
    """What a set's author wrote about wrong answers.

    Attributes:
        decoys: Code by name of decoy.
        discussions: The text that follows an answer and its decoys, by name of answer.
    """

    decoys: dict[str, str] = field(default_factory=dict)
    discussions: dict[str, str] = field(default_factory=dict)


def read_background(root: Path, stem: str) -> Background:
    """The decoys and discussions of a set, from `root/solutions/stem.py`."""
    found = Background()
    answer = ""
    for cell in read_source(root / "solutions" / f"{stem}.py").cells:
        if cell.role == "answer":
            answer = str(cell.name)
        elif cell.role == "decoy":
            found.decoys[str(cell.name)] = cell.source
        elif cell.role == "discussion" and answer:
            before = found.discussions.get(answer)
            found.discussions[answer] = f"{before}\n\n{cell.source}" if before else cell.source
    return found


Lost = dict[str, set[str]]  # the names of the lost checks by trial


def lost_checks(root: Path, stem: str, seed: int, cell_timeout: float = 60) -> tuple[Lost, Lost]:
    """Which checks each decoy loses, and which the solution loses (none, one hopes).

    Args:
        root: The course's folder.
        stem: The set, `root/solutions/stem.py`, and both notebooks derived from it.
        seed: The grading seed.
        cell_timeout: Seconds a cell may take.

    Returns:
        Twice, by name of decoy, with "solution" for the solution itself: as it is graded, and as
        if each answer had also switched off all asserts. What is lost then is lost because of what
        the check shows, as it must be.
    """
    exercise = Exercise.load(root, stem, seed, cell_timeout)
    with Judge() as one:
        graded = [_outcomes(root, exercise, one, without) for without in (False, True)]
    with_asserts, without_asserts = (
        {
            trial: {name for name, check in checks.items() if not check.passed}
            for trial, checks in outcomes.items()
        }
        for outcomes in graded
    )
    return with_asserts, without_asserts


def decoy_outcomes(root: Path, stem: str, seed: int, cell_timeout: float = 60) -> Outcomes:
    """What each check says of each decoy, and of the solution.

    All decoys run in one kernel, one whole notebook after the other with all names deleted in
    between, since starting a kernel takes longer than most sets.

    Args:
        root: The course's folder.
        stem: The set.
        seed: The grading seed.
        cell_timeout: Seconds a cell may take.

    Returns:
        A `Check` (passed, message, shown) by name of decoy and name of check; "solution" is the
        solution itself.
    """
    with Judge() as one:
        return _outcomes(root, Exercise.load(root, stem, seed, cell_timeout), one)


def _outcomes(
    root: Path, exercise: Exercise, one: Judge, without_asserts: bool = False
) -> Outcomes:
    one.start()  # while the solution runs
    notebook = decoy_notebook(root, exercise, without_asserts=without_asserts)
    return read_outcomes(
        exercise, notebook, one.judge(notebook, exercise.seed, exercise.cell_timeout)
    )


def decoy_notebook(
    root: Path, exercise: Exercise, *, without_asserts: bool = False
) -> dict[str, Any]:
    """The notebook that runs the solution and all decoys of a set; see `decoy_outcomes`."""
    reference = exercise.reference.shown
    cells = [_given(DROP_ASSERTS)] if without_asserts else []
    for trial, code in _trials(read_source(root / "solutions" / f"{exercise.stem}.py")).items():
        cells.append(_given("%reset -f"))
        for cell in copy.deepcopy(merge(exercise.pristine, code, reference)["cells"]):
            cell["metadata"]["name"] = f"{trial}/{cell['metadata'].get('name', '')}"
            cells.append(cell)
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return dict(exercise.pristine, cells=cells)


def read_outcomes(
    exercise: Exercise, notebook: dict[str, Any], judged: dict[str, dict[str, Any]]
) -> Outcomes:
    """What the judge of that notebook said, by trial and check.

    Raises:
        CourseError: If a check was not reached: a decoy has ended the process.
    """
    outcomes: Outcomes = {}
    for cell in notebook["cells"]:
        if cell["metadata"].get("role") != "check":
            continue
        name = cell["metadata"]["name"]
        if name not in judged:
            raise CourseError(f"{exercise.stem}: {name} did not run; does a decoy end the process?")
        trial, _, check = name.partition("/")
        found = Check.judged(check, exercise.checks[check], judged[name], "")
        outcomes.setdefault(trial, {})[check] = found
    return outcomes


def cached_outcomes(
    root: Path, stem: str, seed: int, folder: Path, cell_timeout: float = 60
) -> Outcomes:
    """The same, kept in `folder` until the set or the seed changes.

    Args:
        root: The course's folder.
        stem: The set.
        seed: The grading seed.
        folder: Where to keep them; made if missing.
        cell_timeout: Seconds a cell may take.
    """
    stored = read_cache(root, stem, seed, folder)
    if stored is None:
        stored = decoy_outcomes(root, stem, seed, cell_timeout)
        write_cache(root, stem, seed, folder, stored)
    return stored


def read_cache(root: Path, stem: str, seed: int, folder: Path) -> Outcomes | None:
    """What is kept in the folder for just this set and seed, or None."""
    try:
        stored = json.loads((folder / f"{stem}.json").read_text(encoding="utf-8"))
        if stored["digest"] != _digest(root, stem, seed):
            return None
        return {
            trial: {row["name"]: Check.stored(row) for row in rows}
            for trial, rows in stored["outcomes"].items()
        }
    except (OSError, ValueError, KeyError, TypeError):
        return None  # missing, or cut off by an interrupt


def write_cache(root: Path, stem: str, seed: int, folder: Path, outcomes: Outcomes) -> None:
    """Keep what the decoys of a set show."""
    rows = {trial: [vars(check) for check in checks.values()] for trial, checks in outcomes.items()}
    kept = {"digest": _digest(root, stem, seed), "outcomes": rows}
    write_text(folder / f"{stem}.json", json.dumps(kept, indent=1))


def _digest(root: Path, stem: str, seed: int) -> str:
    data = [str(seed), stem]
    for path in (root / "solutions" / f"{stem}.py", root / "exercises" / f"{stem}.ipynb"):
        data.append(hashlib.sha256(path.read_bytes()).hexdigest())
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()


def _trials(exercise_set: ExerciseSet) -> dict[str, dict[str, str]]:
    answers = {str(cell.name): cell.source for cell in exercise_set.of_role("answer")}
    trials = {"solution": answers}
    for decoy in exercise_set.of_role("decoy"):
        trials[str(decoy.name)] = answers | {str(decoy.replaces): decoy.source}
    return trials


def _given(source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"role": "given"},
        "outputs": [],
        "source": source,
    }
