"""A class to grade: right answers, each decoy's wrong ones, and blank notebooks, in turn."""

from __future__ import annotations

import json
from itertools import cycle
from pathlib import Path
from typing import Any

from coursetools.exercises.source import read_source

Notebook = dict[str, Any]


def make_class(root: Path, stems: list[str], students: int, folder: Path) -> dict[str, str]:
    """Write one notebook for each student, sets and kinds of answers in turn.

    Args:
        root: The course's folder.
        stems: The sets to hand in, one for each student, in turn.
        students: How many.
        folder: Where `<student>/<stem>.ipynb` go.

    Returns:
        What each student's notebook is: "solution", "blank", or the name of a decoy.
    """
    kinds = {}
    variants = {stem: cycle(_variants(root, stem)) for stem in stems}
    for number, stem in zip(range(students), cycle(stems), strict=False):
        kind, answers = next(variants[stem])
        student = f"student-{number:05}"
        place = folder / student / f"{stem}.ipynb"
        place.parent.mkdir(parents=True)
        place.write_text(json.dumps(_filled(root, stem, answers)), encoding="utf-8")
        kinds[student] = kind
    return kinds


def _variants(root: Path, stem: str) -> list[tuple[str, dict[str, str]]]:
    source = read_source(root / "solutions" / f"{stem}.py")
    right = {str(cell.name): cell.source for cell in source.of_role("answer")}
    made = [("solution", right), ("blank", {})]
    for decoy in source.of_role("decoy"):
        made.append((str(decoy.name), right | {str(decoy.replaces): decoy.source}))
        made.append(("solution", right))
    return made


def _filled(root: Path, stem: str, answers: dict[str, str]) -> Notebook:
    path = root / "exercises" / f"{stem}.ipynb"
    notebook: Notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        name = cell["metadata"].get("name")
        if cell["metadata"].get("role") == "answer" and name in answers:
            cell["source"] = answers[name]
    return notebook
