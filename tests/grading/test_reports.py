"""Tables of grades: what a spreadsheet and a learning-management system make of them."""

from __future__ import annotations

import csv
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from coursetools.grading.report import write_reports
from coursetools.grading.results import Check, Result
from coursetools.grading.rows import inert

TOTALS = {"01_a": 3, "02_b": 4}
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "\x00=1"]


def result(student: str, stem: str = "01_a", passed: bool = True, *problems: str) -> Result:
    return Result(
        student, stem, "", problems, (Check("check-a", 3, passed, "" if passed else "no"),)
    )


def rows(path: Path, encoding: str = "utf-8") -> list[list[str]]:
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_field_is_a_formula(tmp_path: Path, formula: str) -> None:
    write_reports(tmp_path, [result(formula, "01_a", True, formula)], TOTALS)
    for name in ("grades.csv", "canvas.csv", "moodle.csv"):
        found = rows(tmp_path / name, "utf-8-sig")
        for field in (field for row in found for field in row):
            assert not field.lstrip().startswith(("=", "+", "@", "＝")), (name, field)
            assert field == "-" or not field.startswith("-"), (name, field)
        assert found[-1][0].startswith("'")


def test_a_name_of_two_lines_stays_one_row(tmp_path: Path) -> None:
    write_reports(tmp_path, [result('a\nb\r\n"c",d\u2028e\u202ef')], TOTALS)
    for name, heading in (("grades.csv", 2), ("canvas.csv", 2), ("moodle.csv", 1)):
        text = (tmp_path / name).read_text(encoding="utf-8-sig")
        assert len(text.splitlines()) == heading + 1
        assert rows(tmp_path / name)[-1][0] == 'a b  "c",d e f'


def test_a_plain_name_is_left_as_it_is() -> None:
    assert inert("Zoë O'Neil-Smith, 12") == "Zoë O'Neil-Smith, 12"


def test_excel_is_told_the_encoding_and_the_others_are_not(tmp_path: Path) -> None:
    write_reports(tmp_path, [result("Zoë")], TOTALS)
    assert (tmp_path / "grades.csv").read_bytes().startswith(b"\xef\xbb\xbfstudent,")
    assert (tmp_path / "canvas.csv").read_bytes().startswith(b"Student,ID,")
    assert (tmp_path / "moodle.csv").read_bytes().startswith(b"username,")


def test_what_was_not_graded_is_empty_and_not_zero(tmp_path: Path) -> None:
    found = [
        result("ada"),
        Result("ada", "02_b", "", ("Not graded: the solution fails",)),
        result("bob", passed=False),
        Result("notes.txt", "notes", "", ("lies outside a student's folder",)),
    ]
    write_reports(tmp_path, found, TOTALS)
    assert rows(tmp_path / "grades.csv", "utf-8-sig")[2:] == [
        ["ada", "3", "", "3", "02_b: Not graded: the solution fails"],
        ["bob", "0", "", "0", ""],
        ["notes.txt", "", "", "0", "notes: lies outside a student's folder"],
    ]
    assert rows(tmp_path / "moodle.csv")[1:] == [["ada", "3", "-"], ["bob", "0", "-"]]


def test_canvas_finds_its_columns(tmp_path: Path) -> None:
    write_reports(tmp_path, [result("ada"), result("Points Possible")], TOTALS, handed_in={"01_a"})
    assert rows(tmp_path / "canvas.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "01_a"],
        ["Points Possible", "", "", "", "", "3"],
        ["Points-Possible", "", "", "Points-Possible", "", "3"],
        ["ada", "", "", "ada", "", "3"],
    ]


def test_records_are_one_list_of_json(tmp_path: Path) -> None:
    write_reports(tmp_path, [result("b", passed=False), result("a")], TOTALS)
    found = json.loads((tmp_path / "grades.json").read_text())
    assert [(row["student"], row["passed"]) for row in found] == [("a", True), ("b", False)]
    write_reports(tmp_path, [], TOTALS)
    assert json.loads((tmp_path / "grades.json").read_text()) == []


def test_a_large_class_needs_the_memory_of_one_student(tmp_path: Path) -> None:
    def stream(students: int) -> Iterator[Result]:
        for k in range(students):
            for stem in TOTALS:
                yield Result(
                    f"s{k:05d}", stem, "", (), (Check("c", 3, False, "no"),), {"f": f"{k}" * 2000}
                )

    def peak(students: int) -> int:
        tracemalloc.start()
        write_reports(tmp_path, stream(students), TOTALS)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    small, large = peak(50), peak(2000)
    assert large < small + 100_000, "bytes; holding all code would take 40 MB"
    assert len(rows(tmp_path / "grades.csv")) == 2002
