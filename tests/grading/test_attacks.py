"""What an answer does to its own process, or a file to nbval, earns nothing.

Every cheat here answers `rotation` honestly (2 points) and has the other two wrong. They are graded
together, in one batch, since a batch is what must hold.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coursetools.grading.batch import grade
from coursetools.grading.results import Result

from .conftest import hand_in

WRONG_ROTATE = "def rotate(points, angle):\n    return points @ rotation(angle)\n"
WRONG_COUNT = "def count(n, k):\n    return 1\n"

IN_THE_PROCESS = {
    "replaced-showtraceback": """
shell = get_ipython()
shell.showtraceback = lambda *a, **k: None
shell._showtraceback = lambda *a, **k: None
""",
    "ast-transformer": """
import ast
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)
get_ipython().ast_transformers.append(Drop())
assert_close = lambda *a, **k: None
""",
    "redefined-assert-close": """
import numpy.testing
assert_close = numpy.testing.assert_allclose = lambda *a, **k: None
""",
    "replaced-print": """
import builtins
builtins.print = lambda *a, **k: None
""",
    "replaced-show": "show = lambda *a, **k: None\n",
    "input-transformer": """
get_ipython().input_transformers_post.append(
    lambda lines: ["pass\\n"] if any("show" in line for line in lines) else lines
)
""",
    "raises-exception-comment": "# NBVAL_RAISES_EXCEPTION\n",
    "ignore-output-comment": "# NBVAL_IGNORE_OUTPUT\n",
    "public-seed": """
import os
os.environ["COURSE_SEED"] = "0"
import coursetools.checks
coursetools.checks.seed = lambda: 0
""",
    "tells-the-runner-to-stop": "import os, signal; os.kill(os.getppid(), signal.SIGTERM)\n",
    "kills-the-runner": "import os, signal; os.kill(os.getppid(), signal.SIGKILL)\n",
    "leaves-a-thread-that-prints": """
import threading, time
def talk():
    while True:
        time.sleep(0.01)
        print("noise")
threading.Thread(target=talk, daemon=True).start()
""",
}


def _checks(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["metadata"].get("role") == "check"]


def cleared_outputs(notebook: dict[str, Any]) -> None:
    for cell in _checks(notebook):
        cell.update(outputs=[], execution_count=None)


def skip_tags(notebook: dict[str, Any]) -> None:
    for cell in _checks(notebook):
        cell["metadata"]["tags"] = ["nbval-skip"]
        cell["source"] = "# NBVAL_SKIP\n"


def raises_tags(notebook: dict[str, Any]) -> None:
    for cell in _checks(notebook):
        cell["metadata"]["tags"] = ["raises-exception"]
        cell["source"] = ["# NBVAL_RAISES_EXCEPTION\n", "raise ValueError\n"]


def edited_outputs(notebook: dict[str, Any]) -> None:
    for cell in _checks(notebook):
        cell["source"] = "print('check> all is well')"
        cell["metadata"]["reference"] = ["check> all is well"]
        cell["outputs"] = [
            {"output_type": "stream", "name": "stdout", "text": "check> all is well\n"}
        ]


def changed_points(notebook: dict[str, Any]) -> None:
    for cell in _checks(notebook):
        cell["metadata"]["points"] = 1000


def checks_of_their_own(notebook: dict[str, Any]) -> None:
    for cell in _checks(notebook):
        cell["metadata"]["name"] = "rotation"
        cell["metadata"]["role"] = "given"
        cell["cell_type"] = "raw"


IN_THE_FILE = [
    cleared_outputs,
    skip_tags,
    raises_tags,
    edited_outputs,
    changed_points,
    checks_of_their_own,
]


def by_heart(notebook: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Answers that print what the public notebook says, and satisfy every assert."""
    rotation, rotate, count = ("".join(c["outputs"][0]["text"]) for c in _checks(notebook()))
    quiet = "show = lambda *a: None\n"
    return notebook(
        {
            "rotation": f"{quiet}rotation = lambda angle: print({rotation!r}) or np.eye(2)",
            "rotate": f"rotate = lambda p, angle: print({rotate!r}) or p",
            "count": f"text = [{count!r}]\ncount = lambda n, k: "
            "print(text.pop()) if text else None",
        }
    )


