"""`coursetools new`: a set that passes its own tests, and never overwrites another."""

from __future__ import annotations

from pathlib import Path

import pytest

from coursetools import cli
from coursetools.errors import CourseError
from coursetools.exercises import derive
from coursetools.exercises.new import new_set
from coursetools.exercises.source import read_source
from coursetools.exercises.validate import validate
from coursetools.grading.decoys import lost_checks, read_background
from coursetools.grading.feedback import parts_of
from coursetools.grading.judge import load_notebook

STEM = "15_crystal_shapes"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "solutions").mkdir()
    return tmp_path


def test_a_new_set_derives_and_its_decoys_are_caught(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["new", "--course", str(root), STEM]) == 0
    said = capsys.readouterr().out
    assert f"wrote solutions/{STEM}.py" in said
    assert f"coursetools derive {STEM}" in said
    source = read_source(root / "solutions" / f"{STEM}.py")
    validate(source)
    assert {cell.role for cell in source.cells} == {
        "given",
        "answer",
        "check",
        "decoy",
        "discussion",
    }
    derive.write(root)
    decoys = {str(cell.name): set(cell.fails) for cell in source.of_role("decoy")}
    expected = decoys | {"solution": set()}
    assert lost_checks(root, STEM, 7) == (expected, expected)
    (part,) = parts_of(load_notebook(root / "exercises" / f"{STEM}.ipynb")[0])
    assert [hint.title for hint in part.hints] == ["Hint 1", "Hint 2", "Hint 3"]
    assert "What the decoys get wrong" in read_background(root, STEM).discussions["turn"]


def test_nothing_is_overwritten(root: Path) -> None:
    path = new_set(root, STEM)
    path.write_text("mine")
    for taken in (STEM, "15_other"):
        with pytest.raises(CourseError, match="is there already"):
            new_set(root, taken)
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["15-x", "1_a", "15_Crystals", "15_", "../15_a", "15_a/b", "15_a.py"]
)
def test_a_name_of_another_form_is_refused(root: Path, name: str) -> None:
    with pytest.raises(CourseError, match="expected NN_topic"):
        new_set(root, name)
    assert not list((root / "solutions").iterdir())
