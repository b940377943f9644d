r"""Tables for learning-management systems: `canvas.csv` and `moodle.csv`.

Both hold points: one column for each exercise set that was handed in, one row for each student of
whom at least one file could be graded. A field is empty where nothing was graded: no file, a file
that belongs to no set, or a set whose solution is broken. `grades.csv` says which.

Canvas (Grades, Import) reads a fixed head: `Student`, `ID`, `SIS User ID`, `SIS Login ID`,
`Section`; it looks a student up by ID, then SIS User ID, then SIS Login ID, then name. We know the
name of the folder, and put it where login and name are. The row `Points Possible` is the scale of a
new assignment. Canvas shows all changes before it makes them; an empty field clears a score.

Moodle (Grades, Import, CSV file) asks which column identifies a student ("Map from" `username`,
"Map to" username, email address or ID number) and where each other column goes (an item, or "new
item"). A student whom Moodle does not know ends the import, so the file holds students alone.

Sources: Canvas, lib/gradebook_importer.rb (process_student, check_for_non_student_row); Moodle,
grade/import/csv/classes/load_data.php (map_user_data_with_value) and
https://docs.moodle.org/405/en/Grade_import.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from coursetools.grading.results import Result
from coursetools.grading.rows import Row, inert

CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
MOODLE = ("username",)


def graded_points(results: Iterable[Result], totals: Mapping[str, int]) -> dict[str, int]:
    """The points of one student by exercise, for those that could be graded.

    >>> graded_points([Result("ada", "01_a", "", ("a link",))], {"01_a": 3})
    {}
    """
    return {r.stem: r.points for r in results if r.checks and r.stem in totals}


def canvas_heading(totals: Mapping[str, int]) -> list[Row]:
    """The first two rows of `canvas.csv`.

    >>> canvas_heading({"01_a": 3})[1]
    ['Points Possible', '', '', '', '', 3]
    """
    blanks = [""] * (len(CANVAS) - 1)
    return [[*CANVAS, *totals], ["Points Possible", *blanks, *totals.values()]]


def canvas_row(student: str, points: Mapping[str, int], totals: Mapping[str, int]) -> Row:
    """One student's row of `canvas.csv`.

    >>> canvas_row("ada", {"02_b": 1}, {"01_a": 3, "02_b": 4})
    ['ada', '', '', 'ada', '', '', 1]
    """
    # Canvas takes any row whose first field holds these words for the scale.
    name = inert(student).replace("Points Possible", "Points-Possible")
    return [name, "", "", name, "", *(points.get(stem, "") for stem in totals)]


def moodle_heading(totals: Mapping[str, int]) -> list[Row]:
    """The first row of `moodle.csv`.

    >>> moodle_heading({"01_a": 3})
    [['username', '01_a']]
    """
    return [[*MOODLE, *totals]]


def moodle_row(student: str, points: Mapping[str, int], totals: Mapping[str, int]) -> Row:
    """One student's row of `moodle.csv`; a dash is Moodle's word for no grade.

    >>> moodle_row("ada", {"02_b": 1}, {"01_a": 3, "02_b": 4})
    ['ada', '-', 1]
    """
    return [inert(student), *(points.get(stem, "-") for stem in totals)]
