"""Grade a class with otter-grader, without containers: `python with_otter.py FOLDER STEM`.

FOLDER holds `release.ipynb`, the exercise, and `in/<student>/<STEM>.ipynb`. Each check cell becomes
a test of otter's: its lines are run after the whole notebook, and may not raise. Prints a JSON
object of points.
"""

from __future__ import annotations

import ast
import json
import sys
import time
import zipfile
from pathlib import Path

from otter.api import grade_submission

# What a check shows is for graders that compare it; a test of otter's expects no output.
QUIET = ">>> import coursetools.checks; coursetools.checks.print = lambda *_, **__: None"


def as_doctest(source: str) -> str:
    """The source as an interactive session that expects no output."""
    lines = source.splitlines()
    session = []
    for node in ast.parse(source).body:
        first, *rest = lines[node.lineno - 1 : node.end_lineno]
        session.append(f">>> {first}")
        session += [f"... {line}" for line in rest]
    return "\n".join(session)


def test_file(name: str, points: int, source: str) -> str:
    """A test in the format that otter reads."""
    case = {"code": f"{QUIET}\n{as_doctest(source)}", "hidden": False, "locked": False}
    suite = {"cases": [case], "scored": True, "setup": "", "teardown": "", "type": "doctest"}
    test = {"name": name.replace("-", "_"), "points": points, "suites": [suite]}
    return f"OK_FORMAT = True\n\ntest = {test!r}\n"


def autograder(folder: Path) -> Path:
    """The file that otter grades by, made from the exercise."""
    path = folder / "autograder.zip"
    release = json.loads((folder / "release.ipynb").read_text(encoding="utf-8"))
    with zipfile.ZipFile(path, "w") as archive:
        settings = {"lang": "python", "show_stdout": False, "print_summary": False}
        archive.writestr("otter_config.json", json.dumps(settings))
        for cell in release["cells"]:
            role = cell["metadata"].get("role")
            if cell["cell_type"] == "code" and role == "check":
                name, points = cell["metadata"]["name"], cell["metadata"]["points"]
                text = test_file(name, points, "".join(cell["source"]))
                archive.writestr(f"tests/{name.replace('-', '_')}.py", text)
    return path


def main() -> None:
    """Grade everybody, print points and the seconds that it took."""
    folder, stem = Path(sys.argv[1]), sys.argv[2]
    rules = str(autograder(folder))
    students = sorted(path.name for path in (folder / "in").iterdir())
    points = {}
    start = time.perf_counter()
    for student in students:
        submission = folder / "in" / student / f"{stem}.ipynb"
        points[student] = grade_submission(str(submission), rules, quiet=True).total
    print(json.dumps({"seconds": time.perf_counter() - start, "points": points}))


if __name__ == "__main__":
    main()
