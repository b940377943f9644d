"""Write `grades.csv` and the tables for learning-management systems, and `grades.json`.

All of them in one pass over the results, student by student, so a class of any size needs the
memory of one student.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from coursetools.grading import lms
from coursetools.grading.results import Result
from coursetools.grading.rows import Row, inert, put, writing

# Called with a student and all results of that student.
Reader = Callable[[str, Sequence[Result]], None]


def write_reports(
    out: Path,
    results: Iterable[Result],
    totals: dict[str, int],
    readers: Sequence[Reader] = (),
    handed_in: Collection[str] | None = None,
) -> None:
    """Write all tables.

    Args:
        out: The folder to write into.
        results: One for each file that was handed in, those of a student one after the other; a
            list may be in any order.
        totals: The points of each exercise of the course, by stem.
        readers: What else looks at each student in this pass, such as the summary of the class.
        handed_in: The exercises that somebody handed in, all by default. A learning-management
            system gets no column of another one, since it would make an empty assignment of it.
    """
    columns = {stem: n for stem, n in totals.items() if handed_in is None or stem in handed_in}
    if isinstance(results, (list, tuple)):
        results = sorted(results, key=attrgetter("student"))
    with ExitStack() as files:
        # Excel takes a file without the mark for another encoding, and "Zoë" for "ZoÃ«".
        grades = files.enter_context(writing(out / "grades.csv", mark=True))
        canvas = files.enter_context(writing(out / "canvas.csv"))
        moodle = files.enter_context(writing(out / "moodle.csv"))
        rows = files.enter_context(writing(out / "grades.json"))
        for file, heading in (
            (grades, table_heading(totals)),
            (canvas, lms.canvas_heading(columns)),
            (moodle, lms.moodle_heading(columns)),
        ):
            for row in heading:
                put(file, row)
        separator = "[\n"
        for student, group in groupby(results, key=attrgetter("student")):
            own = list(group)
            put(grades, table_row(student, own, totals))
            points = lms.graded_points(own, totals)
            if points:
                put(canvas, lms.canvas_row(student, points, columns))
                put(moodle, lms.moodle_row(student, points, columns))
            for record in records(own):
                rows.write(separator + json.dumps(record))
                separator = ",\n"
            for read in readers:
                read(student, own)
        rows.write("[]\n" if separator == "[\n" else "\n]\n")


def table_heading(totals: dict[str, int]) -> list[Row]:
    """The first two rows of `grades.csv`: names, and the scale.

    >>> table_heading({"01_a": 3})
    [['student', '01_a', 'total', 'problems'], ['(points possible)', 3, 3, '']]
    """
    return [
        ["student", *totals, "total", "problems"],
        ["(points possible)", *totals.values(), sum(totals.values()), ""],
    ]


def table_row(student: str, own: Sequence[Result], totals: dict[str, int]) -> Row:
    """One student's row of `grades.csv`: an empty field is an exercise that was not graded.

    The last field says what was wrong with the files.

    >>> table_row("ada", [Result("ada", "01_a", "", ("not JSON",))], {"01_a": 3})
    ['ada', '', 0, '01_a: not JSON']
    """
    points = lms.graded_points(own, totals)
    problems = [f"{r.stem}: {' '.join(problem.split())}" for r in own for problem in r.problems]
    cells: Row = [points.get(stem, "") for stem in totals]
    return [inert(student), *cells, sum(points.values()), inert(" | ".join(problems))]


def records(results: Iterable[Result]) -> Iterator[dict[str, Any]]:
    """One record for each check of each submission; one with check None for a file without checks.

    >>> next(records([Result("ada", "notes", "", ("no notebook",))]))["message"]
    'no notebook'
    """
    for result in results:
        head = {"student": result.student, "exercise": result.stem}
        for check in result.checks:
            yield head | {
                "check": check.name,
                "points": check.points,
                "passed": check.passed,
                "message": check.message,
            }
        if not result.checks:
            message = "\n".join(result.problems)
            yield head | {"check": None, "points": 0, "passed": False, "message": message}
