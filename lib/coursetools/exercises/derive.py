"""Write or check the derived notebooks of a course."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from pathlib import Path

import nbformat
import yaml

from coursetools.errors import CourseError
from coursetools.exercises.execute import execute
from coursetools.exercises.notebooks import exercise_notebook, solution_notebook
from coursetools.exercises.source import ExerciseSet, read_source
from coursetools.exercises.validate import validate
from coursetools.outputs import marked_lines, printed

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{6,}")
OTHER_SEED = 1
MOST_DIFF_LINES = 40


def course_root(start: Path) -> Path:
    """The course's folder: `start` or the nearest folder above it that holds `solutions/`.

    Raises:
        CourseError: If there is none.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / "solutions").is_dir():
            return folder
    raise CourseError(
        f"{start}: no folder solutions/ here or above; run this in a clone of the course"
    )


def stems(root: Path, wanted: Sequence[str] = ()) -> list[str]:
    """The stems that have a source, or the wanted ones; a path to any of their files will do.

    Raises:
        CourseError: If a wanted stem has no source, or if there is no source at all.
    """
    known = sorted(path.stem for path in (root / "solutions").glob("[0-9][0-9]_*.py"))
    if not known:
        raise CourseError(f"{root / 'solutions'}: no NN_topic.py here; expected a percent source")
    chosen = [Path(name).stem for name in wanted]
    for name in chosen:
        if name not in known:
            raise CourseError(
                f"{name}: no solutions/{name}.py; the exercise sets are {', '.join(known)}"
            )
    return chosen or known


def derive(root: Path, stem: str) -> dict[Path, str]:
    """The text of both notebooks of one exercise set; executes the solution with two seeds.

    Returns:
        A dict from the path of each notebook to what should be in it.

    Raises:
        CourseError: If the source is faulty, the solution fails, or a check would not test what it
            should.
    """
    exercise_set = read_source(root / "solutions" / f"{stem}.py")
    validate(exercise_set)
    solution = solution_notebook(exercise_set)
    label = str(exercise_set.path)
    executed = execute(solution, 0, label)
    _judge_outputs(exercise_set, executed, execute(solution, OTHER_SEED, label))
    exercise = exercise_notebook(exercise_set, executed, repository_url(root))
    return {
        root / "solutions" / f"{stem}.ipynb": dumps(executed),
        root / "exercises" / f"{stem}.ipynb": dumps(exercise),
    }


def dumps(notebook: nbformat.NotebookNode) -> str:
    """A notebook as text, the same for the same notebook on every machine."""
    nbformat.validate(notebook)
    text = nbformat.writes(notebook, version=nbformat.NO_CONVERT)
    return json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write(root: Path, wanted: Sequence[str] = ()) -> list[Path]:
    """Derive the wanted sets (all by default) and write what changed; return the changed paths."""
    changed = []
    for stem in stems(root, wanted):
        for path, text in derive(root, stem).items():
            if not path.exists() or path.read_bytes() != text.encode():
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(text.encode())
                changed.append(path)
    return changed


def check(root: Path, wanted: Sequence[str] = ()) -> None:
    """Compare the committed notebooks with what their sources give now.

    Raises:
        CourseError: If they differ: with the first lines of a unified diff, and the command that
            mends it.
    """
    reports = []
    for stem in stems(root, wanted):
        for path, text in derive(root, stem).items():
            name = path.relative_to(root).as_posix()
            committed = path.read_text(encoding="utf-8") if path.exists() else ""
            if committed == text:
                continue
            diff = list(
                difflib.unified_diff(
                    committed.splitlines(),
                    text.splitlines(),
                    f"{name} (as committed)",
                    f"{name} (derived from solutions/{stem}.py now)",
                    n=2,
                    lineterm="",
                )
            )
            shown = [line[:200] for line in diff[:MOST_DIFF_LINES]]
            if len(diff) > len(shown):
                shown.append(f"... and {len(diff) - len(shown)} more lines")
            reports.append("\n".join(shown) + f"\nTo mend it: coursetools derive {stem}")
    if reports:
        raise CourseError("\n\n".join(reports))


def repository_url(root: Path) -> str:
    """Where the course can be cloned from, as `_config.yml` tells the site's launch buttons."""
    path = root / "_config.yml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None
    return str(((settings or {}).get("repository") or {}).get("url") or "THE-COURSE'S-ADDRESS")


def _judge_outputs(
    exercise_set: ExerciseSet, executed: nbformat.NotebookNode, other: nbformat.NotebookNode
) -> None:
    """Refuse outputs that differ from run to run, and checks that could be answered by heart."""
    where = {cell.name: cell.where for cell in exercise_set.cells}
    for cell, again in zip(executed.cells, other.cells, strict=True):
        if cell.cell_type != "code":
            continue
        name = cell.metadata.get("name")
        place = where.get(name) or f"{exercise_set.path}: {cell.source.strip().splitlines()[0]}"
        found = ADDRESS.search(json.dumps(cell.outputs))
        if found:
            raise CourseError(
                f"{place}: the output holds an address ({found[0].strip()}), which is another one "
                "in each run; show a name or a number instead of the object"
            )
        if cell.metadata["role"] != "check":
            continue
        lines = marked_lines(printed(cell))
        if not lines:
            raise CourseError(
                f"{place}: the check shows nothing; expected show(name, value) from "
                "coursetools.checks, because grading compares what is shown, never an assert"
            )
        if any("too many numbers to show" in line for line in lines):
            raise CourseError(f"{place}: the check shows more than 1000 numbers; show fewer")
        if lines == marked_lines(printed(again)):
            raise CourseError(
                f"{place}: the check shows the same for seed 0 and seed {OTHER_SEED}, so a student "
                "could type it in by hand; draw its inputs from generator(label)"
            )
