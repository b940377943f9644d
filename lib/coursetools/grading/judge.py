"""Judge one merged notebook in a process of its own, and make the references it is judged by."""

from __future__ import annotations

import hashlib
import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import IO, Any

import nbformat
import psutil

from coursetools.errors import CourseError
from coursetools.exercises.execute import execute
from coursetools.grading.kernel import GRACE
from coursetools.grading.sandbox import box
from coursetools.grading.sandbox.limits import Limits
from coursetools.grading.transplant import check_points
from coursetools.outputs import marked_lines, printed

STARTUP = 120.0  # seconds that pytest and the kernel together may take to start
NOTEBOOK_TIMEOUT = 900.0


LOADED = "import json, sys; print(json.dumps(list(sys.modules)))"


@dataclass(frozen=True)
class Reference:
    """What the solution did when it ran with the grading seed.

    Attributes:
        shown: What each check showed, by name.
        modules: What was imported by the end, in order: kernels that find it imported save time.
    """

    shown: dict[str, list[str]]
    modules: tuple[str, ...]


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
        return check_points(self.pristine)

    @cached_property
    def reference(self) -> Reference:
        """What each check must show; made when first asked for, since it runs the solution."""
        return make_reference(self.stem, self.solution, self.pristine, self.seed, self.cell_timeout)


def make_reference(
    stem: str, solution: dict[str, Any], pristine: dict[str, Any], seed: int, cell_timeout: float
) -> Reference:
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
    notebook.cells.append(nbformat.v4.new_code_cell(LOADED))
    executed = execute(notebook, seed, f"solutions/{stem}.ipynb", cell_timeout)
    shown = {
        cell.metadata["name"]: marked_lines(printed(cell))
        for cell in executed.cells
        if cell.metadata.get("role") == "check"
    }
    for name, lines in shown.items():
        if not lines:
            raise CourseError(f"solutions/{stem}.ipynb: check {name} shows nothing; use show()")
    return Reference(shown, tuple(json.loads(printed(executed.cells[-1]))))


class Judge:
    """A process that judges notebooks, one after the other; it starts with the first.

    To import pytest and torch takes seconds, so the process does so once, and is copied for each
    notebook. One that was lost is started again.

    Args:
        sandbox: Run kernels under bubblewrap. Without it they run as whoever grades.
        limits: What a kernel may use.
    """

    def __init__(self, sandbox: bool = False, limits: Limits | None = None) -> None:
        self._settings = {"sandbox": sandbox, "limits": asdict(limits or Limits())}
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None

    def start(self) -> None:
        """Begin to start, and do not wait for it.

        Raises:
            CourseError: If there is no sandbox.
        """
        self._running()

    def judge(
        self,
        merged: dict[str, Any],
        seed: int,
        cell_timeout: float,
        notebook_timeout: float = NOTEBOOK_TIMEOUT,
        modules: Sequence[str] = (),
    ) -> dict[str, dict[str, Any]]:
        """Run one merged notebook under nbval, in a copy of the process.

        Args:
            merged: The notebook; each check's reference is in its metadata.
            seed: The grading seed.
            cell_timeout: Seconds a cell may take.
            notebook_timeout: Seconds all cells together may take.
            modules: What the kernel should find imported, if it is sandboxed; of a trusted run.

        Returns:
            For each named code cell that was reached: name, role, passed, message, shown. A cell
            that is missing was not reached, because the copy itself ended.

        Raises:
            CourseError: If there is no sandbox, or the process does not start.
        """
        job = {"notebook": merged, "seed": seed, "cell_timeout": cell_timeout}
        job["modules"] = list(modules)
        cells = sum(cell["cell_type"] == "code" for cell in merged["cells"])
        limit = STARTUP + min(cells * (cell_timeout + 2 * GRACE), notebook_timeout)
        records: list[dict[str, Any]] = []
        try:
            process = self._running()
            _send(process, job)
            for record in _records(process, monotonic() + limit):
                if "ended" in record:
                    break
                if "broken" in record:
                    raise CourseError(record["broken"])
                records.append(record)
            else:
                with suppress(subprocess.TimeoutExpired):  # at the limit of time it still runs
                    process.wait(GRACE)
                code = process.poll()
                said = self._said()
                self.close()
                if not records and code not in (None, 0, -9, -15):
                    raise CourseError(f"the grading process ended ({code}):\n{said}")
        except BaseException:
            self.close()
            raise
        return {record["name"]: record for record in records if "name" in record}

    def hang_up(self) -> None:
        """Tell the process to end, from another thread than that which waits for it."""
        process = self._process
        if process is not None and process.stdin is not None:
            with suppress(OSError, ValueError):  # it has ended, or is just being written to
                process.stdin.close()

    def close(self) -> None:
        """End the process, with its kernel and its sandbox."""
        if self._process is not None:
            end(self._process)
            self._process = None
        if self._errors is not None:
            self._errors.close()
            self._errors = None

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            if self._settings["sandbox"]:
                box.require()
            self.close()
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115
            self._process = subprocess.Popen(
                [sys.executable, "-m", "coursetools.grading.runner"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,  # Ctrl-C reaches the batch alone, which then ends it
            )
            _send(self._process, self._settings)
        return self._process

    def _said(self) -> str:
        assert self._errors is not None
        self._errors.seek(0, 2)
        self._errors.seek(max(0, self._errors.tell() - 2000))
        return self._errors.read().decode(errors="replace")


def _send(process: subprocess.Popen[bytes], message: dict[str, Any]) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it has ended, and reading will say so
        process.stdin.write(json.dumps(message).encode() + b"\n")
        process.stdin.flush()


def _records(process: subprocess.Popen[bytes], deadline: float) -> Iterator[dict[str, Any]]:
    """What the process writes, until it ends or time is up."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    rest = b""
    while (left := deadline - monotonic()) > 0:
        ready, _, _ = select.select([descriptor], [], [], left)
        data = os.read(descriptor, 1 << 16) if ready else b""
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            record = json.loads(line)
            if isinstance(record, dict):
                yield record


def end(process: subprocess.Popen[bytes]) -> None:
    """End the runner, its kernel and what they started; gently at first."""
    family = []
    with suppress(psutil.Error):
        family = psutil.Process(process.pid).children(recursive=True)
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()  # the end of its input tells it to end
    try:
        process.wait(timeout=2 * GRACE)
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
