"""Grade a class with nbgrader: `python with_nbgrader.py FOLDER STEM`, in the graders' environment.

FOLDER holds `release.ipynb`, the exercise, and `in/<student>/<STEM>.ipynb`. Its check cells become
nbgrader's locked test cells; a check that raises gives no points. Prints a JSON object of points.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

import nbformat
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config


def marked(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with nbgrader's marks on the cells that it grades or students fill."""
    for cell in notebook.cells:
        role = cell.metadata.get("role")
        if cell.cell_type != "code" or role not in ("answer", "check"):
            continue
        mark = {"schema_version": 3, "grade_id": cell.metadata["name"], "task": False}
        mark |= {"grade": role == "check", "locked": role == "check", "solution": role == "answer"}
        if role == "check":
            mark["points"] = cell.metadata["points"]
        cell.metadata["nbgrader"] = mark
    return notebook


def main() -> None:
    """Set a course up, grade everybody, print points and the seconds that grading took."""
    folder, stem = Path(sys.argv[1]), sys.argv[2]
    course = folder / "nbgrader"
    shutil.rmtree(course, ignore_errors=True)
    source = course / "source" / "set"
    source.mkdir(parents=True)
    nbformat.write(marked(nbformat.read(folder / "release.ipynb", 4)), source / f"{stem}.ipynb")
    students = sorted(path.name for path in (folder / "in").iterdir())
    for student in students:
        place = course / "submitted" / student / "set"
        place.mkdir(parents=True)
        submitted = nbformat.read(folder / "in" / student / f"{stem}.ipynb", 4)
        nbformat.write(marked(submitted), place / f"{stem}.ipynb")
    config = Config()
    config.CourseDirectory.root = str(course)
    config.ClearSolutions.enforce_metadata = False
    api = NbGraderAPI(config=config)
    made = api.generate_assignment("set")
    assert made["success"], made["log"]
    start = time.perf_counter()
    for student in students:
        done = api.autograde("set", student)
        assert done["success"], done["log"]
    seconds = time.perf_counter() - start
    with api.gradebook as gradebook:
        points = {s: gradebook.find_submission("set", s).score for s in students}
    print(json.dumps({"seconds": seconds, "points": points}))


if __name__ == "__main__":
    main()
