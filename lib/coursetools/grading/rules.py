"""How nbval treats a notebook of this course, for students and for grading alike.

nbval lets a cell say by comment or tag that it should be skipped, may raise, or need not be
compared; it compares nothing if a cell was never run; and it compares all outputs, warnings
included. Here the role decides: a check cell is always run, must not raise, and the lines that
`show` printed must be those of `metadata.reference`. nbval still runs the cells and compares. Cells
without a role, in notebooks that are no exercise, are left alone.
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import Any

import nbformat
import nbval.plugin
from nbval.plugin import IPyNbCell

from coursetools.grading.compare import agree
from coursetools.grading.kernel import WatchedKernel
from coursetools.grading.sandbox.client import Nursery
from coursetools.grading.sandbox.limits import Limits
from coursetools.outputs import marked_lines, printed

_compare_all = IPyNbCell.compare_outputs


def install(
    seed: int | None = None, nursery: Nursery | None = None, limits: Limits | None = None
) -> None:
    """Make nbval start watched kernels and compare marked lines; for the rest of this process.

    Args:
        seed: The grading seed, which also gives the kernel an empty folder and a bare environment;
            None for a student's own run.
        nursery: Where sandboxed kernels are born.
        limits: What a kernel may use that is born elsewhere.
    """
    nbval.plugin.RunningKernel = partial(WatchedKernel, seed=seed, nursery=nursery, limits=limits)
    IPyNbCell.compare_outputs = _compare_marked


def prepare(item: Any) -> None:
    """Set a cell's options and reference from its role; called once for each collected cell."""
    metadata = item.cell.metadata
    if "role" not in metadata:
        return
    is_check = metadata["role"] == "check" and "reference" in metadata
    item.options = defaultdict(bool, check=is_check)
    item.cell.outputs = []
    if is_check:
        item.cell.outputs = [_stream(metadata["reference"])]
        item.cell.execution_count = 1  # nbval compares nothing where there is none


def _compare_marked(self: Any, test: Any, ref: Any, skip_compare: Any = None) -> bool:
    """Compare what `show` printed; whatever else a cell shows neither helps nor harms."""
    if "role" not in self.cell.metadata:
        return bool(_compare_all(self, test, ref, skip_compare))
    shown = marked_lines(printed({"outputs": test}))
    reference = marked_lines(printed({"outputs": ref}))
    if not reference:  # an author's fault, and never a reason to pass
        self.comparison_traceback = ["this check has no reference"]
        return False
    if agree(shown, reference):
        return True
    return bool(_compare_all(self, [_stream(shown)] if shown else [], [_stream(reference)]))


def _stream(lines: list[str]) -> nbformat.NotebookNode:
    return nbformat.v4.new_output("stream", name="stdout", text="\n".join(lines) + "\n")
