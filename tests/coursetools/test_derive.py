from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from coursetools.cli import main
from coursetools.errors import CourseError
from coursetools.exercises import derive
from coursetools.exercises.execute import execute
from coursetools.exercises.notebooks import solution_notebook
from coursetools.exercises.source import read_source

FIXTURE = Path(__file__).parents[1] / "grading" / "fixtures" / "90_turn.py"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("course")
    (root / "solutions").mkdir()
    shutil.copy(FIXTURE, root / "solutions")
    assert main(["derive", "--course", str(root)]) == 0
    return root


def cells(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text())["cells"]
    return found


def test_deriving_again_gives_the_same_bytes(course: Path) -> None:
    fresh = derive.derive(course, "90_turn")
    assert len(fresh) == 2
    for path, text in fresh.items():
        assert path.read_bytes() == text.encode()


def test_the_exercise_holds_no_solution(course: Path) -> None:
    found = cells(course / "exercises" / "90_turn.ipynb")
    text = json.dumps(found)
    for secret in ("np.cos", "points @ rotation", "greatest common divisor", "min(n, k)", "decoy"):
        assert secret not in text
    assert found[0]["metadata"]["name"] == "set-up"
    for cell in found:
        if cell["cell_type"] == "code" and cell["metadata"]["role"] != "check":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


def test_checks_hold_the_reference_and_the_mark_that_makes_nbval_compare(course: Path) -> None:
    checks = [
        cell
        for cell in cells(course / "exercises" / "90_turn.ipynb")
        if cell["metadata"]["role"] == "check"
    ]
    assert [cell["metadata"]["points"] for cell in checks] == [2, 1, 3]
    for cell in checks:
        assert cell["metadata"]["tags"] == ["nbval-check-output"]
        assert cell["metadata"]["reference"][0].startswith("check> ")
        assert cell["execution_count"] is not None
        assert cell["outputs"]


def test_the_solution_is_executed_and_discusses(course: Path) -> None:
    found = cells(course / "solutions" / "90_turn.ipynb")
    assert {cell["metadata"]["role"] for cell in found} == {
        "given",
        "answer",
        "check",
        "discussion",
    }
    assert all(cell["execution_count"] for cell in found if cell["cell_type"] == "code")


def test_drift_is_shown_with_the_command_that_mends_it(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "course"
    shutil.copytree(course, root)
    assert main(["derive", "--check", "--course", str(root)]) == 0
    path = root / "exercises" / "90_turn.ipynb"
    path.write_text(path.read_text().replace("# Turn it", "# Turn them"))
    assert main(["derive", "--check", "--course", str(root)]) == 1
    said = capsys.readouterr().err
    assert '-    "# Turn them\\n",' in said
    assert '+    "# Turn it\\n",' in said
    assert "To mend it: coursetools derive 90_turn" in said


FAULTY = """\
# %%
from coursetools.checks import seed, show

# %% name="f" role="answer"
def f(x):
    # solution
    return x

# %% name="check-f" role="check" points=1
{check}

# %% name="f-zero" role="decoy" replaces="f" fails=["check-f"]
def f(x):
    return 0
"""


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ("assert f(1) == 1", "the check shows nothing; expected show"),
        ("show('f', f(1))", "shows the same for seed 0 and seed 1"),
        ("show('f', f(seed()))\nprint(object())", "the output holds an address"),
        ("show('f', [f(seed())] * 1001)", "more than 1000 numbers"),
        ("show('f', 1 / f(seed()))", "cell check-f fails with seed 0:"),
        ("import os; os._exit(1)", "cell check-f ended the Python process"),
    ],
)
def test_a_check_that_tests_nothing_is_refused(tmp_path: Path, check: str, message: str) -> None:
    (tmp_path / "solutions").mkdir()
    path = tmp_path / "solutions" / "01_f.py"
    path.write_text(FAULTY.format(check=check))
    with pytest.raises(CourseError, match=r"01_f\.py") as caught:
        derive.derive(tmp_path, "01_f")
    assert message in str(caught.value)


def test_an_endless_solution_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "01_f.py"
    path.write_text(FAULTY.format(check="while True: pass"))
    with pytest.raises(CourseError, match="cell check-f took more than 5 s"):
        execute(solution_notebook(read_source(path)), 0, "01_f.py", cell_timeout=5)


def test_kernels_see_no_secrets_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_TOKEN_OF_THE_CI_JOB", "secret")
    path = tmp_path / "01_f.py"
    path.write_text(FAULTY.format(check="import os; show('e', sorted(os.environ))"))
    shown = str(execute(solution_notebook(read_source(path)), 0, "01_f.py").cells[2].outputs)
    assert "COURSE_SEED" in shown
    assert "A_TOKEN_OF_THE_CI_JOB" not in shown


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["derive", "77_nothing"], 1, "no solutions/77_nothing.py; the exercise sets are 90_turn"),
        (["grade", "/nowhere", "--out", "out"], 2, "/nowhere: no such folder; expected"),
        (["grade", "..", "--out", "90_turn.ipynb"], 2, "90_turn.ipynb"),
    ],
)
def test_a_users_error_is_one_message(
    course: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(course / "exercises")  # the course is found from below, too
    assert main(arguments) == code
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


def test_outside_a_course_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "--course", str(tmp_path)]) == 1
    assert "no folder solutions/ here or above" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", ["--seed=x", "--seed=-1", "--cell-timeout=0", "--cell-timeout=nan"]
)
def test_an_impossible_option_is_a_usage_error(option: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["grade", "in", "--out", "out", option])
    assert caught.value.code == 2
