"""In the folder: what is no file, and students whose names are the attack."""

from __future__ import annotations

import csv
import os
import socket
from collections.abc import Callable

from .attack import Attack, Evidence, Scene


def _link(scene: Scene, student: str) -> None:
    path = scene.hand_in(student, b"")
    path.unlink()
    path.symlink_to(scene.course / "solutions" / f"{scene.stem}.ipynb")


def _linked_folder(scene: Scene, student: str) -> None:
    (scene.submissions / student).symlink_to(scene.course / "solutions")


def _link_to_itself(scene: Scene, student: str) -> None:
    (scene.submissions / student).mkdir()
    (scene.submissions / student / "loop").symlink_to(scene.submissions)


def _in_place(make: Callable[[str], object]) -> Callable[[Scene, str], None]:
    def one(scene: Scene, student: str) -> None:
        path = scene.hand_in(student, b"")
        path.unlink()
        make(str(path))

    return one


def _socket(path: str) -> None:
    here = os.getcwd()
    os.chdir(os.path.dirname(path))  # the path of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.bind(os.path.basename(path))
    finally:
        os.chdir(here)


def _dots(scene: Scene, student: str) -> None:
    scene.hand_in(student, scene.two_points())
    folder = scene.submissions / student
    (folder / "a\\..\\..\\escaped.ipynb").write_text("{}")
    (folder / "a%2f..%2f..%2fescaped.ipynb").write_text("{}")


def _below(scene: Scene, student: str) -> None:
    folder = scene.submissions / student / "deeper" / "and" / "deeper"
    folder.mkdir(parents=True)
    (folder / f"{scene.stem}.ipynb").write_text("{}")


def _two(scene: Scene, student: str) -> None:
    scene.hand_in(student, scene.two_points())


def _inert_row(evidence: Evidence) -> str:
    """One row, whose fields no spreadsheet computes."""
    for name in ("grades.csv", "canvas.csv", "moodle.csv"):
        with (evidence.scene.out / name).open(encoding="utf-8-sig", newline="") as table:
            rows = list(csv.reader(table))
        assert len({len(row) for row in rows}) == 1, name
        for field in (field for row in rows for field in row):
            assert not field.lstrip().startswith(("=", "+", "-", "@", "\t", "\r")), (name, field)
            assert "\n" not in field, (name, field)
    return "one row, and no field that a spreadsheet computes"


def _inert_page(evidence: Evidence) -> str:
    from .pages import assert_inert

    assert_inert(evidence.feedback)
    return "text on its page"


def named(name: str, tries: str, student: str, proof: Callable[[Evidence], str]) -> Attack:
    """A student whose name is the attack."""
    return Attack(name, tries, _two, student=student, proof=proof)


ATTACKS: list[Attack] = [
    Attack("link", "is a link to the solution", _link, None, "is a link"),
    Attack("linked-folder", "its folder is a link to the solutions", _linked_folder, None, "link"),
    Attack("link-in-a-circle", "links to the folder it is in", _link_to_itself, None, "is a link"),
    Attack("pipe", "is a pipe that nobody writes to", _in_place(os.mkfifo), None, "is no notebook"),
    Attack("socket", "is a socket", _in_place(_socket), None, "is no notebook"),
    Attack("folder", "is a folder", _in_place(os.mkdir), None, "is no notebook"),
    Attack("below", "is hidden in deeper folders", _below, None, "is no notebook"),
    Attack("dots", "has file names with two dots", _dots, 2, "belongs to no exercise"),
    named("name-of-dots", "a name of dots and slashes", "a..\\..\\b", _inert_page),
    named("name-with-newline", "a name that makes a row", "eve\nada,6,6,6", _inert_row),
    named("name-formula", "a name that is a formula", '=HYPERLINK(A1;"x")', _inert_row),
    named("name-at", "a name that runs a command", "@SUM(1+1)*cmd|' calc'!A0", _inert_row),
    named("name-minus", "a name that looks like an option", "-rf", _inert_row),
    named("name-tab", "a formula after a tab", "\t+1+1", _inert_row),
    named("name-markup", "a name that is markup", "<img src=x onerror=alert(1)>", _inert_page),
    named("name-quotes", "a name that ends an attribute", "' onload='alert(1)\" x=\"", _inert_page),
    named(
        "name-percent", "a name that means something else in an address", "%2e%2e?#a", _inert_page
    ),
    named("name-long", "a name of 255 bytes", "n" * 255, _inert_page),
    named("name-no-utf-8", "a name that is no UTF-8", os.fsdecode(b"z\xff\xfe"), _inert_row),
    named("name-backwards", "a name that turns text around", "a\u202eb\u2066c", _inert_row),
]
