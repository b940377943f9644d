"""Watches, from outside, what a kernel and all that it has started use together."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import psutil

from coursetools.grading.sandbox.limits import MB, Limits

EVERY = 0.1  # seconds
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
            with suppress(psutil.Error):
                used = process.memory_info()
                memory += used.rss - used.shared
                threads += process.num_threads()
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
