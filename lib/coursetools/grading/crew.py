"""Who judges: one judge, or the workers of a Dask cluster, here or elsewhere.

Both take jobs and give back each with its outcome, as it becomes known. A job holds all that a
worker needs, so workers may be on other machines: they need this package and bubblewrap, no files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

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
    modules: tuple[str, ...] = field(repr=False, default=())
    note: Any = field(repr=False, default=None)

    def run(self, judge: Judge) -> Outcomes:
        """Let a judge do it."""
        return judge.judge(self.notebook, self.seed, self.cell_timeout, modules=self.modules)


Done = tuple[Job, Outcomes | CourseError]


class Crew(Protocol):
    """Somebody who judges."""

    def start(self) -> None:
        """Begin to start, and do not wait for it: there will be work. Not needed, but quicker."""

    def work(self, jobs: Iterable[Job]) -> Iterator[Done]:
        """Judge all jobs, drawn one by one; can be called again when all are done.

        Yields:
            Each job with its outcomes, or with the reason why nobody could judge it.
        """

    def close(self) -> None:
        """End all that was started."""


def crew(sandbox: bool, workers: int, scheduler: str | None = None) -> Crew:
    """Those who judge; nobody is started before there is work.

    Args:
        sandbox: Run kernels under bubblewrap.
        workers: How many notebooks to judge at once, here.
        scheduler: The address of a Dask scheduler that runs already; `workers` is then ignored.
    """
    if scheduler is None and workers <= 1:
        return Alone(sandbox)
    from coursetools.grading.cluster import Cluster  # half a second to import

    return Cluster(sandbox, workers, scheduler)


class Alone:
    """One judge, of this process."""

    def __init__(self, sandbox: bool) -> None:
        self._judge = Judge(sandbox)

    def start(self) -> None:
        """See `Crew`."""
        self._judge.start()

    def work(self, jobs: Iterable[Job]) -> Iterator[Done]:
        """See `Crew`."""
        for job in jobs:
            try:
                yield job, job.run(self._judge)
            except CourseError as error:
                yield job, error

    def close(self) -> None:
        """See `Crew`."""
        self._judge.close()
