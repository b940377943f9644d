"""Grade a folder of submissions; a broken one is a row that says how, and never stops the rest."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from coursetools.errors import CourseError
from coursetools.grading.feedback import write_feedback
from coursetools.grading.judge import Exercise, judge
from coursetools.grading.kernel import OUTPUT_LIMIT
from coursetools.grading.report import write_reports
from coursetools.grading.results import Check, Result, read_result, write_text
from coursetools.grading.submissions import Submission, find_submissions
from coursetools.grading.transplant import (
    MOST_BYTES,
    SubmissionError,
    answer_names,
    merge,
    read_answers,
)

VERSION = 2  # counts up when a stored result of an earlier version must not be used again
CELL_TIMEOUT = 60.0


@dataclass(frozen=True)
class Summary:
    """What a run of `grade` did."""

    results: tuple[Result, ...]
    reused: int
    course_faults: tuple[str, ...]


def grade(
    root: Path,
    submissions: Path,
    out: Path,
    seed: int | None = None,
    cell_timeout: float = CELL_TIMEOUT,
) -> Summary:
    """Grade every submission, one after the other, and write all reports into `out`.

    Each result is stored as soon as it is known, so an interrupted run goes on where it stopped: a
    stored result is used again if submission, exercise, solution, seed and limits are the same.

    Args:
        root: The course's folder, with `exercises/` and `solutions/`.
        submissions: Holds `<student>/<NN_topic>.ipynb`.
        out: Made if missing. Keeps the seed: a new folder gets a fresh one.
        seed: The grading seed, if it must be a particular one.
        cell_timeout: Seconds a cell may take.

    Raises:
        CourseError: If there is nothing to grade.
    """
    stems = sorted(path.stem for path in (root / "exercises").glob("[0-9][0-9]_*.ipynb"))
    found = find_submissions(submissions, stems)
    seed = _settle_seed(out, seed)
    exercises, faults = _load_exercises(root, stems, seed, cell_timeout)
    results = []
    reused = 0
    bar = tqdm(found, desc="grading", unit="notebook", disable=None)
    for submission in bar:
        stem = submission.stem
        bar.set_postfix_str(f"{submission.student}/{stem}"[:40])
        if submission.problem is not None:
            results.append(Result(submission.student, stem, "", (submission.problem,)))
            continue
        if stem in faults:
            results.append(Result(submission.student, stem, "", (f"Not graded: {faults[stem]}",)))
            continue
        stored = out / "results" / submission.student / f"{stem}.json"
        digest = _digest(submission.path, exercises[stem], seed, cell_timeout)
        result = read_result(stored, digest)
        reused += result is not None
        if result is None:
            try:
                exercises[stem].reference()
            except CourseError as error:  # the solution's fault: no submission can be graded
                faults[stem] = str(error)
                results.append(Result(submission.student, stem, "", (f"Not graded: {error}",)))
                continue
            try:
                result = _grade_one(submission, exercises[stem], digest, seed, cell_timeout)
            except CourseError as error:  # not stored: the next run tries again
                results.append(Result(submission.student, stem, "", (f"Not graded: {error}",)))
                continue
            write_text(stored, json.dumps(asdict(result), indent=1))
        write_feedback(out, result, exercises[stem].pristine)
        results.append(result)
    totals = {stem: sum(exercise.checks.values()) for stem, exercise in exercises.items()}
    write_reports(out, results, totals)
    wanted = {submission.stem for submission in found}
    return Summary(tuple(results), reused, tuple(faults[s] for s in faults if s in wanted))


def _grade_one(
    submission: Submission, exercise: Exercise, digest: str, seed: int, cell_timeout: float
) -> Result:
    names = answer_names(exercise.pristine)
    try:
        answers = read_answers(submission.path, names)
    except SubmissionError as error:
        failed = tuple(Check(n, p, False, str(error)) for n, p in exercise.checks.items())
        return Result(submission.student, submission.stem, digest, (str(error),), failed)
    merged = merge(exercise.pristine, answers.code, exercise.reference())
    outcomes = judge(merged, seed, cell_timeout)
    problems = answers.problems
    lost = "Not run: the grading process was ended from outside, perhaps by the submitted code."
    if any(name not in outcomes for name in exercise.checks):
        problems = (*problems, lost)
    notes = "".join(f"\n{problem}" for problem in answers.problems)
    checks = []
    for name, points in exercise.checks.items():
        outcome = outcomes.get(name, {"passed": False, "message": lost, "shown": ()})
        passed = outcome["passed"] is True
        message = "" if passed else outcome["message"] + notes
        checks.append(Check(name, points, passed, message, tuple(outcome["shown"])))
    raised = {
        name: outcomes[name]["message"]
        for name in names
        if name in outcomes and not outcomes[name]["passed"]
    }
    return Result(
        submission.student,
        submission.stem,
        digest,
        problems,
        tuple(checks),
        answers.code,
        raised,
    )


def _load_exercises(
    root: Path, stems: list[str], seed: int, cell_timeout: float
) -> tuple[dict[str, Exercise], dict[str, str]]:
    """The exercises that can be graded, and for the others what is wrong with them."""
    exercises: dict[str, Exercise] = {}
    faults: dict[str, str] = {}
    for stem in stems:
        try:
            exercises[stem] = Exercise.load(root, stem, seed, cell_timeout)
        except CourseError as error:
            faults[stem] = str(error)
    return exercises, faults


def _settle_seed(out: Path, seed: int | None) -> int:
    path = out / "grading.json"
    if seed is None and path.exists():
        try:
            return int(json.loads(path.read_text(encoding="utf-8"))["seed"])
        except (ValueError, KeyError, TypeError):
            raise CourseError(
                f"{path}: holds no seed; delete {out} to grade afresh, or give --seed"
            ) from None
    chosen = secrets.randbelow(2**31 - 1) + 1 if seed is None else seed  # never 0, which is public
    write_text(path, json.dumps({"seed": chosen}) + "\n")
    return chosen


def _digest(path: Path, exercise: Exercise, seed: int, cell_timeout: float) -> str:
    try:
        size = path.stat().st_size
        submitted = (
            str(size) if size > MOST_BYTES else hashlib.sha256(path.read_bytes()).hexdigest()
        )
    except OSError as error:
        submitted = str(error)
    parts = [VERSION, submitted, exercise.fingerprint, seed, cell_timeout, OUTPUT_LIMIT]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
