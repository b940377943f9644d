"""Who judges: this process, one notebook after the other, or Dask workers, many at once.

Both take jobs and give back each with its outcome, as it becomes known. A job holds all that a
worker needs, so workers may be on other machines: they need this package and bubblewrap, no files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from coursetools.errors import CourseError
from coursetools.grading.judge import Judge

Outcomes = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Job:
    """One notebook to judge; `note` is whatever the sender wants to have back."""

    key: str
    notebook: dict[str, Any] = field(repr=False)
    seed: int
    cell_timeout: float
    note: Any = field(repr=False, default=None)


Done = tuple[Job, Outcomes | CourseError]


@dataclass(frozen=True)
class Setting:
    """How every judge of a batch is set up."""

    sandbox: bool
    modules: tuple[str, ...] = ()

    def judge(self) -> Judge:
        """A judge of this kind, not yet started."""
        return Judge(self.sandbox, self.modules)


def work(
    jobs: Iterable[Job], setting: Setting, workers: int, scheduler: str | None = None
) -> Iterator[Done]:
    """Judge all jobs.

    Args:
        jobs: Drawn one by one, as workers become free.
        setting: How judges are set up.
        workers: Processes to start here; 1 works in this process, without Dask.
        scheduler: The address of a Dask scheduler that runs already; `workers` is then ignored.

    Yields:
        Each job with its outcomes, or with the reason why nobody could judge it.
    """
    waiting = iter(jobs)
    first = next(waiting, None)
    if first is None:  # all was graded before: nobody need be started
        return iter(())
    if scheduler is None and workers <= 1:
        return _here(chain([first], waiting), setting)
    from coursetools.grading import cluster  # half a second to import

    return cluster.work(chain([first], waiting), setting, workers, scheduler)


def _here(jobs: Iterable[Job], setting: Setting) -> Iterator[Done]:
    with setting.judge() as judge:
        for job in jobs:
            try:
                yield job, judge.judge(job.notebook, job.seed, job.cell_timeout)
            except CourseError as error:
                yield job, error
