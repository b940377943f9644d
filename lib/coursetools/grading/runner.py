"""The process that judges notebooks: has imported pytest, and is copied for each notebook.

Run as `python -m coursetools.grading.runner`. Jobs come on standard input and outcomes go to
standard output, JSON, a line each. So neither a notebook's path nor its reference outputs are in an
argument, in the environment or in an open file. Each job is judged by a copy of this process, by
pytest with nbval, so that one job cannot disturb the next; the kernel is one more process, in the
sandbox unless the first line says otherwise.
"""

from __future__ import annotations

import gc
import json
import os
import resource
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
from coursetools.grading.sandbox.namespaces import die_with_parent, hide_memory
from coursetools.grading.sandbox.provisioner import KERNEL_NAME

OWN_MEMORY = 2_000_000_000  # bytes of addresses beyond those that the process has at first


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
        *("-p", "no:unraisableexception"),  # collects garbage for a tenth of a second, twice
        *("-c", str(notebook.parent / "pytest.ini"), "--rootdir", str(notebook.parent)),
        str(notebook),
    ]


def main() -> int:
    """Take jobs until standard input ends."""
    jobs = os.fdopen(os.dup(0), "rb", buffering=0)
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else prints must not look like an outcome
    with suppress(OSError, AttributeError):  # Linux: no reading of this process by its children
        hide_memory()
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
        job = json.loads(line)
        if nursery is not None:
            nursery.load(job["modules"])
        # Removed here, since the copy may be killed.
        with tempfile.TemporaryDirectory(prefix="course-") as folder:
            alive, held = os.pipe()  # the end that the copy holds is closed when it ends
            child = os.fork()
            if child == 0:
                _judge(job, settings["sandbox"], nursery, limits, results, folder)
            os.close(held)
            status = _wait(child, alive, jobs)
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
    nursery = Nursery(limits)
    if not nursery.single:
        return nursery
    nursery.close()
    return None


def _line(jobs: Any) -> bytes:
    line: bytes = jobs.readline()
    return line


def _wait(child: int, alive: int, jobs: Any) -> int | None:
    """The child's exit code; None when whoever sends jobs has gone, and the child with it."""
    ready = select.poll()
    ready.register(alive, select.POLLHUP)
    ready.register(jobs, select.POLLHUP)
    events = dict(ready.poll())
    gone = alive not in events
    if gone:
        os.kill(child, signal.SIGTERM)
    os.close(alive)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return None if gone else status


def _judge(
    job: dict[str, Any],
    sandbox: bool,
    nursery: Nursery | None,
    limits: Limits,
    results: Any,
    folder: str,
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

        notebook = Path(folder) / f"{os.urandom(16).hex()}.ipynb"
        notebook.write_text(json.dumps(job["notebook"]), encoding="utf-8")
        (notebook.parent / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        rules.install(job["seed"], nursery, limits)
        arguments = nbval_arguments(notebook, job["cell_timeout"], sandbox)
        _limit_memory()
        status = int(pytest.main(arguments, plugins=[Scorer(notebook, report)]))
    finally:
        sys.stderr.flush()
        os._exit(status)


def _limit_memory() -> None:
    """A kernel may send faster than anybody reads; what piles up here must not fill the machine.

    Then this copy ends, and its submission with it: all that was judged before still counts.
    """
    try:
        now = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:  # no Linux
        return
    most = now * resource.getpagesize() + OWN_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    sys.exit(main())
