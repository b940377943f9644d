"""Run a solved exercise set, or the cells of a lecture, in this process.

The tests of another device do both: without a GPU on one that is pretended, and with one in a
process for each, as `python -m tests.run_source set STEM` or `page NAME`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.page_cells import BOOK, run_cells

from coursetools.grading.compare import agree
from coursetools.outputs import marked_lines

ROOT = Path(__file__).resolve().parents[1]
APART = "13"  # asks for a device by itself, and `tests/gpu` has its kernels
STEMS = sorted(p.stem for p in (ROOT / "solutions").glob("*.py") if p.stem[:2] != APART)
PAGES = sorted(p.name for p in BOOK.glob("[0-9][0-9]-*.md") if p.name[:2] != APART)


def run_set(stem: str) -> dict[str, list[str]]:
    """What each check of a solved set shows."""
    notebook = json.loads((ROOT / f"solutions/{stem}.ipynb").read_text(encoding="utf-8"))
    names: dict[str, Any] = {"__name__": "__main__"}
    shown = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        about, printed = cell["metadata"], io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("".join(cell["source"]), about.get("name", "given"), "exec"), names)
        if about.get("role") == "check":
            shown[about["name"]] = marked_lines(printed.getvalue())
    return shown


def references(stem: str) -> dict[str, list[str]]:
    """What they have to show: as the exercise has it, from a run on the CPU."""
    notebook = json.loads((ROOT / f"exercises/{stem}.ipynb").read_text(encoding="utf-8"))
    return {
        cell["metadata"]["name"]: cell["metadata"]["reference"]
        for cell in notebook["cells"]
        if cell["metadata"].get("role") == "check"
    }


def differing(stem: str) -> dict[str, tuple[list[str], list[str]]]:
    """The checks that show something else, beyond the tolerance of grading: shown and wanted."""
    shown = run_set(stem)
    wanted = references(stem)
    assert shown.keys() == wanted.keys()
    return {n: (shown[n], wanted[n]) for n in wanted if not agree(shown[n], wanted[n])}


def run_page(name: str) -> dict[str, Any]:
    """What the cells of a lecture define, run as its kernel runs them: from the book's folder."""
    import matplotlib

    matplotlib.use("Agg")
    here, path = Path.cwd(), list(sys.path)
    os.chdir(BOOK)
    sys.path.insert(0, str(BOOK))
    try:
        return run_cells(name, __name__="__main__", display=lambda *_: None)[0]
    finally:
        os.chdir(here)
        sys.path[:] = path


if __name__ == "__main__":
    kind, what = sys.argv[1:]
    if kind == "page":
        run_page(what)
    elif faults := differing(what):
        sys.exit("\n".join(f"{n}: {a} instead of {b}" for n, (a, b) in faults.items()))
