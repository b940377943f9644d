"""Run a notebook from top to bottom in a kernel of its own, and keep what it printed."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager

from coursetools.errors import CourseError

# A list of what may pass, not of what may not: a CI job's environment holds tokens.
PASSED_ON = {
    *("PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SYSTEMROOT"),
    *("VIRTUAL_ENV", "LD_LIBRARY_PATH", "PYTHONPATH", "XDG_CACHE_HOME", "MPLCONFIGDIR"),
}
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@contextmanager
def kernel_place(seed: int) -> Iterator[tuple[Path, dict[str, str]]]:
    """An empty working folder and a bare environment for one kernel; gone afterwards.

    The environment is the same for derived notebooks, for reference outputs and for students'
    answers, so a difference in outputs is a difference in answers.

    Yields
    ------
    The kernel's working folder, and its environment.
    """
    with tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        for part in ("work", "ipython"):
            (scratch / part).mkdir()
        style = scratch / "matplotlibrc"
        style.write_text("svg.hashsalt: course\n", encoding="utf-8")
        environment = {key: text for key, text in os.environ.items() if key in PASSED_ON}
        environment |= {
            "COURSE_SEED": str(seed),
            "PYTHONHASHSEED": "0",
            "OMP_NUM_THREADS": "1",  # two kernels that fight for two cores are many times slower
            "MKL_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "IPYTHONDIR": str(scratch / "ipython"),  # no start-up files of the user's
            "MATPLOTLIBRC": str(style),
            "SOURCE_DATE_EPOCH": "0",  # or SVG files hold today's date
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        yield scratch / "work", environment


def execute(
    notebook: nbformat.NotebookNode, seed: int, label: str, cell_timeout: float = 300
) -> nbformat.NotebookNode:
    """Run every code cell; return a copy with outputs, streams joined.

    Parameters
    ----------
    notebook
        Version 4; not changed.
    seed
        What `coursetools.checks.seed()` says in the kernel.
    label
        What to call the notebook in messages.
    cell_timeout
        Seconds a cell may take.

    Raises
    ------
    CourseError
        If a cell raises, takes too long, or ends the kernel: names the cell and the last lines.
    """
    notebook = nbformat.from_dict(notebook)
    manager = AsyncKernelManager(
        kernel_name=CURRENT_ENV_KERNEL_NAME, kernel_spec_manager=NbvalKernelspecManager()
    )
    with kernel_place(seed) as (folder, environment):
        client = NotebookClient(notebook, km=manager, timeout=cell_timeout, record_timing=False)
        try:
            client.execute(cwd=str(folder), env=environment, stdout=DEVNULL, stderr=DEVNULL)
        except CellExecutionError as error:
            tail = "\n".join(ANSI.sub("", error.traceback).strip().splitlines()[-12:])
            name = _stopped_in(notebook)
            raise CourseError(f"{label}: cell {name} fails with seed {seed}:\n{tail}") from None
        except CellTimeoutError:
            name = _stopped_in(notebook)
            raise CourseError(f"{label}: cell {name} took more than {cell_timeout:g} s") from None
        except DeadKernelError:
            name = _stopped_in(notebook)
            raise CourseError(f"{label}: cell {name} ended the Python process") from None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = join_streams(cell.outputs)
    return notebook


def _stopped_in(notebook: nbformat.NotebookNode) -> str:
    names = [
        cell.metadata.get("name") or repr(cell.source.strip().splitlines()[0][:40])
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.get("execution_count") is not None
    ]
    return names[-1] if names else "(the first)"


def join_streams(outputs: list[Any]) -> list[Any]:
    """One output for each stream: how a kernel cuts what is printed depends on timing.

    >>> parts = [{"output_type": "stream", "name": "stdout", "text": text} for text in "ab"]
    >>> join_streams(parts)
    [{'output_type': 'stream', 'name': 'stdout', 'text': 'ab'}]
    """
    joined: list[Any] = []
    streams: dict[str, Any] = {}
    for output in outputs:
        if output["output_type"] == "stream" and output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
            continue
        output = nbformat.from_dict(dict(output))
        if output["output_type"] == "stream":
            streams[output["name"]] = output
        joined.append(output)
    return joined


def printed(cell: Any) -> str:
    """What a cell wrote to standard output, as one string."""
    return "".join(
        output["text"]
        for output in cell.get("outputs", [])
        if output["output_type"] == "stream" and output["name"] == "stdout"
    )
