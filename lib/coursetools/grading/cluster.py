"""Judging on Dask workers: processes of this machine, or a cluster that runs already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from itertools import chain, islice
from queue import Empty, SimpleQueue
from typing import Any

import coursetools._quick  # noqa: F401  # isort: skip

from dask import config
from distributed import Client, LocalCluster, WorkerPlugin, as_completed, get_worker

from coursetools.errors import CourseError
from coursetools.grading.crew import Done, Job, Outcomes
from coursetools.grading.judge import Judge

NAME = "coursetools-judges"
AHEAD = 2  # jobs that wait for each worker, so that none is idle and memory stays flat


class Judges(WorkerPlugin):
    """The judges of one worker: one for each of its threads."""

    def __init__(self, sandbox: bool) -> None:
        self.sandbox = sandbox

    def setup(self, worker: Any) -> None:
        """Called where the worker is; the judges start while the first jobs are on their way."""
        self.free: SimpleQueue[Judge] = SimpleQueue()
        for _ in range(worker.state.nthreads):
            judge = Judge(self.sandbox)
            with suppress(CourseError, OSError):  # its first job will say so
                judge.start()
            self.free.put(judge)

    @contextmanager
    def borrow(self) -> Iterator[Judge]:
        """A judge for one job."""
        try:
            judge = self.free.get_nowait()
        except Empty:
            judge = Judge(self.sandbox)
        try:
            yield judge
        finally:
            self.free.put(judge)

    def teardown(self, worker: Any) -> None:
        """Called when the worker closes."""
        while not self.free.empty():
            self.free.get_nowait().close()


class Cluster:
    """Dask workers as a `Crew`.

    A worker that is lost costs nothing: Dask gives its job to another one, three times if need be.
    """

    def __init__(self, sandbox: bool, workers: int, scheduler: str | None) -> None:
        self._sandbox = sandbox
        self._workers = workers
        self._scheduler = scheduler
        self._beside = ThreadPoolExecutor(1)
        self._started: Future[Client] | None = None
        self._open = ExitStack()

    def start(self) -> None:
        """See `Crew`."""
        if self._started is None:
            self._started = self._beside.submit(self._connect)

    def _connect(self) -> Client:
        cluster: Any = self._scheduler
        if cluster is None:
            # A worker may have children: the processes that judge.
            self._open.enter_context(config.set({"distributed.worker.daemon": False}))
            cluster = LocalCluster(
                n_workers=self._workers,
                threads_per_worker=1,
                dashboard_address=None,
                silence_logs=50,
            )
            self._open.callback(cluster.close)
        try:
            client = Client(cluster, timeout=30)
        except (OSError, ValueError) as error:
            raise CourseError(f"no Dask scheduler answers at {cluster}: {error}") from None
        self._open.callback(client.close)
        client.register_plugin(Judges(self._sandbox), name=NAME)
        return client

    def work(self, jobs: Iterable[Job]) -> Iterator[Done]:
        """See `Crew`."""
        waiting = iter(jobs)
        first = next(waiting, None)
        if first is None:  # all was graded before: nobody need be started
            return
        self.start()
        assert self._started is not None
        yield from _work(self._started.result(), chain([first], waiting))

    def close(self) -> None:
        """See `Crew`."""
        self._beside.shutdown()  # what is half started is closed, too
        self._open.close()


def _work(client: Client, jobs: Iterator[Job]) -> Iterator[Done]:
    running: dict[Any, Job] = {}
    finished = as_completed()

    def send(most: int) -> None:
        for job in islice(jobs, most):
            task = replace(job, note=None)
            future = client.submit(_task, task, key=job.key, pure=False)
            running[future.key] = job
            finished.add(future)

    send((sum(client.nthreads().values()) or 1) * (1 + AHEAD))
    for future in finished:
        job = running.pop(future.key)
        yield job, _outcome(future)
        send(1)


def _task(job: Job) -> Outcomes:
    judges: Any = get_worker().plugins[NAME]
    with judges.borrow() as judge:
        return job.run(judge)


def _outcome(future: Any) -> Outcomes | CourseError:
    if future.status == "finished":
        outcomes: Outcomes = future.result()
        return outcomes
    error = future.exception()
    if isinstance(error, CourseError):
        return error
    return CourseError(f"the worker failed ({type(error).__name__}: {error})")
