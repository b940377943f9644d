"""A class from start to end: 200 students, all sets of the course in turn, in the sandbox.

Every right notebook must get full marks, every blank one none, every decoy lose just the points of
the checks that it names. Part of `make bench-grading`; writes `_build/grading-class.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

from bench import BUILD, ROOT, ours
from classes import make_class

from coursetools.exercises.source import ExerciseSet, read_source


def expected(source: ExerciseSet, kind: str) -> int:
    """The points that this kind of notebook must get."""
    points = {str(cell.name): int(cell.points) for cell in source.of_role("check")}
    if kind == "blank":
        return 0
    lost: list[str] = []
    for decoy in source.of_role("decoy"):
        if decoy.name == kind:
            lost = list(decoy.fails)
    return sum(points.values()) - sum(points[name] for name in lost)


def main() -> None:
    """Grade the class once and hold every score to what it must be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--out", type=Path, default=BUILD / "grading-class.json")
    options = parser.parse_args()
    stems = sorted(path.stem for path in (ROOT / "solutions").glob("*.py"))
    sources = {stem: read_source(ROOT / "solutions" / f"{stem}.py") for stem in stems}
    with tempfile.TemporaryDirectory(prefix="class-") as name:
        folder = Path(name)
        kinds = make_class(ROOT, stems, options.students, folder / "in")
        handed = {path.parent.name: path.stem for path in (folder / "in").glob("*/*.ipynb")}
        seconds, peak, points = ours(folder, len(os.sched_getaffinity(0)))
    wrong = {}
    for student, kind in kinds.items():
        must = expected(sources[handed[student]], kind)
        if points[student] != must:
            wrong[student] = f"{handed[student]}, {kind}: {points[student]} instead of {must}"
    row = {
        "submissions": len(points),
        "sets": len(stems),
        "seconds": round(seconds, 1),
        "per_minute": round(60 * len(points) / seconds, 1),
        "peak_mb": round(peak),
        "wrong_scores": wrong,
    }
    options.out.parent.mkdir(exist_ok=True, parents=True)
    options.out.write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(row, indent=1))


if __name__ == "__main__":
    main()
