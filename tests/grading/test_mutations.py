"""Random notebooks: reading them never crashes, and none of them earns more than it answers."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursetools.grading.batch import grade
from coursetools.grading.transplant import (
    MOST_CODE,
    SubmissionError,
    answer_names,
    merge,
    parse_answers,
)

from .attacks.attack import WRONG_COUNT, WRONG_ROTATE
from .conftest import STEM, hand_in
from .mutating import mutate

REFERENCE = {f"check-{name}": ["check> 1"] for name in ("rotation", "rotate", "count")}


@pytest.fixture(scope="module")
def pristine(notebook: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    return notebook()


@pytest.fixture(scope="module")
def two_points(notebook: Callable[..., dict[str, Any]], answers: dict[str, str]) -> dict[str, Any]:
    return notebook({"rotation": answers["rotation"], "rotate": WRONG_ROTATE, "count": WRONG_COUNT})


@settings(max_examples=1500)
@given(seed=st.integers(0, 2**64))
def test_only_code_of_answers_comes_through(
    pristine: dict[str, Any], two_points: dict[str, Any], seed: int
) -> None:
    names = answer_names(pristine)
    before = copy.deepcopy(pristine)
    try:
        answers = parse_answers(mutate(Random(seed), two_points), names)
    except SubmissionError as error:
        assert str(error)  # noqa: PT017  # any other error fails the test
        return
    assert set(answers.code) <= set(names)
    assert len(answers.code) == len(names) or answers.problems
    merged = merge(pristine, answers.code, REFERENCE)
    assert pristine == before, "the pristine notebook must stay as it is"
    for ours, theirs in zip(merged["cells"], pristine["cells"], strict=True):
        metadata = theirs["metadata"]
        public = {"reference": metadata["reference"]} if "reference" in metadata else {}
        assert ours["metadata"] | public == metadata
        assert ours["cell_type"] == theirs["cell_type"]
        if metadata.get("role") != "answer":
            assert ours["source"] == theirs["source"]
        if metadata.get("role") == "check":
            assert ours["metadata"]["reference"] == REFERENCE[metadata["name"]]
    for code in answers.code.values():
        assert len(code) <= MOST_CODE
        code.encode()
    nbformat.validate(nbformat.reads(json.dumps(merged), as_version=4))


@settings(max_examples=500)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for content in (data, b'{"cells": [' + data + b"]}", b'{"cells": ' + data):
        try:
            parse_answers(content, ["rotation"])
        except SubmissionError as error:
            assert str(error)  # noqa: PT017


def test_a_class_of_random_notebooks_is_graded_to_its_end(
    course: Path, tmp_path: Path, two_points: dict[str, Any]
) -> None:
    for number in range(12):
        hand_in(tmp_path / "in", f"student-{number:02}", mutate(Random(number), two_points, 4))
    hand_in(tmp_path / "in", "zoe", two_points)
    summary = grade(course, tmp_path / "in", tmp_path / "out", seed=5, cell_timeout=20)
    results = {result.student: result for result in summary.results}
    assert len(results) == 13
    assert results["zoe"].points == 2
    for student, result in results.items():
        earned = {check.name for check in result.checks if check.passed}
        assert earned <= {"check-rotation"}, student
        assert len(result.checks) == 3
        assert result.code or result.problems, student
        assert (tmp_path / "out" / "feedback" / student / f"{STEM}.html").exists()
    assert {result.points for result in results.values()} == {0, 2}, "too kind or too cruel"
    assert any(result.problems for result in results.values())
