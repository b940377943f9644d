"""What a student's code finds around it: no reference, no path of notebook or submission."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coursetools.exercises.source import read_source
from coursetools.grading.batch import grade
from coursetools.grading.decoys import lost_checks

from .conftest import FIXTURE, STEM, hand_in

SNOOP = """
import glob, json, os, tempfile
found = {"cwd": os.listdir(), "environment": dict(os.environ)}
process = os.getpid()
for generation in range(2):
    with open(f"/proc/{process}/stat") as file:
        process = int(file.read().rpartition(")")[2].split()[1])
    with open(f"/proc/{process}/cmdline") as file:
        found[f"arguments {generation}"] = file.read().split("\\0") if generation == 0 else ""
    links = glob.glob(f"/proc/{process}/fd/*") if generation == 0 else []
    found[f"files {generation}"] = [os.readlink(link) for link in links if os.path.islink(link)]
found["merged"] = glob.glob(os.path.join(tempfile.gettempdir(), "course-*", "*.ipynb"))
raise RuntimeError("FOUND" + json.dumps(found) + "THAT-IS-ALL")
"""


def test_the_kernel_sees_neither_notebook_nor_submission(
    course: Path,
    tmp_path: Path,
    notebook: Callable[..., dict[str, Any]],
    monkeypatch: Any,
) -> None:
    monkeypatch.setenv("A_TOKEN_OF_THE_CI_JOB", "secret")
    hand_in(tmp_path / "in", "snoop", notebook({"rotation": SNOOP}))
    # Without the sandbox: what it hides, tests/grading/attacks show.
    folders = course, tmp_path / "in", tmp_path / "out"
    result = grade(*folders, seed=3, sandbox=False).results[0]
    message = result.answers["rotation"]
    assert "FOUND" in message
    found = json.loads(message[message.index("FOUND") + 5 : message.index("THAT-IS-ALL")])
    assert found["cwd"] == []
    assert found["merged"] == []
    assert "A_TOKEN_OF_THE_CI_JOB" not in found["environment"]
    assert "runner" in str(found["arguments 0"]), "the snoop looks in the wrong place"
    for text in (".ipynb", str(tmp_path), str(course)):
        assert text not in json.dumps(found)


def test_the_fixtures_decoys_lose_what_they_name(course: Path) -> None:
    decoys = read_source(FIXTURE).of_role("decoy")
    expected = {str(decoy.name): set(decoy.fails) for decoy in decoys} | {"solution": set()}
    assert lost_checks(course, STEM, 8) == (expected, expected)
