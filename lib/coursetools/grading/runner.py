"""The process that judges notebooks: has imported pytest, and is copied for each notebook.

Run as `python -m coursetools.grading.runner`. Jobs come on standard input and outcomes go to
standard output, JSON, a line each. So neither a notebook's path nor its reference outputs are in an
argument, in the environment or in an open file. Each job is judged by a copy of this process, by
pytest with nbval, so that one job cannot disturb the next; the kernel is one more process, in the
sandbox unless the first line says otherwise.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import select
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import coursetools._quick  # noqa: F401  # isort: skip

import pytest

from coursetools.grading import rules
from coursetools.grading.plugin import Scorer
from coursetools.grading.sandbox.client import Nursery
from coursetools.grading.sandbox.limits import Limits
from coursetools.grading.sandbox.namespaces import die_with_parent
from coursetools.grading.sandbox.provisioner import KERNEL_NAME

PR_SET_DUMPABLE = 4


def nbval_arguments(notebook: Path, cell_timeout: float, sandbox: bool) -> list[str]:
    """The command line of pytest for one notebook, apart from this repository's own settings."""
    kernel = f"--nbval-kernel-name={KERNEL_NAME}" if sandbox else "--nbval-current-env"
    return [
        "--nbval-lax",
        kernel,
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
    """Take jobs until standard input ends."""
    jobs = os.fdopen(os.dup(0), "rb", buffering=0)
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else prints must not look like an outcome
    with suppress(OSError, AttributeError):  # Linux: no reading of this process by its children
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    # No plugin but nbval: what happens to be installed must not change a grade.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    settings = json.loads(_line(jobs))
    limits = Limits(**settings["limits"])
    nursery = _nursery(settings, limits)
    gc.collect()
    gc.freeze()
    for line in iter(lambda: _line(jobs), b""):
        if nursery is not None and nursery.process.poll() is not None:
            nursery = _nursery(settings, limits)
        child = os.fork()
        if child == 0:
            _judge(json.loads(line), settings["sandbox"], nursery, limits, results)
        status = _wait(child, jobs)
        if status is None:
            break
        results.write(json.dumps({"ended": status}) + "\n")
        results.flush()
    if nursery is not None:
        nursery.close()
    return 0


def _nursery(settings: dict[str, Any], limits: Limits) -> Nursery | None:
    """Where kernels are born; None without a sandbox, or where each kernel needs its own box."""
    if not settings["sandbox"]:
        return None
    nursery = Nursery(settings["modules"], limits)
    if not nursery.single:
        return nursery
    nursery.close()
    return None


def _line(jobs: Any) -> bytes:
    line: bytes = jobs.readline()
    return line


def _wait(child: int, jobs: Any) -> int | None:
    """The child's exit code; None when whoever sends jobs has gone, and the child with it."""
    handle = os.pidfd_open(child)
    ready = select.poll()
    ready.register(handle, select.POLLIN)
    ready.register(jobs, select.POLLHUP)
    events = dict(ready.poll())
    gone = handle not in events
    if gone:
        os.kill(child, signal.SIGTERM)
    os.close(handle)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return None if gone else status


def _judge(
    job: dict[str, Any], sandbox: bool, nursery: Nursery | None, limits: Limits, results: Any
) -> NoReturn:
    status = 1
    try:
        with suppress(OSError, AttributeError):
            die_with_parent(signal.SIGTERM)
        # As an exception, so that the kernel is ended, too.
        signal.signal(signal.SIGTERM, signal.default_int_handler)

        def report(record: dict[str, Any]) -> None:
            results.write(json.dumps(record) + "\n")
            results.flush()

        with tempfile.TemporaryDirectory(prefix="course-") as folder:
            notebook = Path(folder) / f"{os.urandom(16).hex()}.ipynb"
            notebook.write_text(json.dumps(job["notebook"]), encoding="utf-8")
            (notebook.parent / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
            rules.install(job["seed"], nursery, limits)
            arguments = nbval_arguments(notebook, job["cell_timeout"], sandbox)
            status = int(pytest.main(arguments, plugins=[Scorer(notebook, report)]))
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
