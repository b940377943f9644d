"""Make the two notebooks of an exercise set, as values: no files here."""

from __future__ import annotations

import hashlib
from typing import Any

import nbformat

from coursetools.exercises.source import Cell, ExerciseSet
from coursetools.exercises.stub import stub
from coursetools.outputs import join_streams, marked_lines, printed

COMPARE_TAG = "nbval-check-output"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
SET_UP = """\
# Run this cell first. Where the course is installed it does nothing.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("coursetools") is None:
    if "google.colab" in sys.modules:  # a fresh machine: fetch the course, which takes a minute
        subprocess.check_call([sys.executable, "-m", "pip", "install", "-q", "git+{url}"])
    else:
        raise ModuleNotFoundError(
            "This notebook runs in a Python without the course. In a terminal, in the folder of "
            "the course, type `make lab`, and open the notebook from there. No folder yet? "
            "`git clone {url}` makes one."
        )"""


def solution_notebook(exercise_set: ExerciseSet) -> nbformat.NotebookNode:
    """The solution, not yet executed: all cells but the decoys."""
    return _notebook([_derived(cell, cell.source) for cell in exercise_set.cells], ("decoy",))


def exercise_notebook(
    exercise_set: ExerciseSet, executed: nbformat.NotebookNode, url: str
) -> nbformat.NotebookNode:
    """What a student opens: stubs, no decoys, no discussion, checks with reference outputs.

    Args:
        exercise_set: Validated.
        executed: The solution notebook with outputs, from the same set.
        url: Where the course can be cloned from; goes into the first cell.

    Returns:
        A notebook whose check cells alone hold outputs, an execution count (nbval compares nothing
        without one), nbval's tag, and the reference lines once more in their metadata, because the
        outputs are overwritten when a student runs and saves the notebook.
    """
    reference = {cell.metadata["name"]: cell for cell in executed.cells if "name" in cell.metadata}
    first = Cell("code", "given", "set-up", SET_UP.replace("{url}", url), "set-up")
    cells = [_derived(first, first.source)]
    for cell in exercise_set.cells:
        source = stub(cell.source) if cell.role == "answer" else cell.source
        derived = _derived(cell, source)
        if cell.role == "answer":
            derived.metadata["deletable"] = False
        if cell.role == "check":
            done = reference[cell.name]
            derived.metadata |= {"deletable": False, "editable": False}
            derived.metadata["tags"] = [*derived.metadata.get("tags", []), COMPARE_TAG]
            derived.metadata["reference"] = marked_lines(printed(done))
            derived.outputs = join_streams(done.outputs)
            derived.execution_count = done.execution_count
        cells.append(derived)
    return _notebook(cells, ("decoy", "discussion"))


def _derived(cell: Cell, source: str) -> Any:
    make = nbformat.v4.new_code_cell if cell.kind == "code" else nbformat.v4.new_markdown_cell
    metadata = dict(cell.extra, role=cell.role)
    if cell.name:
        metadata["name"] = cell.name
    if cell.points:
        metadata["points"] = cell.points
    digest = hashlib.sha256(f"{cell.role}\n{cell.source}".encode()).hexdigest()
    return make(source, metadata=metadata, id=cell.name or f"{cell.role}-{digest[:8]}")


def _notebook(cells: list[Any], without: tuple[str, ...]) -> nbformat.NotebookNode:
    kept = [cell for cell in cells if cell.metadata["role"] not in without]
    seen: dict[str, int] = {}
    for cell in kept:  # two cells with the same text: number them
        seen[cell.id] = seen.get(cell.id, 0) + 1
        if seen[cell.id] > 1:
            cell.id = f"{cell.id}-{seen[cell.id]}"
    return nbformat.v4.new_notebook(cells=kept, metadata=nbformat.from_dict(METADATA))
