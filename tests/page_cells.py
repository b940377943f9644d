"""Run the cells of a page where a test can look at what they define and print."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import jupytext
import torch

BOOK = Path(__file__).resolve().parents[1] / "book"


def run_cells(page: str, **given: Any) -> tuple[dict[str, Any], list[str]]:
    """The names that are given or that cells of book/page define, and the lines that they print."""
    printed, names, before = io.StringIO(), dict(given), torch.get_default_dtype()
    try:
        with contextlib.redirect_stdout(printed):
            for number, cell in enumerate(jupytext.read(BOOK / page).cells):
                if cell.cell_type == "code":
                    exec(compile(cell.source, f"{page}, cell {number}", "exec"), names)
    finally:
        torch.set_default_dtype(before)
    return names, printed.getvalue().splitlines()
