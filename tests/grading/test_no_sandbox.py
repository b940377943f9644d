"""Where there is no bubblewrap, what the filter of calls is, and how a student uses the sandbox."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coursetools.cli import main
from coursetools.errors import CourseError
from coursetools.grading.batch import grade
from coursetools.grading.sandbox import box, seccomp

from .conftest import hand_in

ROOT = Path(__file__).parents[2]
needs_bubblewrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bwrap is missing")


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_a_program_that_ends(machine: str) -> None:
    code = seccomp.program(machine)
    assert code
    steps = list(struct.iter_unpack("=HBBI", code))
    for number, (kind, yes, no, _) in enumerate(steps):
        if kind & 7 == 5:  # jumps stay inside
            assert number + 1 + max(yes, no) < len(steps)
    assert steps[-1][0] == seccomp.RETURN
    assert len({numbers[0] for numbers in seccomp.FORBIDDEN.values()}) == len(seccomp.FORBIDDEN)
    assert len({numbers[1] for numbers in seccomp.FORBIDDEN.values()}) == len(seccomp.FORBIDDEN)


def test_without_bubblewrap_grading_refuses_and_says_what_to_install(
    course: Path,
    tmp_path: Path,
    notebook: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hand_in(tmp_path / "in", "ada", notebook())
    monkeypatch.setenv("PATH", str(tmp_path))
    command = [
        "grade",
        "--course",
        str(course),
        str(tmp_path / "in"),
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(command) == 2
    said = capsys.readouterr().err
    for part in ("bwrap is missing", "package bubblewrap", "apt-get install", "--unsandboxed"):
        assert part in said
    assert not (tmp_path / "out").exists()
    assert main([*command, "--unsandboxed", "--workers", "1"]) == 0
    assert "no sandbox: submitted code runs as you" in capsys.readouterr().err


def test_a_system_that_forbids_sandboxes_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bwrap"
    program.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create a namespace' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CourseError, match="No permissions to create a namespace"):
        box.require()


@needs_bubblewrap
@pytest.mark.parametrize("exposed", ["solutions", "in", "out"])
def test_a_sandbox_that_would_show_what_is_secret_is_refused(
    course: Path,
    tmp_path: Path,
    notebook: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    exposed: str,
) -> None:
    """As where the environment was made in the course's own folder: `python -m venv .`."""
    hand_in(tmp_path / "in", "ada", notebook())
    prefix = {"solutions": course, "in": tmp_path / "in", "out": tmp_path / "out"}[exposed]
    monkeypatch.setattr(sys, "prefix", str(prefix))
    with pytest.raises(CourseError, match="which the sandbox shows to submitted code"):
        grade(course, tmp_path / "in", tmp_path / "out", seed=1)


@needs_bubblewrap
@pytest.mark.parametrize("good", [True, False])
def test_a_student_can_run_pytest_in_the_sandbox(
    notebook: Callable[..., dict[str, Any]], answers: dict[str, str], good: bool
) -> None:
    """`pytest --nbval-lax --nbval-kernel-name=sandbox`, from the course's folder."""
    seen = "import os\nassert not os.path.exists('/sys')\n"
    submitted = answers | {"rotation": seen + answers["rotation"]}
    if not good:
        submitted["count"] = "def count(n, k):\n    return 1\n"
    with tempfile.TemporaryDirectory(dir=ROOT / "exercises", prefix=".test-") as folder:
        path = Path(folder) / "90_turn.ipynb"
        path.write_text(json.dumps(notebook(submitted)))
        command = [
            "-m",
            "pytest",
            "--nbval-lax",
            "--nbval-kernel-name=sandbox",
            "-p",
            "no:jaxtyping",
        ]
        done = subprocess.run(
            [sys.executable, *command, "-p", "no:cacheprovider", str(path.relative_to(ROOT))],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == (0 if good else 1), done.stdout + done.stderr
    assert ("check-count, 3 points" in done.stdout) is not good


@needs_bubblewrap
def test_a_sandbox_that_does_not_start_is_not_the_students_fault(
    course: Path,
    tmp_path: Path,
    notebook: Callable[..., dict[str, Any]],
    answers: dict[str, str],
) -> None:
    """Not graded, said, and graded by the next run."""
    hand_in(tmp_path / "in", "ada", notebook(answers))
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "bwrap"  # passes the first look, and fails when it counts
    program.write_text('#!/bin/sh\nfor last; do :; done\ntest "$last" = true && exit 0\nexit 1\n')
    program.chmod(0o755)
    folders = course, tmp_path / "in", tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        (result,) = grade(*folders).results
    assert "Not graded" in result.problems[0]
    assert "the sandbox did not start" in result.problems[0]
    assert result.checks == ()
    (result,) = grade(*folders).results
    assert result.points == 6
