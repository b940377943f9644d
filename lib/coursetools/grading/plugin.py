"""The pytest plugin that scores: by each cell's metadata, never by nbval's names of tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coursetools.errors import CourseError
from coursetools.grading import rules
from coursetools.grading.explain import MOST_LINES, clean
from coursetools.grading.student import MESSAGE, verdict
from coursetools.outputs import marked_lines, printed


class Scorer:
    """Reports each code cell's outcome as soon as it is known.

    Args:
        notebook: The merged notebook's path. It is removed once pytest has read it and before the
            kernel starts, so that the reference outputs are on no disk while a student's code runs.
        report: Called with a dict for each cell: name, role, passed, message, shown.
    """

    def __init__(self, notebook: Path, report: Callable[[dict[str, Any]], None]) -> None:
        self.notebook = notebook
        self.report = report

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Let roles decide, and take the reference outputs off the disk."""
        for item in items:
            rules.prepare(item)
        self.notebook.unlink()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: pytest.CallInfo[None]) -> Iterator[None]:
        """Report a cell once: when it has run, or when it could not even be set up."""
        outcome: Any = yield
        report = outcome.get_result()
        if call.excinfo is not None and call.excinfo.errisinstance(CourseError):
            self.report({"broken": str(call.excinfo.value)})  # ours to mend, not the student's
        verdict(item, call, report)
        if report.when == "teardown" or (report.when == "setup" and report.passed):
            return
        # xfail and xpass are marks on a report whose outcome may well be "passed".
        passed = report.when == "call" and report.passed and not hasattr(report, "wasxfail")
        metadata = item.cell.metadata
        if metadata.get("role") == "check":
            passed = passed and bool(item.options["check"])
        self.report(
            {
                "name": metadata.get("name") or f"Cell {item.cell_num}",
                "role": metadata.get("role"),
                "passed": passed,
                "message": "" if passed else clean(item.stash.get(MESSAGE, "Not run.")),
                "shown": _shown(item) if metadata.get("role") == "check" else [],
            }
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Clear up after a kernel that ended by itself; nbval does so only for a living one."""
        items: list[Any] = session.items
        for kernel in {item.parent.kernel for item in items}:
            if kernel is not None and not kernel.is_alive():
                kernel.close()


def _shown(item: Any) -> list[str]:
    """What the check showed: two wrong answers that show the same went wrong in the same way."""
    lines = marked_lines(printed({"outputs": item.test_outputs or []}))
    return [clean(line, most=400) for line in lines[:MOST_LINES]]
