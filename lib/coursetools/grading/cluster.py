"""Judging on Dask workers: processes of this machine, or a cluster that runs already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any

from dask import config
from distributed import Client, LocalCluster, WorkerPlugin, as_completed, get_worker

from coursetools.errors import CourseError
from coursetools.grading.judge import Judge
from coursetools.grading.work import Done, Job, Outcomes, Setting

NAME = "coursetools-judges"
AHEAD = 2  # jobs that wait for each worker, so that none is idle and memory stays flat


class Judges(WorkerPlugin):
    """The judges of one worker: one for each of its threads."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def setup(self, worker: Any) -> None:
        """Called where the worker is."""
        self.free: SimpleQueue[Judge] = SimpleQueue()

    @contextmanager
    def borrow(self) -> Iterator[Judge]:
        """A judge for one job."""
        try:
            judge = self.free.get_nowait()
        except Empty:
            judge = self.setting.judge()
        try:
            yield judge
        finally:
            self.free.put(judge)

    def teardown(self, worker: Any) -> None:
        """Called when the worker closes."""
        while not self.free.empty():
            self.free.get_nowait().close()


def work(
    jobs: Iterator[Job], setting: Setting, workers: int, scheduler: str | None
) -> Iterator[Done]:
    """Judge all jobs on Dask; see `coursetools.grading.work.work`.

    A worker that is lost costs nothing: Dask gives its job to another one, three times if need be.
    """
    # A worker may have children: the processes that judge.
    with config.set({"distributed.worker.daemon": False}):
        own = None
        if scheduler is None:
            own = LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=50
            )
        try:
            yield from _work(jobs, setting, own or scheduler)
        finally:
            if own is not None:
                own.close()


def _work(jobs: Iterator[Job], setting: Setting, cluster: Any) -> Iterator[Done]:
    try:
        client = Client(cluster, timeout=30)
    except (OSError, ValueError) as error:
        raise CourseError(f"no Dask scheduler answers at {cluster}: {error}") from None
    with client:
        client.register_plugin(Judges(setting), name=NAME)
        running: dict[Any, Job] = {}
        finished = as_completed()

        def send(most: int) -> None:
            for job in islice(jobs, most):
                arguments = job.notebook, job.seed, job.cell_timeout
                future = client.submit(_task, *arguments, key=job.key, pure=False)
                running[future.key] = job
                finished.add(future)

        send((sum(client.nthreads().values()) or 1) * (1 + AHEAD))
        for future in finished:
            job = running.pop(future.key)
            yield job, _outcome(future)
            send(1)


def _task(notebook: dict[str, Any], seed: int, cell_timeout: float) -> Outcomes:
    judges: Any = get_worker().plugins[NAME]
    with judges.borrow() as judge:
        outcomes: Outcomes = judge.judge(notebook, seed, cell_timeout)
        return outcomes


def _outcome(future: Any) -> Outcomes | CourseError:
    if future.status == "finished":
        outcomes: Outcomes = future.result()
        return outcomes
    error = future.exception()
    if isinstance(error, CourseError):
        return error
    return CourseError(f"the worker failed ({type(error).__name__}: {error})")
