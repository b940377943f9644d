"""Watches, from outside, what a kernel and all that it has started use together."""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import psutil

from coursetools.grading.sandbox.limits import MB, Limits

EVERY = 0.1  # seconds
LINUX = Path("/proc/self/status").exists()
STATUS = re.compile(r"^(RssAnon|RssShmem|Threads):\s+(\d+)", re.MULTILINE)
SOCKETS = 16  # files that the folder of a kernel's sockets may hold


class Guard(Thread):
    """Ends a kernel that uses more than it may; `reason` then says in words what was too much.

    Args:
        pid: The process whose end ends the kernel.
        limits: What it may use.
        folder: Where its sockets are: the one place outside where a kernel could leave files.
    """

    def __init__(self, pid: int, limits: Limits, folder: Path | None = None) -> None:
        super().__init__(name="guard", daemon=True)
        self.reason: str | None = None
        self._pid = pid
        self._limits = limits
        self._folder = folder
        self._end = Event()

    def run(self) -> None:
        """Look ten times a second, until there is nothing to look at."""
        while not self._end.wait(EVERY):
            try:
                family = [psutil.Process(self._pid)]
                family += family[0].children(recursive=True)
            except psutil.Error:
                return
            self.reason = self._too_much(family)
            if self.reason:
                for process in family:
                    with suppress(ProcessLookupError):
                        os.kill(process.pid, signal.SIGKILL)
                return

    def stop(self) -> None:
        """Stop looking."""
        self._end.set()

    def _too_much(self, family: list[psutil.Process]) -> str | None:
        most = self._limits
        if len(family) > most.processes:
            return f"had more than {most.processes} processes. Does it start processes in a loop?"
        memory = threads = 0
        for process in family:
            with suppress(psutil.Error, OSError):
                own, theirs = _use(process)
                memory += own
                threads += theirs
        if threads > most.threads:
            return f"had more than {most.threads} threads. Does it start threads in a loop?"
        if memory > most.memory:
            return f"needed more than {most.memory / 1000 / MB:g} GB of memory."
        if self._folder is not None:
            with suppress(OSError):
                files = list(os.scandir(self._folder))
                if len(files) > SOCKETS or any(f.stat().st_size > MB for f in files):
                    return "wrote files where its sockets are."
        return None


def _use(process: psutil.Process) -> tuple[int, int]:
    """Bytes of memory that are a process's own, and its threads.

    Memory that it shares with its children counts for each of them: it may hide none in there.
    What it has of files does not count, since everyone has the same copy of libraries.
    """
    if not LINUX:
        return process.memory_info().rss, process.num_threads()
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8", errors="replace")
    found = dict(STATUS.findall(status))
    memory = int(found.get("RssAnon", 0)) + int(found.get("RssShmem", 0))
    return memory * 1024, int(found.get("Threads", 0))
