"""Each attack gets what it has answered and no more, and nothing else happens.

Every attack answers `rotation` honestly (2 points) and has the other two wrong. All are graded
together, with honest work between them, in one batch, since a batch is what must hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from coursetools.errors import CourseError
from coursetools.grading.batch import grade
from coursetools.grading.sandbox import box
from coursetools.results import load_results

from . import ALL, KINDS, table
from .arena import Report, arena, build, controls, hold, honest, listening
from .attack import Attack
from .inside import ATTACKS as INSIDE


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Report]:
    tmp_path_factory.getbasetemp()  # settled before the arena has a temporary folder of its own
    try:
        box.require()
    except CourseError as error:
        pytest.skip(str(error))
    with arena() as scene:
        yield hold(scene, ALL)


def passed(report: Report, student: str) -> set[str]:
    return {c.name for row in report.rows[student] for c in row.checks if c.passed}


@pytest.mark.parametrize("attack", ALL, ids=[attack.name for attack in ALL])
def test_an_attack_earns_what_is_answered_and_no_more(report: Report, attack: Attack) -> None:
    evidence = report.evidence(attack)
    assert report.got(attack.who) == (attack.points or 0), evidence.words
    assert passed(report, attack.who) == ({"check-rotation"} if attack.points else set())
    assert re.search(attack.says, evidence.words), evidence.words
    assert "Not graded" not in evidence.words, "the fault must be said to be the submission's"
    if attack.points is None:
        assert all(not row.checks for row in report.rows[attack.who])
    assert attack.proof(evidence)


def test_honest_work_keeps_its_points(report: Report) -> None:
    students = honest(report.scene.answers)
    assert len(students) > 15
    for student in students:
        assert report.got(student) == 6, report.rows[student]


def test_there_is_a_row_for_everybody_and_for_nobody_else(report: Report) -> None:
    assert set(report.rows) == {attack.who for attack in ALL} | set(
        honest({"rotation": "", "rotate": ""})
    )
    assert report.summary.course_faults == ()


def test_no_file_outside_was_made_or_changed(report: Report) -> None:
    assert report.changed == []
    assert report.left == []


def test_nobody_outside_heard_anything(report: Report) -> None:
    assert report.heard == []


def test_no_process_is_left(report: Report) -> None:
    assert report.processes == []


def test_what_grading_wrote_is_what_it_says_it_writes(report: Report) -> None:
    names = {path.name for path in report.scene.out.iterdir()}
    for name in names:
        known = ("grad", "journal", "canvas", "moodle", "feedback", "summary", "decoys")
        assert name.startswith(known), name


def test_the_suite_is_as_large_as_promised() -> None:
    assert len(ALL) >= 40
    assert all(attack.tries and attack.tries[0] not in "ABCDEFGHIJ" for attack in ALL)
    assert all(KINDS.values())


def test_the_table_of_the_book_is_of_these_attacks() -> None:
    """`python -m tests.grading.attacks.table` makes it again."""
    rows, about = load_results(table.RESULTS)
    assert [row["name"] for row in rows] == [attack.name for attack in ALL]
    assert [row["tries"] for row in rows] == [attack.tries for attack in ALL]
    assert [row["got"] for row in rows] == [attack.points for attack in ALL]
    assert about["attacks"] == len(ALL)


def test_outputs_known_by_heart_are_worth_all_with_the_public_seed(tmp_path: Path) -> None:
    """The control: the same file, graded with the seed of the public notebook."""
    scene = build(tmp_path)
    attack = next(one for one in INSIDE if one.name == "by-heart")
    attack.make(scene, attack.who)
    control = grade(scene.course, scene.submissions, scene.out, seed=0).results[0]
    assert control.points == 6, [check.message for check in control.checks]


def test_without_a_sandbox_the_same_code_gets_through() -> None:
    """The control: what the suite finds closed is open where there is no sandbox."""
    import psutil

    with arena() as scene, listening(scene.root) as ears:
        scene = replace(scene, port=ears.port, path=ears.path)
        scene.hand_in("a-honest", scene.notebook(scene.answers))
        controls(scene)
        folder = (scene.course, scene.submissions, scene.out)
        summary = grade(*folder, seed=4711, cell_timeout=30, sandbox=False)
        points = {row.student: row.points for row in summary.results}
        left = [
            p for p in psutil.process_iter(["cmdline"]) if "424242" in (p.info["cmdline"] or [])
        ]
        for process in left:
            process.kill()
    assert points == {
        "a-honest": 6,
        "solution-by-path": 3,
        "another-submission": 3,
        **dict.fromkeys(("home", "network", "daemon"), 2),
    }
    assert set(ears.heard) == {"network", "datagram", "local", "abstract"}
    assert left, "the process should have been left"
