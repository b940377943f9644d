"""How much a submission may use: each of its processes, and all of them together."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

MB = 1_000_000


@dataclass(frozen=True)
class Limits:
    """What one kernel, with all that it starts, may use.

    `apply` sets what the system enforces for each process (rlimits). `Guard` watches the sums, from
    outside: rlimits know no sums, and root is exempt from the limit on processes.
    """

    memory: int = 4_000 * MB  # bytes, of all processes together
    processes: int = 64
    threads: int = 256
    open_files: int = 256  # a socket holds memory, too
    file_size: int = 100 * MB  # bytes of one file
    scratch: int = 256 * MB  # bytes of the temporary folder, which is in memory
    cpu: int = 600  # seconds of processor time, of one process

    def apply(self) -> None:
        """Limit this process and all that it starts; nothing here can be taken back by it."""
        import resource  # not on Windows, where a student's own check imports this file

        wanted = {
            # Twice, because libraries reserve addresses that they never use.
            resource.RLIMIT_AS: 2 * self.memory,
            resource.RLIMIT_NPROC: self.threads,  # Linux counts threads
            resource.RLIMIT_NOFILE: self.open_files,
            resource.RLIMIT_FSIZE: self.file_size,
            resource.RLIMIT_CPU: self.cpu,
            resource.RLIMIT_CORE: 0,
        }
        for kind, most in wanted.items():
            _, hard = resource.getrlimit(kind)
            if hard != resource.RLIM_INFINITY:
                most = min(most, hard)
            with suppress(ValueError, OSError):
                resource.setrlimit(kind, (most, most))
