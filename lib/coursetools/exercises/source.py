"""Read a percent source: cells, each with a role.

| role | header | in the solution | in the exercise |
|---|---|---|---|
| given | `# %%` or `# %% [markdown]` | as it is | as it is |
| answer | `# %% name="rotate" role="answer"` | as it is | a stub from `# solution` on |
| check | `# %% name="check-rotate" role="check" points=2` | as it is | with reference outputs |
| decoy | `# %% name="..." role="decoy" replaces="rotate" fails=["check-rotate"]` | no | no |
| discussion | `# %% [markdown] role="discussion"` | as it is | no |
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jupytext

from coursetools.errors import CourseError

ROLES = ("given", "answer", "check", "decoy", "discussion")
OWN_KEYS = ("name", "role", "points", "replaces", "fails", "lines_to_next_cell")


@dataclass(frozen=True)
class Cell:
    """One cell of a percent source; `where` says in messages which one it is."""

    kind: str  # "code" or "markdown"
    role: str
    name: str | None
    source: str
    where: str
    points: Any = None
    replaces: Any = None
    fails: Any = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ExerciseSet:
    """One topic's cells in order, and where they came from."""

    stem: str
    path: Path
    cells: tuple[Cell, ...]

    def of_role(self, role: str) -> tuple[Cell, ...]:
        """The cells with this role, in order."""
        return tuple(cell for cell in self.cells if cell.role == role)


def read_source(path: Path) -> ExerciseSet:
    """Read a percent source into cells, without judging them (see `validate`).

    Args:
        path: `NN_topic.py`, in jupytext's py:percent format, UTF-8.

    Raises:
        CourseError: If the file cannot be read, or a header cannot be parsed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CourseError(
            f"{path}: no such file; an exercise set is solutions/NN_topic.py"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    try:
        notebook = jupytext.reads(text, fmt="py:percent")
    except Exception as error:  # jupytext raises many kinds, and all of them mean this
        raise CourseError(f"{path}: not a percent source ({error})") from error
    cells = tuple(
        _cell(path, number, raw)
        for number, raw in enumerate(notebook.cells, 1)
        if raw.source.strip()
    )
    return ExerciseSet(path.stem, path, cells)


def _cell(path: Path, number: int, raw: Any) -> Cell:
    metadata = dict(raw.metadata)
    name = metadata.get("name")
    first = raw.source.strip().splitlines()[0][:40]
    where = f"{path}: cell {number} ({name or first})"
    return Cell(
        kind=raw.cell_type,
        role=metadata.get("role", "given"),
        name=name,
        source=raw.source,
        where=where,
        points=metadata.get("points"),
        replaces=metadata.get("replaces"),
        fails=metadata.get("fails"),
        extra={key: value for key, value in metadata.items() if key not in OWN_KEYS},
    )
