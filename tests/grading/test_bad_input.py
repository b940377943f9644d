"""Each kind of broken submission is a row that says how, and the batch goes on."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from coursetools.grading.batch import grade
from coursetools.grading.results import Result

from .conftest import STEM, hand_in

CELL_TIMEOUT = 10.0
COUNT = "def count(n, k):\n    "

# The last answer misbehaves; the two before it are right, 3 of 6 points.
MISBEHAVE = {
    "loops": ("while True:\n        pass\n", "Took longer than 10 s"),
    "swallows-interrupts": (
        "while True:\n"
        "        try:\n"
        "            while True:\n"
        "                print('still here', flush=True)\n"
        "                import time; time.sleep(0.1)\n"
        "        except BaseException:\n"
        "            pass\n",
        "Took longer than 10 s",
    ),
    "too-late": (
        "import math, time\n"
        "    if not hasattr(count, 'late'):\n"
        "        count.late = True\n"
        "        try:\n"
        "            time.sleep(60)\n"
        "        except KeyboardInterrupt:\n"
        "            pass\n"
        "    return math.gcd(n, k)\n",
        "Took longer than 10 s",
    ),
    "prints-100-MB": (
        # The pause keeps ipykernel from joining twelve of these into one, which crashes it.
        "print('x' * 100_000_000, flush=True)\n    import time; time.sleep(1)\n",
        "printed more than 10 MB",
    ),
    "floods": ("while True: print('x' * 100_000)\n", "printed more than 10 MB"),
}


@pytest.fixture(scope="module")
def submissions(
    tmp_path_factory: pytest.TempPathFactory,
    notebook: Callable[..., dict[str, Any]],
    answers: dict[str, str],
) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    for name, (body, _) in MISBEHAVE.items():
        hand_in(folder, name, notebook(answers | {"count": COUNT + body}))
    hand_in(folder, "a-loop-in-the-first-answer", notebook(answers | {"rotation": "while True: 1"}))
    three = {
        "rotation": "def rotation(angle):\n    return float(input('How far? '))\n",
        "rotate": "def rotate(points, angle):\n    raise SystemExit\n",
        "count": COUNT + "pass\n",
    }
    hand_in(folder, "three-faults", notebook(three))
    hand_in(folder, "a-syntax-error", notebook(answers | {"rotate": "def rotate(:"}))
    hand_in(folder, "blank", notebook())
    hand_in(folder, "solved", notebook(answers))
    hand_in(folder, "no-json", "dear instructor")
    hand_in(folder, "empty", "")
    hand_in(folder, "cut-off", json.dumps(notebook(answers), indent=1)[:500])
    added = hand_in(folder, "added-to", notebook(answers))
    added.rename(added.with_name(f"{STEM} (1).ipynb"))
    hand_in(folder, "json-but-no-notebook", "[1, 2]")
    hand_in(folder, "deep", "[" * 100_000)
    hand_in(folder, "not-utf8", b"\xff\xfe\x00x")
    lacking = notebook(answers)
    lacking["cells"] = [c for c in lacking["cells"] if c["metadata"].get("name") != "rotate"]
    hand_in(folder, "lacks-an-answer", lacking)
    double = notebook(answers)
    double["cells"] += [c for c in double["cells"] if c["metadata"].get("name") == "count"]
    hand_in(folder, "double-answer", double)
    unreadable = hand_in(folder, "unreadable", notebook(answers))
    unreadable.unlink()
    unreadable.mkdir()
    (folder / "links").mkdir()
    (folder / "links" / f"{STEM}.ipynb").symlink_to(folder / "solved" / f"{STEM}.ipynb")
    (folder / "wrong-kind").mkdir()
    (folder / "wrong-kind" / "essay.pdf").write_bytes(b"%PDF")
    (folder / "wrong-kind" / ".DS_Store").write_bytes(b"\0")
    (folder / "unknown").mkdir()
    (folder / "unknown" / "77_nothing.ipynb").write_text("{}")
    (folder / f"{STEM}.ipynb").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def graded(
    tmp_path_factory: pytest.TempPathFactory, course: Path, submissions: Path
) -> tuple[Path, dict[str, Result]]:
    out = tmp_path_factory.mktemp("out")
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    summary = grade(course, submissions, out, cell_timeout=CELL_TIMEOUT)
    left = [p for p in psutil.Process().children(recursive=True) if p.pid not in before]
    assert not left, "a process outlived its submission"
    return out, {result.student: result for result in summary.results}


@pytest.mark.parametrize("name", MISBEHAVE)
def test_a_misbehaving_answer_costs_its_own_points_and_says_how(
    graded: tuple[Path, dict[str, Result]], name: str
) -> None:
    result = graded[1][name]
    assert result.points == 3
    assert MISBEHAVE[name][1] in result.checks[2].message, result.checks[2].message


def test_after_a_loop_the_next_answers_still_count(graded: tuple[Path, dict[str, Result]]) -> None:
    result = graded[1]["a-loop-in-the-first-answer"]
    assert [check.passed for check in result.checks] == [False, False, True]
    assert "Took longer" in result.answers["rotation"]


def test_each_fault_is_told_in_its_own_words(graded: tuple[Path, dict[str, Result]]) -> None:
    result = graded[1]["three-faults"]
    assert result.points == 0
    messages = [check.message for check in result.checks]
    for part, message in zip(
        ("nobody to type", "SystemExit", "is there a `return`?"), messages, strict=True
    ):
        assert part in message


def test_a_syntax_error_costs_one_answer(graded: tuple[Path, dict[str, Result]]) -> None:
    result = graded[1]["a-syntax-error"]
    assert [check.passed for check in result.checks] == [True, False, True]
    assert "SyntaxError" in result.answers["rotate"]


def test_solved_is_all_and_blank_is_nothing(graded: tuple[Path, dict[str, Result]]) -> None:
    assert graded[1]["solved"].points == 6
    assert graded[1]["blank"].points == 0
    assert "Your turn: write `rotation`" in graded[1]["blank"].checks[0].message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no-json", "starts with 'dear instructor'"),
        ("empty", "The file is empty"),
        ("cut-off", "Was the upload cut off?"),
        ("added-to", f"Is it {STEM}.ipynb, with more in its name?"),
        ("json-but-no-notebook", "expected a list of cells"),
        ("deep", "is no notebook"),
        ("not-utf8", "not UTF-8"),
        ("unreadable", "is no notebook; expected a file"),
        ("links", "is a link"),
        ("wrong-kind", "essay.pdf is no notebook"),
        ("unknown", "belongs to no exercise"),
        (f"{STEM}.ipynb", "outside a student's folder"),
        ("lacks-an-answer", "no answer cell `rotate`"),
        ("double-answer", "2 answer cells `count`"),
    ],
)
def test_a_file_that_cannot_be_graded_is_a_row_that_says_why(
    graded: tuple[Path, dict[str, Result]], name: str, message: str
) -> None:
    out, results = graded
    assert any(message in problem for problem in results[name].problems)
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert message in rows[name]["problems"]
    records = json.loads((out / "grades.json").read_text())
    own = [record for record in records if record["student"] == name]
    assert own
    assert any(message in record["message"] for record in own if not record["passed"])


def test_a_lacking_or_double_answer_costs_its_own_checks_only(
    graded: tuple[Path, dict[str, Result]],
) -> None:
    assert graded[1]["lacks-an-answer"].points == 5
    assert graded[1]["double-answer"].points == 3


def test_a_folder_without_permission_and_a_huge_file_are_rows(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = hand_in(tmp_path / "in", "huge", "")
    with path.open("wb") as file:
        file.truncate(3_000_000_000)  # a sparse file: nobody may read it
    (tmp_path / "in" / "locked").mkdir()
    real = Path.iterdir

    def refuse(self: Path) -> Any:
        if self.name == "locked":
            raise PermissionError(13, os.strerror(13))
        return real(self)

    monkeypatch.setattr(Path, "iterdir", refuse)
    summary = grade(course, tmp_path / "in", tmp_path / "out", seed=1)
    problems = {result.student: result.problems[0] for result in summary.results}
    assert "more than 20 MB" in problems["huge"]
    assert "cannot be read: Permission denied" in problems["locked"]


def test_a_dead_kernel_is_noticed_long_before_the_time_limit(
    course: Path,
    tmp_path: Path,
    notebook: Callable[..., dict[str, Any]],
    answers: dict[str, str],
) -> None:
    body = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n"
    hand_in(tmp_path / "in", "ada", notebook(answers | {"count": COUNT + body}))
    start = time.monotonic()
    summary = grade(course, tmp_path / "in", tmp_path / "out", cell_timeout=1000)
    assert time.monotonic() - start < 300  # far below the limit, and far above any slow machine
    assert "Python process ended" in summary.results[0].checks[2].message


def test_a_file_without_permission_is_a_row(
    course: Path, tmp_path: Path, notebook: Callable[..., dict[str, Any]], monkeypatch: Any
) -> None:
    path = hand_in(tmp_path / "in", "ada", notebook())

    real = os.open

    def refuse(name: Any, *more: Any, **options: Any) -> int:
        if name == path:
            raise PermissionError(13, os.strerror(13))
        return real(name, *more, **options)

    monkeypatch.setattr(os, "open", refuse)
    summary = grade(course, tmp_path / "in", tmp_path / "out", seed=1)
    assert "cannot be read: Permission denied" in summary.results[0].problems[0]


PEAK = """
import resource, sys
from nbval.kernel import CURRENT_ENV_KERNEL_NAME
from coursetools.grading.kernel import OutputLimitError, WatchedKernel
kernel = WatchedKernel(CURRENT_ENV_KERNEL_NAME, seed=1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sent = kernel.execute_cell_input("print('x' * 100_000_000)", allow_stdin=False)
try:
    kernel.await_reply(sent, timeout=100)
    while True:
        kernel.get_message("iopub", timeout=100)
except OutputLimitError:
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
kernel.close()
"""


def test_a_flood_of_output_does_not_enter_the_graders_memory() -> None:
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 60  # MB; holding the message would take some 300
