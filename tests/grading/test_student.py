"""`pytest --nbval-lax exercises/01_*.ipynb`, as a student types it, in the root of the course."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

# A student's environment has no jaxtyping and no beartype.
PLAIN = """
import importlib.util, sys
import coursetools._quick
real = importlib.util.find_spec
hidden = ("jaxtyping", "beartype")
importlib.util.find_spec = lambda name, *a: None if name in hidden else real(name, *a)
import pytest
code = pytest.main(sys.argv[1:])
assert not set(hidden) & set(sys.modules), "not so plain after all"
sys.exit(code)
"""

Notebook = dict[str, Any]


def run(folder: Path, notebooks: dict[str, Notebook], *options: str) -> tuple[int, str]:
    """Run pytest as a student would; its exit code, and what it printed."""
    for name, notebook in notebooks.items():
        (folder / f"{name}.ipynb").write_text(json.dumps(notebook))
    paths = [str((folder / f"{name}.ipynb").relative_to(ROOT)) for name in notebooks]
    done = subprocess.run(
        [sys.executable, "-c", PLAIN, "-p", "no:jaxtyping", "--nbval-lax", *options, *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=ROOT / "exercises", prefix=".test-") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def said(
    folder: Path, notebook: Callable[..., Notebook], answers: dict[str, str]
) -> dict[str, list[str]]:
    """What pytest says of three notebooks with faults: the parts of its report, by notebook."""
    saved = notebook(answers | {"count": "def count(n, k):\n    return min(n, k)\n"})
    for cell in saved["cells"]:
        if cell["metadata"].get("role") == "check":  # what is left when somebody has run and edited
            cell["execution_count"] = None
            cell["outputs"] = []
            cell["metadata"]["tags"] = ["raises-exception"]
    loop = "def rotate(points, angle):\n    while True: pass\n"
    notebooks = {
        "unsolved": notebook(),
        "saved": saved,
        "loop": notebook(answers | {"rotate": loop}),
    }
    code, text = run(folder, notebooks, "--nbval-cell-timeout=5")
    assert code == 1, text
    assert "5 failed, 19 passed" in text, text
    parts = re.split(r"^_{3,} \S+/(\w+)\.ipynb::Cell \d+ _{3,}$", text, flags=re.MULTILINE)
    found: dict[str, list[str]] = {name: [] for name in notebooks}
    for name, part in zip(parts[1::2], parts[2::2], strict=True):
        found[name].append(part)
    return found


def test_a_solved_notebook_passes(
    folder: Path, notebook: Callable[..., Notebook], answers: dict[str, str]
) -> None:
    noise = "print('hi')\nimport warnings; warnings.warn('x')\n"
    solved = notebook(answers | {"count": noise + answers["count"]})
    code, text = run(folder, {"solved": solved})
    assert code == 0, text
    assert "8 passed" in text


def test_an_unsolved_notebook_fails_with_messages_that_teach(said: dict[str, list[str]]) -> None:
    assert len(said["unsolved"]) == 3
    assert "check-rotation, 2 points" in said["unsolved"][0]
    taught = "Your turn: write `rotation`. Hint: column k is where axis k goes"
    assert taught in said["unsolved"][0]
    assert not any("Traceback" in part for part in said["unsolved"])


def test_a_notebook_that_was_run_and_saved_is_still_compared_with_the_solution(
    said: dict[str, list[str]],
) -> None:
    (part,) = said["saved"]
    assert "The code runs, but its result is not the right one." in part
    assert "expected:" in part
    assert "yours:" in part


def test_an_endless_loop_is_cut_and_the_rest_goes_on(said: dict[str, list[str]]) -> None:
    (part,) = said["loop"]
    assert "check-rotate, 1 point\n" in part
    assert "Took longer than 5 s and was stopped" in part


def test_the_default_time_limit_is_a_minute(pytestconfig: pytest.Config) -> None:
    from coursetools.grading import student

    class Config:
        option = type("Option", (), {"nbval_cell_timeout": 2000.0})()

        def getoption(self, name: str, default: object) -> bool:
            return name == "nbval_lax"

    calls: list[object] = []
    original, student.rules.install = student.rules.install, lambda: calls.append(1)
    try:
        student.pytest_configure(Config())  # type: ignore[arg-type]
    finally:
        student.rules.install = original
    assert Config.option.nbval_cell_timeout == 60
    assert calls
