"""Take the answers out of a submission, and put them into the pristine notebook."""

from __future__ import annotations

import copy
import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MOST_BYTES = 20_000_000
MOST_CODE = 200_000  # characters of one answer: the longest of the solutions has some 3,000


class SubmissionError(Exception):
    """A file from which no answer can be read; the message says why and what was expected."""


@dataclass(frozen=True)
class Answers:
    """What a submission answers: code by cell name, and what was odd, in words."""

    code: dict[str, str]
    problems: tuple[str, ...] = field(default=())


def read_answers(path: Path, names: list[str]) -> Answers:
    """Read the code of the answer cells of a submitted file; see `parse_answers`."""
    return parse_answers(read_bytes(path), names)


def read_bytes(path: Path) -> bytes:
    """What a submitted file holds.

    The file is opened once, without following a link and without waiting: what was a file when the
    folder was listed may be a link or a pipe by now.

    Raises:
        SubmissionError: If it cannot be read, is no plain file, or is too large.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise SubmissionError("This is no plain file. Submit the notebook itself.")
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise SubmissionError(f"The file cannot be read: {error.strerror}.") from None
    if len(data) > MOST_BYTES:
        raise SubmissionError(
            f"The file has more than {MOST_BYTES // 1_000_000} MB. Clear all outputs, save, "
            "and submit again."
        )
    return data


def parse_answers(data: bytes, names: list[str]) -> Answers:
    """Read the code of the answer cells, and nothing else.

    A cell is found by `metadata.name`, whatever else has changed. Two cells with one name are
    ambiguous, so neither counts, and the student is told.

    Args:
        data: The submitted notebook.
        names: The names of the exercise's answer cells.

    Raises:
        SubmissionError: If this is no notebook.
    """
    cells = _cells(data)
    found: dict[str, list[str]] = {name: [] for name in names}
    for cell in cells:
        metadata = cell.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        if isinstance(name, str) and name in found and cell.get("cell_type") == "code":
            found[name].append(_source(cell))
    problems = []
    for name, sources in found.items():
        if not sources:
            problems.append(
                f"There is no answer cell `{name}` in this notebook. Was it deleted, or its "
                "metadata lost? Copy the code into the cell of a fresh exercise notebook."
            )
        if len(sources) > 1:
            problems.append(
                f"There are {len(sources)} answer cells `{name}`, so none of them counts. Was it "
                "copied or split? Delete all but one."
            )
        if len(sources) == 1 and len(sources[0]) > MOST_CODE:
            problems.append(
                f"The answer `{name}` has {len(sources[0]):,} characters, and an answer may have "
                f"{MOST_CODE:,}, so it does not count. Does it hold data that the code should make?"
            )
    code = {n: own[0] for n, own in found.items() if len(own) == 1 and len(own[0]) <= MOST_CODE}
    return Answers(code, tuple(problems))


def _cells(data: bytes) -> list[dict[str, Any]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SubmissionError(
            "The file is not UTF-8 text, so it is no notebook. Submit the .ipynb file itself, not "
            "an archive or a printout of it."
        ) from None
    if not text.strip():
        raise SubmissionError("The file is empty. Save the notebook, and submit it again.")
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        start = text.strip()[:30]
        if start.startswith("{") and isinstance(error, json.JSONDecodeError):
            raise SubmissionError(
                f"The file is no whole notebook: line {error.lineno} breaks its JSON. Was the "
                "upload cut off? Open the notebook in JupyterLab, save it, and submit it again."
            ) from None
        raise SubmissionError(
            f"The file is no notebook: expected JSON, and it starts with {start!r}."
        ) from None
    if isinstance(notebook, dict) and "worksheets" in notebook:
        raise SubmissionError(
            "The file is a notebook of format 3, from before 2015. Open and save it with a current "
            "JupyterLab, and submit again."
        )
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise SubmissionError(
            "The file is JSON but no notebook: expected a list of cells, as in nbformat 4."
        )
    return cells


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    # JSON may hold half of a character, which nothing after this could write down.
    return source.encode("utf-8", "replace").decode() if isinstance(source, str) else ""


def answer_names(pristine: dict[str, Any]) -> list[str]:
    """The names of the answer cells of an exercise notebook, in order."""
    return [
        cell["metadata"]["name"]
        for cell in pristine["cells"]
        if cell["metadata"].get("role") == "answer"
    ]


def check_points(pristine: dict[str, Any]) -> dict[str, int]:
    """The points of each check of an exercise notebook by name, in order."""
    found = [cell["metadata"] for cell in pristine["cells"]]
    return {cell["name"]: cell["points"] for cell in found if cell.get("role") == "check"}


def merge(
    pristine: dict[str, Any], code: dict[str, str], reference: dict[str, list[str]]
) -> dict[str, Any]:
    """The pristine notebook with a student's code in its answer cells and fresh references.

    Args:
        pristine: The exercise notebook as JSON; not changed.
        code: Code by answer name; an answer without code keeps its stub.
        reference: What each check must show, by check name.
    """
    merged = copy.deepcopy(pristine)
    for cell in merged["cells"]:
        metadata = cell["metadata"]
        name = metadata.get("name")
        if metadata.get("role") == "answer" and name in code:
            cell["source"] = code[name]
        if metadata.get("role") == "check":
            metadata["reference"] = reference[name]
            cell["outputs"] = []
    return merged
