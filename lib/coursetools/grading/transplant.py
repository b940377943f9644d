"""Take the answers out of a submission, and put them into the pristine notebook."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MOST_BYTES = 20_000_000


class SubmissionError(Exception):
    """A file from which no answer can be read; the message says why and what was expected."""


@dataclass(frozen=True)
class Answers:
    """What a submission answers: code by cell name, and what was odd, in words."""

    code: dict[str, str]
    problems: tuple[str, ...] = field(default=())


def read_answers(path: Path, names: list[str]) -> Answers:
    """Read the code of the answer cells, and nothing else.

    A cell is found by `metadata.name`, whatever else has changed. Two cells with one name are
    ambiguous, so neither counts, and the student is told.

    Args:
        path: The submitted notebook.
        names: The names of the exercise's answer cells.

    Raises:
        SubmissionError: If the file cannot be read, or is no notebook.
    """
    cells = _cells(path)
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
    code = {name: sources[0] for name, sources in found.items() if len(sources) == 1}
    return Answers(code, tuple(problems))


def _cells(path: Path) -> list[dict[str, Any]]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SubmissionError(
                f"The file has more than {MOST_BYTES // 1_000_000} MB. Clear all outputs, save, "
                "and submit again."
            )
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SubmissionError(f"The file cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SubmissionError(
            "The file is not UTF-8 text, so it is no notebook. Submit the .ipynb file itself, not "
            "an archive or a printout of it."
        ) from None
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError):
        start = text.strip()[:30]
        raise SubmissionError(
            f"The file is no notebook: expected JSON, and it starts with {start!r}."
        ) from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise SubmissionError(
            "The file is JSON but no notebook: expected a list of cells, as in nbformat 4."
        )
    return cells


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    if isinstance(source, list):
        return "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""


def answer_names(pristine: dict[str, Any]) -> list[str]:
    """The names of the answer cells of an exercise notebook, in order."""
    return [
        cell["metadata"]["name"]
        for cell in pristine["cells"]
        if cell["metadata"].get("role") == "answer"
    ]


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
