"""Grade a folder of submissions; a broken one is a row that says how, and never stops the rest."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from tqdm import tqdm

from coursetools.errors import CourseError
from coursetools.grading.crew import Crew, Job, Outcomes, crew
from coursetools.grading.decoy_runs import DecoyRuns
from coursetools.grading.journal import Journal
from coursetools.grading.judge import Exercise
from coursetools.grading.kernel import OUTPUT_LIMIT
from coursetools.grading.people import write_for_people
from coursetools.grading.results import Check, Result, write_text
from coursetools.grading.sandbox import box
from coursetools.grading.submissions import Submission, find_submissions
from coursetools.grading.transplant import (
    Answers,
    SubmissionError,
    answer_names,
    merge,
    parse_answers,
    read_bytes,
)

VERSION = 3  # counts up when a stored result of an earlier version must not be used again
CELL_TIMEOUT = 60.0
JOURNAL = "journal.sqlite"
LOST = "Not run: the grading process was ended from outside, perhaps by the submitted code."


@dataclass(frozen=True)
class Summary:
    """What a run of `grade` did."""

    files: int
    reused: int
    troubled: int
    course_faults: tuple[str, ...]
    out: Path

    @property
    def results(self) -> list[Result]:
        """Every result of the run, sorted; read from the journal each time."""
        with Journal(self.out / JOURNAL, last=True) as journal:
            return list(journal.results())


@dataclass
class Batch:
    """One run: what is graded, with what, and what has become of it so far."""

    journal: Journal
    judges: Crew
    exercises: dict[str, Exercise]
    faults: dict[str, str]
    seed: int
    cell_timeout: float
    decoys: DecoyRuns | None = None
    reused: int = 0
    troubled: int = 0

    def jobs(self, submissions: list[Submission], bar: Any) -> Iterator[Job]:
        """What has to be judged; all else is settled on the way."""
        for submission in submissions:
            job = self._job(submission)
            if job is None:
                bar.update()
            else:
                yield job
            yield from self.late_jobs()

    def late_jobs(self) -> Iterator[Job]:
        """What the summary wants to know more, because of what was found since the last call."""
        if self.decoys is not None:
            yield from self.decoys.jobs()

    def judge_all(self, submissions: list[Submission], bar: Any) -> None:
        """Have all judged that has to be, and store what is found out."""
        for jobs in (self.jobs(submissions, bar), self.late_jobs()):
            for job, outcomes in self.judges.work(jobs):
                self.settle(job, outcomes)
                bar.update(not isinstance(job.note, Exercise))

    def settle(self, job: Job, outcomes: Outcomes | CourseError) -> None:
        """Store what was found out."""
        if isinstance(job.note, Exercise):
            assert self.decoys is not None
            self.decoys.settle(job, outcomes)
            return
        submission, answers, digest = job.note
        if isinstance(outcomes, CourseError):  # the next run tries again
            self._store(_not_graded(submission, str(outcomes)))
            return
        exercise = self.exercises[submission.stem]
        self._store(_result(submission, exercise, answers, digest, outcomes))

    def _job(self, submission: Submission) -> Job | None:
        student, stem = submission.student, submission.stem
        if submission.problem is not None:
            self._store(Result(student, stem, "", (submission.problem,)))
            return None
        if stem in self.faults:
            self._store(_not_graded(submission, self.faults[stem]))
            return None
        exercise = self.exercises[stem]
        try:
            data: bytes | SubmissionError = read_bytes(submission.path)
        except SubmissionError as error:
            data = error
        digest = self._digest(data, exercise)
        stored = self.journal.find(student, stem, digest)
        if stored is not None:
            self.reused += 1
            self.journal.use(student, stem, stored)
            self.troubled += bool(self.journal.read(stored).problems)
            return None
        try:
            if isinstance(data, SubmissionError):
                raise data
            answers = parse_answers(data, answer_names(exercise.pristine))
        except SubmissionError as error:
            checks = exercise.checks.items()
            failed = tuple(Check(name, points, False, str(error)) for name, points in checks)
            self._store(Result(student, stem, digest, (str(error),), failed))
            return None
        self.judges.start()  # while the solution runs
        try:
            merged = merge(exercise.pristine, answers.code, exercise.reference.shown)
        except CourseError as error:  # the solution's fault: no submission can be graded
            self.faults[stem] = str(error)
            self._store(_not_graded(submission, str(error)))
            return None
        key = hashlib.sha256(repr((student, stem, digest)).encode()).hexdigest()
        note = (submission, answers, digest)
        modules = exercise.reference.modules
        return Job(f"grade-{key}", merged, self.seed, self.cell_timeout, modules, note)

    def _store(self, result: Result) -> None:
        self.troubled += bool(result.problems)
        self.journal.add(result, self.seed)
        if self.decoys is not None and any(not check.passed for check in result.checks):
            self.decoys.want(self.exercises[result.stem])

    def _digest(self, data: bytes | SubmissionError, exercise: Exercise) -> str:
        content = data if isinstance(data, bytes) else str(data).encode()
        submitted = hashlib.sha256(content).hexdigest()
        parts = [VERSION, submitted, exercise.fingerprint, self.seed, self.cell_timeout]
        return hashlib.sha256(json.dumps([*parts, OUTPUT_LIMIT]).encode()).hexdigest()


def grade(
    root: Path,
    submissions: Path,
    out: Path,
    seed: int | None = None,
    cell_timeout: float = CELL_TIMEOUT,
    *,
    sandbox: bool = True,
    workers: int = 1,
    scheduler: str | None = None,
    site: str | None = None,
    decoys: bool = False,
) -> Summary:
    """Grade every submission, and write all reports into `out`.

    Each result is stored as soon as it is known, so an interrupted run goes on where it stopped: a
    stored result is used again if submission, exercise, solution, seed and limits are the same.

    Args:
        root: The course's folder, with `exercises/` and `solutions/`.
        submissions: Holds `<student>/<NN_topic>.ipynb`.
        out: Made if missing. Keeps the seed: a new folder gets a fresh one.
        seed: The grading seed, if it must be a particular one.
        cell_timeout: Seconds a cell may take.
        sandbox: Run submitted code under bubblewrap; without it, it runs as whoever grades.
        workers: How many processes judge at once; 1 is this one.
        scheduler: The address of a Dask scheduler whose workers judge instead.
        site: The address of the built site, for links, if it is not the one in `_config.yml`.
        decoys: Run the decoys of each set in which somebody failed, so that the summary of the
            class can say which of them a wrong answer resembles.

    Raises:
        CourseError: If there is nothing to grade, no sandbox, one that would show the solutions, or
            another run in the same folder.
    """
    if sandbox and scheduler is None:
        box.require()
        box.require_hidden(root / "solutions", submissions, out)
    stems = sorted(path.stem for path in (root / "exercises").glob("[0-9][0-9]_*.ipynb"))
    found = find_submissions(submissions, stems)
    out.mkdir(parents=True, exist_ok=True)
    lock = FileLock(out / "grading.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise CourseError(f"{out}: another grading writes here; wait for its end") from None
    with lock, Journal(out / JOURNAL) as journal:
        seed = _settle_seed(out, seed)
        exercises, faults = _load_exercises(root, stems, seed, cell_timeout)
        runs = DecoyRuns(root, out / "decoys", seed, cell_timeout) if decoys else None
        judges = crew(sandbox, workers, scheduler)
        batch = Batch(journal, judges, exercises, faults, seed, cell_timeout, runs)
        wanted = {submission.stem for submission in found}
        bar: Any = tqdm(total=len(found), desc="grading", unit="notebook", disable=None)
        with bar, closing(judges):
            batch.judge_all(found, bar)
        write_for_people(
            root,
            out,
            journal.results(),
            {stem: exercise.pristine for stem, exercise in exercises.items()},
            {stem: sum(exercise.checks.values()) for stem, exercise in exercises.items()},
            seed,
            site=site,
            handed_in=wanted,
            decoys=decoys,
        )
    said = tuple(faults[stem] for stem in faults if stem in wanted)
    return Summary(len(found), batch.reused, batch.troubled, said, out)


def _not_graded(submission: Submission, why: str) -> Result:
    return Result(submission.student, submission.stem, "", (f"Not graded: {why}",))


def _result(
    submission: Submission, exercise: Exercise, answers: Answers, digest: str, outcomes: Outcomes
) -> Result:
    problems = answers.problems
    if any(name not in outcomes for name in exercise.checks):
        problems = (*problems, LOST)
    notes = "".join(f"\n{problem}" for problem in answers.problems)
    checks = []
    for name, points in exercise.checks.items():
        check = Check.judged(name, points, outcomes.get(name), LOST)
        checks.append(check if check.passed else replace(check, message=check.message + notes))
    raised = {
        name: outcomes[name]["message"]
        for name in answer_names(exercise.pristine)
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
