"""From submissions to pages: what real submissions show is what the decoys show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coursetools.exercises.source import read_source
from coursetools.grading.batch import JOURNAL, grade
from coursetools.grading.decoys import cached_outcomes
from coursetools.grading.journal import Journal
from coursetools.grading.mistakes import decoy_signatures, find_mistakes
from coursetools.grading.results import Result

from .conftest import FIXTURE, STEM, hand_in

SEED = 4711
# The same mistakes in other words.
PARAPHRASED = {
    "transposed": (
        "rotation",
        "def rotation(a):\n    R = np.eye(2) * np.cos(a)\n    R[0, 1] = np.sin(a)\n"
        "    R[1, 0] = -R[0, 1]\n    return R\n",
    ),
    "count-smaller": ("count", "def count(n, k):\n    return sorted([n, k])[0]\n"),
}


@pytest.fixture(scope="module")
def graded(
    course: Path,
    tmp_path_factory: pytest.TempPathFactory,
    notebook: Callable[..., Any],
    answers: dict[str, str],
) -> tuple[Path, dict[str, Result]]:
    """Each decoy handed in by a student of its name, and two mistakes in other words."""
    folder = tmp_path_factory.mktemp("people")
    for cell in read_source(FIXTURE).of_role("decoy"):
        code = answers | {str(cell.replaces): cell.source}
        hand_in(folder / "in", str(cell.name), notebook(code))
    for name, (answer, source) in PARAPHRASED.items():
        hand_in(folder / "in", f"{name}-again", notebook(answers | {answer: source}))
    grade(course, folder / "in", folder / "out", seed=SEED, sandbox=False)
    with Journal(folder / "out" / JOURNAL, last=True) as journal:
        return folder / "out", {result.student: result for result in journal.results()}


def test_a_submission_is_known_by_the_decoy_that_it_is(
    course: Path, graded: tuple[Path, dict[str, Result]]
) -> None:
    out, results = graded
    outcomes = cached_outcomes(course, STEM, SEED, out / "decoys")
    signatures = decoy_signatures(outcomes)
    assert len(results) == len(signatures) + len(PARAPHRASED)
    for student, result in results.items():
        (mistake,) = find_mistakes(result.checks, signatures)
        assert mistake.kind == "decoy"
        assert mistake.decoys == (student.removesuffix("-again"),)
    # The control: what another seed shows resembles nothing.
    others = decoy_signatures(cached_outcomes(course, STEM, 5, out / "others"))
    (mistake,) = find_mistakes(results["count-smaller"].checks, others)
    assert mistake.kind == "differs"
