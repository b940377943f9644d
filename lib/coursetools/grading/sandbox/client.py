"""The grader's side of a nursery: start the box, ask it for kernels, end them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any

from coursetools.errors import CourseError
from coursetools.grading.sandbox import box
from coursetools.grading.sandbox.limits import Limits

START = 120.0  # seconds that imports may take on a slow disk
HANG_UP = 10.0
SO_PASSCRED = 16
CREDENTIALS = struct.Struct("iII")


class Nursery:
    """A box with a process inside that has imported what kernels need.

    Args:
        limits: What each kernel may use.
        nested: Serve many kernels, each in a world of its own within the box. Where the system
            forbids that, and with False, a nursery serves one kernel: `single` is then true.

    Raises:
        CourseError: If there is no bubblewrap, or the process inside does not start.
    """

    def __init__(self, limits: Limits | None = None, nested: bool = True) -> None:
        program = box.require()
        self.limits = limits or Limits()
        self._loaded: set[str] = set()
        short = "/tmp" if len(tempfile.gettempdir()) > 40 else None  # socket paths are short
        self.sockets = Path(tempfile.mkdtemp(prefix="course-", dir=short))
        self._orders, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "TZ": "UTC"}
        environment |= {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "USER": "student"}
        environment |= {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")}
        environment["TRITON_INTERPRET"] = "1"  # no GPU in there, and imports come before all cells
        inner = [sys.executable, "-P", "-m", f"{__package__}.nursery", str(inside.fileno())]
        start = box.command(program, self.sockets, self.limits, environment, nested=nested)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            [*start, *inner],
            pass_fds=[inside.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
        )
        inside.close()
        self._orders.settimeout(START)
        try:
            self.single = not self._ask({"nested": nested})["nested"]
        except (OSError, ValueError):
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace")[-2000:]
            self.close()
            raise CourseError(f"the sandbox did not start:\n{said}") from None

    def load(self, modules: Iterable[str]) -> None:
        """Import what the next kernels will need, in this order; what fails is left to them.

        Args:
            modules: Names of modules that somebody trusted chose. Those that were asked for before
                cost nothing.

        Raises:
            CourseError: If the process inside has ended, as it does when an import crashes it.
        """
        new = [name for name in modules if name not in self._loaded]
        if not new:
            return
        self._loaded.update(new)
        try:
            self._ask({"modules": new})
        except (OSError, ValueError) as error:
            raise CourseError(f"the sandbox ended while it imported {new} ({error})") from None

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        self._orders.send(json.dumps(order).encode())
        answer: dict[str, Any] = json.loads(self._orders.recv(1000))
        return answer

    def kernel(self, seed: int, connection: dict[str, Any]) -> World:
        """Ask for a kernel, and wait until it is there.

        Args:
            seed: The grading seed.
            connection: The content of its connection file.
        """
        folder = tempfile.mkdtemp(prefix="", dir=self.sockets)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, SO_PASSCRED, 1)
        order = {
            "folder": Path(folder).name,
            "seed": seed,
            "connection": connection,
            "limits": asdict(self.limits),
        }
        with theirs:
            socket.send_fds(self._orders, [json.dumps(order).encode()], [theirs.fileno()])
        return World(ours, Path(folder), self.process if self.single else None)

    def close(self) -> None:
        """End the box, and every kernel in it."""
        self._orders.close()
        self.process.kill()
        self.process.wait()
        self._errors.close()
        shutil.rmtree(self.sockets, ignore_errors=True)


class World:
    """One kernel in its sandbox, seen from outside, in the manner of a process.

    Args:
        line: The connection to its keeper: what comes over it carries the sender's number.
        folder: Where its sockets are.
        box: The box, if it holds this kernel alone.
    """

    def __init__(
        self, line: socket.socket, folder: Path, box: subprocess.Popen[bytes] | None
    ) -> None:
        self.folder = folder
        self.returncode: int | None = None
        self._line = line
        self._box = box
        numbers: dict[bytes, int] = {}
        line.settimeout(START)
        try:
            while b"kernel" not in numbers or (box is None and b"first" not in numbers):
                said, number = self._receive()
                if not said or said.startswith(b"ended"):
                    raise CourseError(f"a kernel did not start in the sandbox ({said.decode()})")
                numbers[said] = number
        except OSError as error:
            raise CourseError(f"a kernel did not start in the sandbox ({error})") from None
        self.pid = numbers[b"kernel"]
        # Who ends it ends all: orphans are children of the box, or of the world's first process.
        self.first = box.pid if box is not None else numbers[b"first"]
        # A number may be another process's by the time of a signal; a handle may not.
        self._handle = os.pidfd_open(self.pid)
        line.setblocking(False)

    def _receive(self) -> tuple[bytes, int]:
        said, control, _, _ = self._line.recvmsg(1000, socket.CMSG_SPACE(CREDENTIALS.size))
        for level, kind, data in control:
            if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                return said, CREDENTIALS.unpack(data)[0]
        return said, 0

    def poll(self) -> int | None:
        """None while it runs; else its exit code, or -9 where nobody knows."""
        if self.returncode is None and self._box is not None:  # there is no keeper to ask
            self.returncode = self._box.poll()
        elif self.returncode is None:
            try:
                said, _ = self._receive()
                code = said.removeprefix(b"ended ").decode()
                self.returncode = int(code) if code.lstrip("-").isdecimal() else -signal.SIGKILL
            except BlockingIOError:
                return None
            except OSError:
                self.returncode = -signal.SIGKILL
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended."""
        if self._box is not None:
            self.returncode = self._box.wait(timeout)
        deadline = None if timeout is None else monotonic() + timeout
        while self.poll() is None:
            left = None if deadline is None else deadline - monotonic()
            if left is not None and left <= 0:
                raise subprocess.TimeoutExpired("kernel", timeout or 0)
            self._line.settimeout(0.2 if left is None else min(left, 0.2))
            with suppress(OSError):
                self._line.recv(1, socket.MSG_PEEK)
            self._line.setblocking(False)
        return self.returncode or 0

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel's own process."""
        if self.poll() is None:
            with suppress(OSError):
                signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        """End the kernel and all that it has started, at once."""
        if self.returncode is None:
            with suppress(OSError):
                self._line.shutdown(socket.SHUT_WR)
            if self._box is not None:
                self._box.kill()
            with suppress(subprocess.TimeoutExpired):
                self.wait(HANG_UP)
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        self._line.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    terminate = kill
