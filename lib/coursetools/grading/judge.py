"""Judge one merged notebook in a process of its own, and make the references it is judged by."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import psutil

from coursetools.errors import CourseError
from coursetools.exercises.execute import execute
from coursetools.grading.kernel import GRACE
from coursetools.outputs import marked_lines, printed

STARTUP = 120.0  # seconds that pytest and the kernel together may take to start


@dataclass(frozen=True)
class Exercise:
    """One exercise as it is graded: the pristine notebook, its solution, seed and time limit."""

    stem: str
    pristine: dict[str, Any]
    solution: dict[str, Any]
    fingerprint: str
    seed: int
    cell_timeout: float

    @classmethod
    def load(cls, root: Path, stem: str, seed: int, cell_timeout: float) -> Exercise:
        """Read both derived notebooks; CourseError if one is missing or broken."""
        pristine, data = load_notebook(root / "exercises" / f"{stem}.ipynb")
        solution, solution_data = load_notebook(root / "solutions" / f"{stem}.ipynb")
        fingerprint = hashlib.sha256(data + b"\0" + solution_data).hexdigest()
        return cls(stem, pristine, solution, fingerprint, seed, cell_timeout)

    @property
    def checks(self) -> dict[str, int]:
        """The points of each check by name, in order."""
        found = [cell["metadata"] for cell in self.pristine["cells"]]
        return {cell["name"]: cell["points"] for cell in found if cell.get("role") == "check"}

    def reference(self) -> dict[str, list[str]]:
        """What each check must show; made when first asked for, since it runs the solution."""
        if not self._made:
            self._made.update(
                make_reference(
                    self.stem, self.solution, self.pristine, self.seed, self.cell_timeout
                )
            )
        return self._made

    _made: dict[str, list[str]] = field(default_factory=dict, init=False, repr=False)


def make_reference(
    stem: str, solution: dict[str, Any], pristine: dict[str, Any], seed: int, cell_timeout: float
) -> dict[str, list[str]]:
    """What each check shows when the solution runs with this seed.

    Raises:
        CourseError: If the solution fails, or is not the solution to this exercise notebook.
    """
    sources = [
        {
            cell["metadata"]["name"]: "".join(cell["source"])
            for cell in notebook["cells"]
            if cell["metadata"].get("role") == "check"
        }
        for notebook in (solution, pristine)
    ]
    if sources[0] != sources[1]:
        raise CourseError(
            f"{stem}: the checks in solutions/{stem}.ipynb and exercises/{stem}.ipynb differ; "
            f"to mend it: coursetools derive {stem}"
        )
    notebook = nbformat.reads(json.dumps(solution), as_version=4)
    executed = execute(notebook, seed, f"solutions/{stem}.ipynb", cell_timeout)
    reference = {
        cell.metadata["name"]: marked_lines(printed(cell))
        for cell in executed.cells
        if cell.metadata.get("role") == "check"
    }
    for name, lines in reference.items():
        if not lines:
            raise CourseError(f"solutions/{stem}.ipynb: check {name} shows nothing; use show()")
    return reference


def judge(merged: dict[str, Any], seed: int, cell_timeout: float) -> dict[str, dict[str, Any]]:
    """Run one merged notebook under nbval in a separate process.

    Returns:
        For each named code cell that was reached: name, role, passed, message. A cell that is
            missing
        was not reached, because the runner itself ended.
    """
    job = json.dumps({"notebook": merged, "seed": seed, "cell_timeout": cell_timeout})
    cells = sum(cell["cell_type"] == "code" for cell in merged["cells"])
    limit = STARTUP + cells * (cell_timeout + 2 * GRACE)
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "coursetools.grading.runner"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # so that Ctrl-C reaches the batch alone, which then ends it
        )
        output = b""
        try:
            output, _ = process.communicate(job.encode(), timeout=limit)
        except subprocess.TimeoutExpired as late:
            output = late.output or b""
        finally:
            end(process)
        errors.seek(0, 2)
        errors.seek(max(0, errors.tell() - 2000))
        tail = errors.read().decode(errors="replace")
    records = [_record(line) for line in output.splitlines()]
    outcomes = {record["name"]: record for record in records if record is not None}
    if not outcomes and process.returncode not in (-9, -15):
        raise CourseError(
            f"the grading process could not start (exit {process.returncode}):\n{tail}"
        )
    return outcomes


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:  # the last line of a runner that was killed while writing
        return None
    return record if isinstance(record, dict) and "name" in record else None


def end(process: subprocess.Popen[bytes]) -> None:
    """End the runner, its kernel and what they started; gently at first."""
    if process.poll() is not None:
        return
    family = []
    with suppress(psutil.Error):
        family = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    try:
        process.wait(timeout=GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in family:
        with suppress(psutil.Error):
            child.kill()


def load_notebook(path: Path) -> tuple[dict[str, Any], bytes]:
    """A derived notebook as JSON, and its bytes.

    Raises:
        CourseError: If it is missing or broken, with the command that makes it.
    """
    mend = f"to make it: coursetools derive {path.stem}"
    try:
        data = path.read_bytes()
        notebook: dict[str, Any] = json.loads(data)
    except FileNotFoundError:
        raise CourseError(f"{path}: no such notebook; {mend}") from None
    except (OSError, ValueError) as error:
        raise CourseError(f"{path}: cannot be read ({error}); {mend}") from None
    return notebook, data