@pytest.fixture(scope="module")
def graded(
    tmp_path_factory: pytest.TempPathFactory,
    course: Path,
    notebook: Callable[..., dict[str, Any]],
    answers: dict[str, str],
) -> dict[str, Result]:
    folder = tmp_path_factory.mktemp("attacks")
    wrong = {"rotation": answers["rotation"], "rotate": WRONG_ROTATE, "count": WRONG_COUNT}
    for name, code in IN_THE_PROCESS.items():
        hand_in(folder / "in", name, notebook(wrong | {"rotate": code + WRONG_ROTATE}))
    for edit in IN_THE_FILE:
        submission = notebook(wrong)
        edit(submission)
        hand_in(folder / "in", edit.__name__, submission)

    # Honest work that looks suspicious must keep its points.
    honest = {name: f"# NBVAL_SKIP\n{code}" for name, code in answers.items()}
    hand_in(folder / "in", "honest-skip-comments", notebook(honest))
    noisy = {
        name: f"import warnings\nwarnings.warn('careful')\nprint('loaded {name}')\n{code}"
        for name, code in answers.items()
    }
    noisy["rotate"] = (
        "import sys, warnings\n"
        "def rotate(points, angle):\n"
        "    print('debug', points, end='')\n"
        "    print('to stderr', file=sys.stderr)\n"
        "    warnings.warn('in a check')\n"
        "    return points @ rotation(angle).T\n"
        "rotate"
    )
    hand_in(folder / "in", "honest-noise", notebook(noisy))
    hand_in(folder / "in", "by-heart", by_heart(notebook))
    summary = grade(course, folder / "in", folder / "out", seed=4711, cell_timeout=30)
    return {result.student: result for result in summary.results}


def passed(result: Result) -> set[str]:
    return {check.name for check in result.checks if check.passed}


@pytest.mark.parametrize("name", IN_THE_PROCESS)
def test_an_attack_from_inside_the_process_earns_what_is_answered_and_no_more(
    graded: dict[str, Result], name: str
) -> None:
    assert passed(graded[name]) == {"check-rotation"}
    assert graded[name].points == 2


@pytest.mark.parametrize(
    "name", [edit.__name__ for edit in IN_THE_FILE if edit != checks_of_their_own]
)
def test_an_edited_file_earns_what_is_answered_and_no_more(
    graded: dict[str, Result], name: str
) -> None:
    assert passed(graded[name]) == {"check-rotation"}
    assert graded[name].points == 2


def test_a_check_renamed_to_an_answer_is_no_second_answer(graded: dict[str, Result]) -> None:
    # Not code cells, so `rotation` is still the only answer of its name.
    assert passed(graded["checks_of_their_own"]) == {"check-rotation"}


def test_outputs_known_by_heart_earn_nothing_with_another_seed(
    graded: dict[str, Result],
    course: Path,
    tmp_path: Path,
    notebook: Callable[..., dict[str, Any]],
) -> None:
    assert graded["by-heart"].points == 0
    # The control: with the public seed the same file earns everything.
    hand_in(tmp_path / "in", "by-heart", by_heart(notebook))
    control = grade(course, tmp_path / "in", tmp_path / "out", seed=0).results[0]
    assert control.points == 6, [check.message for check in control.checks]


@pytest.mark.parametrize("name", ["honest-skip-comments", "honest-noise"])
def test_honest_work_keeps_its_points(graded: dict[str, Result], name: str) -> None:
    assert graded[name].points == 6, [check.message for check in graded[name].checks]


def test_a_stopped_runner_is_said_to_be_stopped(graded: dict[str, Result]) -> None:
    for name in ("kills-the-runner", "tells-the-runner-to-stop"):
        assert "ended from outside" in graded[name].checks[1].message
