"""`pytest --nbval-lax exercises/01_*.ipynb`, as a student runs it: same rules, kinder words.

The root conftest.py loads this plugin. It does nothing to notebooks that are no exercises.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from nbval.plugin import IPyNbCell

from coursetools.grading import rules
from coursetools.grading.explain import explain, too_long

CELL_TIMEOUT = 60.0
NBVAL_DEFAULT = 2000.0


def pytest_configure(config: pytest.Config) -> None:
    """Cut an endless loop after a minute; nbval alone would wait for 33."""
    if not (config.getoption("nbval_lax", False) or config.getoption("nbval", False)):
        return
    if config.option.nbval_cell_timeout == NBVAL_DEFAULT:
        config.option.nbval_cell_timeout = CELL_TIMEOUT
    rules.install()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let roles decide, not comments and tags."""
    for item in items:
        if isinstance(item, IPyNbCell):
            rules.prepare(item)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Replace nbval's report on a cell of an exercise by what the student can do about it."""
    outcome: Any = yield
    if not isinstance(item, IPyNbCell) or "role" not in item.cell.metadata:
        return
    report = outcome.get_result()
    verdict(item, call, report)
    if report.failed and call.excinfo is not None:
        cell = item.cell.metadata
        worth = cell.get("points")
        points = f", {worth} point{'s' * (worth != 1)}" if worth else ""
        report.longrepr = f"{cell.get('name', 'a cell')}{points}\n{item.stash[MESSAGE]}\n"


MESSAGE = pytest.StashKey[str]()
ENDED_IN = pytest.StashKey[str]()


def verdict(item: Any, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
    """Settle a report: too late is failed, and each failure gets its message in `item.stash`.

    A cell that was interrupted and still printed the right lines is failed; nbval lets it pass.
    An interrupted kernel is fit for the next cell, which nbval would mark as an expected failure.
    """
    if report.when == "teardown":
        return
    limit = item.config.option.nbval_cell_timeout
    kernel = item.parent.kernel
    name = item.cell.metadata.get("name") or f"Cell {item.cell_num}"
    if call.excinfo is not None:
        ended_in = item.parent.stash.get(ENDED_IN, None)
        item.stash[MESSAGE] = explain(item, call.excinfo.value, limit, ended_in)
    if report.when != "call" or kernel is None:
        return
    if report.passed and kernel.timed_out:
        report.outcome = "failed"
        item.stash[MESSAGE] = report.longrepr = too_long(limit)
    if kernel.is_alive():
        item.parent.timed_out = False
    else:
        item.parent.stash.setdefault(ENDED_IN, name)
