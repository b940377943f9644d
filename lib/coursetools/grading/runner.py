"""The process that judges one notebook: reads a job, runs pytest with nbval, writes outcomes.

Run as `python -m coursetools.grading.runner`. The job (JSON: notebook, seed, cell_timeout) comes on
standard input and the outcomes go to standard output, a JSON object a line. So neither the
notebook's path nor its reference outputs are in an argument, in the environment or in an open file.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import coursetools._quick  # noqa: F401  # isort: skip

import pytest

from coursetools.grading import rules
from coursetools.grading.plugin import Scorer

PR_SET_DUMPABLE = 4


def nbval_arguments(notebook: Path, cell_timeout: float) -> list[str]:
    """The command line of pytest for one notebook, apart from this repository's own settings."""
    return [
        "--nbval-lax",
        "--nbval-current-env",
        f"--nbval-cell-timeout={cell_timeout:g}",
        "--continue-on-collection-errors",
        "--color=no",
        "--tb=no",
        "-q",
        *("-p", "nbval.plugin", "-p", "no:cacheprovider", "-p", "no:faulthandler"),
        *("-c", str(notebook.parent / "pytest.ini"), "--rootdir", str(notebook.parent)),
        str(notebook),
    ]


def main() -> int:
    """Judge the job on standard input; the exit code is pytest's."""
    job = json.load(sys.stdin)
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else prints must not look like an outcome
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the kernel is ended too
    with suppress(OSError, AttributeError):  # Linux: no reading of this process by its children
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    # No plugin but nbval: what happens to be installed must not change a grade.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)

    def report(record: dict[str, Any]) -> None:
        results.write(json.dumps(record) + "\n")
        results.flush()

    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        notebook = Path(folder) / f"{os.urandom(16).hex()}.ipynb"
        notebook.write_text(json.dumps(job["notebook"]), encoding="utf-8")
        (notebook.parent / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        rules.install(seed=job["seed"])
        arguments = nbval_arguments(notebook, job["cell_timeout"])
        return int(pytest.main(arguments, plugins=[Scorer(notebook, report)]))


if __name__ == "__main__":
    sys.exit(main())
