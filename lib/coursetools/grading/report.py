"""Write `grades.csv` for people and `grades.json` for programs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from coursetools.grading.results import Result, write_text


def write_reports(out: Path, results: list[Result], totals: dict[str, int]) -> None:
    """Write both reports.

    Args:
        out: The folder to write into.
        results: One for each file that was handed in.
        totals: The points of each exercise of the course, by stem.
    """
    write_text(out / "grades.csv", table(results, totals))
    write_text(out / "grades.json", json.dumps(records(results), indent=1) + "\n")


def table(results: list[Result], totals: dict[str, int]) -> str:
    r"""Students by exercises, as CSV: an empty field is an exercise that was not handed in.

    The first row, `(points possible)`, is the scale; the last column says what was wrong.

    >>> print(table([Result("ada", "01_a", "", ("not JSON",))], {"01_a": 3}).replace("\r", ""))
    student,01_a,total,problems
    (points possible),3,3,
    ada,0,0,01_a: not JSON
    <BLANKLINE>
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["student", *totals, "total", "problems"])
    writer.writerow(["(points possible)", *totals.values(), sum(totals.values()), ""])
    for student in sorted({result.student for result in results}):
        own = [result for result in results if result.student == student]
        points = {result.stem: result.points for result in own if result.stem in totals}
        problems = [f"{r.stem}: {' '.join(p.split())}" for r in own for p in r.problems]
        cells = [points.get(stem, "") for stem in totals]
        writer.writerow([student, *cells, sum(points.values()), " | ".join(problems)])
    return text.getvalue()


def records(results: list[Result]) -> list[dict[str, Any]]:
    """One record for each check of each submission; one with check None for a file without checks.

    >>> records([Result("ada", "notes", "", ("no notebook",))])[0]["message"]
    'no notebook'
    """
    rows = []
    for result in results:
        head = {"student": result.student, "exercise": result.stem}
        for check in result.checks:
            rows.append(
                head
                | {
                    "check": check.name,
                    "points": check.points,
                    "passed": check.passed,
                    "message": check.message,
                }
            )
        if not result.checks:
            message = "\n".join(result.problems)
            rows.append(head | {"check": None, "points": 0, "passed": False, "message": message})
    return rows
