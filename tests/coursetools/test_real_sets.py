"""Every exercise set of the course: derived notebooks are current, every decoy is caught."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import yaml

from coursetools.exercises import derive
from coursetools.exercises.source import read_source
from coursetools.grading.decoys import lost_checks

ROOT = Path(__file__).parents[2]
STEMS = sorted(path.stem for path in (ROOT / "solutions").glob("*.py"))


def named_files(folder: str, pattern: str) -> set[str]:
    return {path.stem for path in (ROOT / folder).glob(pattern)}


def runs_here(stem: str) -> None:
    """Skip a set whose kernels cannot run: Triton is for Linux."""
    source = (ROOT / "solutions" / f"{stem}.py").read_text(encoding="utf-8")
    if "\nimport triton\n" in source:
        pytest.importorskip("triton")


def test_there_are_sets() -> None:
    assert STEMS


def test_source_solution_exercise_and_chapter_go_by_one_stem() -> None:
    assert named_files("solutions", "*.ipynb") == set(STEMS)
    assert named_files("exercises", "*.ipynb") == set(STEMS)
    chapters = {name.replace("-", "_") for name in named_files("book", "[0-9][0-9]-*.md")}
    assert chapters == set(STEMS)


def test_every_chapter_is_in_the_table_of_contents() -> None:
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))

    def files(node: Any) -> set[str]:
        if isinstance(node, list):
            return set().union(*map(files, node))
        if isinstance(node, dict):
            own = {Path(node["file"]).stem} if "file" in node else set()
            return own.union(*map(files, node.values()))
        return set()

    named = {name.replace("-", "_") for name in files(contents) if name[:2].isdecimal()}
    assert named == set(STEMS)


@pytest.mark.apart
@pytest.mark.parametrize("stem", STEMS)
def test_derived_notebooks_are_current(stem: str) -> None:
    runs_here(stem)
    derive.check(ROOT, [stem])


@pytest.mark.apart
@pytest.mark.parametrize("stem", STEMS)
def test_each_decoy_loses_what_it_names_and_nothing_else(stem: str) -> None:
    """With asserts as they are, and as if an answer had switched them off."""
    runs_here(stem)
    decoys = read_source(ROOT / "solutions" / f"{stem}.py").of_role("decoy")
    expected = {str(decoy.name): set(decoy.fails) for decoy in decoys} | {"solution": set()}
    assert lost_checks(ROOT, stem, seed=20_26) == (expected, expected)


def test_shapes_are_checked_in_this_test_run() -> None:
    # The root conftest.py installs the hook where jaxtyping is there; here it must be.
    from equivar import rotations

    assert importlib.util.find_spec("jaxtyping")
    assert importlib.util.find_spec("beartype")
    loader = rotations.__spec__.loader
    assert "jaxtyping" in type(loader).__module__
