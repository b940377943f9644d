"""Run the decoys of the sets in which somebody failed, by the workers that judge the class.

They are warm and many, so the summary, which says what decoy a wrong answer resembles, is there
when the last submission is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from coursetools.errors import CourseError
from coursetools.grading.crew import Job, Outcomes
from coursetools.grading.decoys import decoy_notebook, read_cache, read_outcomes, write_cache
from coursetools.grading.judge import Exercise


class DecoyRuns:
    """What decoys have to run, and what they showed, kept in a folder.

    Args:
        root: The course's folder.
        folder: Where to keep what they show.
        seed: The grading seed.
        cell_timeout: Seconds a cell may take.
    """

    def __init__(self, root: Path, folder: Path, seed: int, cell_timeout: float) -> None:
        self._root = root
        self._folder = folder
        self._seed = seed
        self._cell_timeout = cell_timeout
        self._waiting: list[Exercise] = []
        self._known: set[str] = set()

    def want(self, exercise: Exercise) -> None:
        """Somebody failed a check of this set."""
        if exercise.stem not in self._known:
            self._known.add(exercise.stem)
            self._waiting.append(exercise)

    def jobs(self) -> Iterator[Job]:
        """The runs that were asked for since the last call, less those whose results are kept."""
        while self._waiting:
            exercise = self._waiting.pop()
            try:
                if read_cache(self._root, exercise.stem, self._seed, self._folder) is None:
                    notebook = decoy_notebook(self._root, exercise)
                    key = f"decoys-{exercise.stem}-{exercise.fingerprint}-{self._seed}"
                    modules = exercise.reference.modules
                    yield Job(key, notebook, self._seed, self._cell_timeout, modules, exercise)
            except (CourseError, OSError):
                continue  # the summary says that it lacks them

    def settle(self, job: Job, outcomes: Outcomes | CourseError) -> None:
        """Keep what they showed."""
        if isinstance(outcomes, CourseError):
            return
        with suppress(CourseError):  # the summary tries again, and says what is wrong
            found = read_outcomes(job.note, job.notebook, outcomes)
            write_cache(self._root, job.note.stem, self._seed, self._folder, found)
