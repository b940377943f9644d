"""Write all that people read, in one pass over the results of a class."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from coursetools.errors import CourseError
from coursetools.grading.decoys import Background, Outcomes, cached_outcomes, read_background
from coursetools.grading.feedback import set_title, write_feedback, write_overview
from coursetools.grading.lecture import find_lecture
from coursetools.grading.report import write_reports
from coursetools.grading.results import Result
from coursetools.grading.summary import write_summary
from coursetools.grading.tally import Statistics


def write_for_people(
    root: Path,
    out: Path,
    results: Iterable[Result],
    exercises: Mapping[str, dict[str, Any]],
    totals: dict[str, int],
    seed: int,
    *,
    site: str | None = None,
    handed_in: Collection[str] | None = None,
    feedback: bool = True,
    decoys: bool = True,
) -> None:
    """Write feedback, overviews, tables and the summary.

    Args:
        root: The course's folder.
        out: The folder to write into; also keeps what the decoys show.
        results: As `write_reports` takes them: those of a student one after the other.
        exercises: The exercise notebooks by stem.
        totals: The points of each set by stem.
        seed: The grading seed.
        site: The address of the built site, if it is not the one in `_config.yml`.
        handed_in: The exercises that somebody handed in, all by default.
        feedback: Write the page of each exercise set; the overviews are written in any case.
        decoys: Run the decoys of each set in which somebody failed a check, so that the summary
            can say which of them a wrong answer resembles. Some seconds for each set, once.

    Raises:
        CourseError: If `site` is no address of the web.
    """
    titles = {stem: set_title(pristine, stem) for stem, pristine in exercises.items()}
    lectures = {stem: find_lecture(root, stem, site) for stem in exercises}

    def pages(student: str, own: Sequence[Result]) -> None:
        graded = [result for result in own if result.checks and result.stem in exercises]
        if feedback:
            for result in graded:
                write_feedback(out, result, exercises[result.stem], lectures[result.stem])
        if graded:
            write_overview(out, student, own, titles)

    def outcomes(stem: str) -> Outcomes:
        if not decoys:
            return {}
        try:
            return cached_outcomes(root, stem, seed, out / "decoys")
        except (CourseError, KeyError, OSError) as error:  # the summary is not worth a crash
            print(f"coursetools: {stem}: its decoys could not be run: {error}", file=sys.stderr)
            return {}

    tally = Statistics(exercises, totals, outcomes)
    write_reports(out, results, totals, [tally, pages], handed_in)
    backgrounds = {stem: _background(root, stem) for stem, one in tally.sets.items() if one.graded}
    write_summary(out, tally, backgrounds)


def _background(root: Path, stem: str) -> Background:
    try:
        return read_background(root, stem)
    except CourseError:  # a course may keep its solutions' sources elsewhere
        return Background()
