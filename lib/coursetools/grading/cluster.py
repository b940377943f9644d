"""Judging on Dask: threads of this process by default, or the workers of a cluster that runs.

A judge is a process, and to wait for it takes a thread. So the local cluster is one of threads, and
nobody can join it: the ports of a cluster of processes ask for no password, and any other user of
the machine could run code as whoever grades.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import chain, islice
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any

import coursetools._quick  # noqa: F401  # isort: skip

from dask import config
from distributed import Client, LocalCluster, WorkerPlugin, as_completed, get_worker

from coursetools.errors import CourseError
from coursetools.grading.crew import Done, Job, Outcomes
from coursetools.grading.judge import Judge

NAME = "coursetools-judges"
AHEAD = 2  # jobs that wait for each worker, so that none is idle and memory stays flat
TICK = 0.2
LOOPBACK = "127.0.0.1:0"  # Dask opens a web server in any case, on any free port
NO_PAGES: dict[str, object] = {
    f"distributed.{who}.http.routes": [] for who in ("scheduler", "worker")
}


class Judges(WorkerPlugin):
    """The judges of one worker: one for each of its threads."""

    def __init__(self, sandbox: bool) -> None:
        self.sandbox = sandbox

    def setup(self, worker: Any) -> None:
        """Called where the worker is; the judges start while the first jobs are on their way."""
        self.free: SimpleQueue[Judge] = SimpleQueue()
        self.all = [Judge(self.sandbox) for _ in range(worker.state.nthreads)]
        for judge in self.all:
            with suppress(CourseError, OSError):  # its first job will say so
                judge.start()
            self.free.put(judge)

    @contextmanager
    def borrow(self) -> Iterator[Judge]:
        """A judge for one job."""
        judge = self.free.get()
        try:
            yield judge
        finally:
            self.free.put(judge)

    def teardown(self, worker: Any) -> None:
        """Called when the worker closes."""
        with suppress(Empty):
            while True:
                self.free.get_nowait().close()


class Cluster:
    """Dask workers as a `Crew`.

    A worker that is lost costs nothing: Dask gives its job to another one, three times if need be.

    Args:
        sandbox: Run kernels under bubblewrap.
        workers: How many notebooks to judge at once, without a scheduler.
        scheduler: The address of a scheduler that runs already.
    """

    def __init__(self, sandbox: bool, workers: int, scheduler: str | None) -> None:
        self._sandbox = sandbox
        self._workers = workers
        self._scheduler = scheduler
        self._own: LocalCluster | None = None
        self._beside = ThreadPoolExecutor(1)
        self._started: Future[Client] | None = None

    def start(self) -> None:
        """See `Crew`."""
        if self._started is None:
            self._started = self._beside.submit(self._connect)

    def _connect(self) -> Client:
        if self._scheduler is None:
            config.set(NO_PAGES)
            self._own = LocalCluster(
                n_workers=self._workers,
                threads_per_worker=1,
                processes=False,
                dashboard_address=LOOPBACK,
                worker_dashboard_address=LOOPBACK,
                memory_limit=0,  # what a submission may use, its sandbox says
                silence_logs=50,
            )
        try:
            client = Client(self._own or self._scheduler, timeout=30)
        except (OSError, ValueError) as error:
            raise CourseError(f"no Dask scheduler answers at {self._scheduler}: {error}") from None
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
        """See `Crew`. What is being judged is lost; that is so after Ctrl-C only."""
        self._beside.shutdown()  # what is half started is closed, too
        if self._started is None:
            return
        if self._started.exception() is not None:
            if self._own is not None:
                self._own.close()
            return
        self._started.result().close()
        if self._own is not None:
            with _hung_up(self._own):
                self._own.close()


@contextmanager
def _hung_up(own: LocalCluster) -> Iterator[None]:
    """Tell judges to end, again and again: one may be just starting, and a thread waits for it."""
    judges = [one for worker in own.workers.values() for one in worker.plugins[NAME].all]
    over = Event()

    def hang_up() -> None:
        while not over.wait(TICK):
            for judge in judges:
                judge.hang_up()

    thread = Thread(target=hang_up, name="hang-up", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


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
