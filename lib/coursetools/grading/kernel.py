"""nbval's kernel, watched: a dead process, a flood of output and endless cells are noticed in time.

nbval waits for a reply until the cell's time limit, even if the kernel's process is gone; it keeps
reading as long as an interrupted cell goes on printing; and it holds all output in memory. This
class takes the place of `nbval.kernel.RunningKernel` and changes only that.
"""

from __future__ import annotations

import signal
from collections import deque
from contextlib import ExitStack, suppress
from queue import Empty
from subprocess import DEVNULL
from time import monotonic, sleep
from typing import Any, NoReturn

import psutil
import zmq
from jupyter_client.manager import KernelManager
from nbval.kernel import RunningKernel

from coursetools.grading.sandbox.client import Nursery, World
from coursetools.grading.sandbox.guard import Guard
from coursetools.grading.sandbox.limits import Limits
from coursetools.grading.sandbox.provisioner import KERNEL_NAME, KernelspecManager
from coursetools.place import kernel_place

OUTPUT_LIMIT = 10_000_000  # bytes a cell may print: a plotly figure fits, a runaway loop does not
MESSAGE_COST = 1_000  # counted for each message, so that a million empty ones are a flood too
GRACE = 5.0  # seconds an interrupted cell has to stop before its process is killed
TICK = 0.2


class KernelGoneError(Exception):
    """The kernel's process ended while a cell ran; the message says why, if that is known."""


class OutputLimitError(Exception):
    """A cell printed more than it may."""


class ForgedMessageError(Exception):
    """A message over the kernel's sockets that no kernel sends: the submitted code wrote it."""


class WatchedKernel(RunningKernel):
    """A kernel with an eye on its process, its output and the clock.

    Args:
        kernel_name, cwd, startup_timeout: As nbval passes them.
        seed: The grading seed: the kernel then gets an empty folder as working folder, and the bare
            environment of `kernel_place`. None leaves folder and environment as they are, which is
            what a student's own run of pytest wants.
        nursery: Where a sandboxed kernel is born; without one it gets a sandbox of its own.
        limits: What the kernel may use; a nursery has its own.
        output_limit: Bytes a cell may print before its process is killed.
    """

    def __init__(
        self,
        kernel_name: str,
        cwd: str | None = None,
        startup_timeout: float = 60,
        *,
        seed: int | None = None,
        nursery: Nursery | None = None,
        limits: Limits | None = None,
        output_limit: int = OUTPUT_LIMIT,
    ) -> None:
        self._place = ExitStack()
        places: dict[str, Any] = {"cwd": cwd}
        if kernel_name == KERNEL_NAME:
            places = {"nursery": nursery, "seed": seed or 0}
        elif seed is not None:
            folder, environment = self._place.enter_context(kernel_place(seed))
            places = {"cwd": str(folder), "env": environment}
        self._context = context = zmq.Context()
        # One message of 100 MB must not enter this process: ZeroMQ drops the connection instead.
        context.setsockopt(zmq.MAXMSGSIZE, output_limit)
        self.km = KernelManager(
            kernel_name=kernel_name,
            kernel_spec_manager=KernelspecManager(),
            context=context,
        )
        self.km.start_kernel(stdout=DEVNULL, stderr=DEVNULL, **places)
        self._process: Any = self.km.provisioner.process  # type: ignore[union-attr]
        self._guard = self._watched_by_guard(limits or Limits())
        self.kc = self.km.client(context=context)
        self.kc.start_channels()
        self._lost = self.kc.iopub_channel.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._backlog: deque[dict[str, Any]] = deque()
        self._limit = output_limit
        self._spent = 0
        self._read_until: float | None = None
        self.timed_out = False
        try:
            self.kc.wait_for_ready(timeout=startup_timeout)
        except RuntimeError:
            self.stop()
            raise
        self._ensure_iopub_up()

    def execute_cell_input(self, cell_input: str, allow_stdin: bool | None = None) -> str:
        """Send a cell; what it prints is counted from here on."""
        self._backlog.clear()
        self._spent = 0
        self._read_until = None
        self.timed_out = False
        return super().execute_cell_input(cell_input, allow_stdin=allow_stdin)

    def await_reply(self, msg_id: str, timeout: float | None = None) -> None:
        """Wait for the reply while taking in output, so that none piles up unseen.

        Raises:
            Empty: At the time limit; nbval then interrupts the cell.
            KernelGoneError: When the process has ended.
            OutputLimitError: When the cell has printed too much; the process is killed.
        """
        deadline = monotonic() + (timeout or 0) if timeout is not None else float("inf")
        poller = zmq.Poller()
        for socket in (self.kc.shell_channel.socket, self.kc.iopub_channel.socket, self._lost):
            poller.register(socket, zmq.POLLIN)
        while monotonic() < deadline:
            ready = dict(poller.poll(int(TICK * 1000)))
            if self.kc.shell_channel.socket in ready:
                reply = self._read(self.kc.shell_channel)
                if reply["parent_header"].get("msg_id") == msg_id:
                    return
            if self.kc.iopub_channel.socket in ready:
                self._take()
            elif not ready:
                self._watch()
            if self._lost in ready:
                self._cut_off()
        self._read_until = monotonic() + GRACE
        self.timed_out = True
        raise Empty

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        """The next message of a stream, or why there will be none."""
        if stream != "iopub":
            return super().get_message(stream, timeout=timeout)
        deadline = monotonic() + (GRACE if timeout is None else timeout)
        if self._read_until is not None:  # interrupted, and perhaps still printing
            if monotonic() > self._read_until:
                raise Empty
            deadline = min(deadline, self._read_until)
        while not self._backlog:
            if self.kc.iopub_channel.socket.poll(
                min(TICK, max(0.0, deadline - monotonic())) * 1000
            ):
                self._take()
            elif self._lost.poll(0):
                self._cut_off()
            else:
                self._watch()
                if monotonic() >= deadline:
                    raise Empty
        return self._backlog.popleft()

    def stop(self) -> None:
        """End the process and whatever it has started, and remove its working folder."""
        family = []
        self._guard.stop()
        with suppress(psutil.Error):
            family = psutil.Process(self._process.pid).children(recursive=True)
        try:
            with suppress(Exception):  # the monitor may be gone with its socket
                self.kc.iopub_channel.socket.disable_monitor()
            if isinstance(self._process, World):  # nothing in there is worth a farewell
                self._process.kill()
            super().stop()
        finally:
            for process in family:
                with suppress(psutil.Error):
                    process.kill()
            self._context.destroy(linger=0)
            self._place.close()

    def close(self) -> None:
        """Let go of a kernel whose process has ended: its sockets and its working folder."""
        if hasattr(self, "km"):
            self.stop()

    def _watched_by_guard(self, limits: Limits) -> Guard:
        if isinstance(self._process, World):
            guard = Guard(self._process.first, limits, self._process.folder)
        else:
            guard = Guard(self._process.pid, limits)
        guard.start()
        return guard

    def _take(self) -> None:
        message = self._read(self.kc.iopub_channel)
        content = message["content"]
        self._spent += MESSAGE_COST + len(content.get("text", "") or str(content))
        if self._spent > self._limit:
            self._flooded()
        self._backlog.append(message)

    def _read(self, channel: Any) -> dict[str, Any]:
        """The next message of a channel, if it has the form that Jupyter's protocol asks for."""
        try:
            message: dict[str, Any] = channel.get_msg(timeout=0)
            _expect(message)
        except Empty:
            raise
        except Exception as error:  # whatever strange bytes do to those who unpack them
            raise ForgedMessageError(f"{type(error).__name__}: {error}"[:300]) from None
        return message

    def _watch(self) -> None:
        if not self.km.is_alive() and not self.kc.iopub_channel.socket.poll(0):
            self._end_gone()

    def _cut_off(self) -> None:
        """The output connection is lost: the process ended, or one message was too large.

        A process that floods soon crashes, too. It is stopped at once, if it has not ended, so that
        it is clear what came first.
        """
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGSTOP)
        deadline = monotonic() + GRACE
        while self.km.is_alive() and monotonic() < deadline:
            with suppress(psutil.Error):
                if psutil.Process(self._process.pid).status() == psutil.STATUS_STOPPED:
                    break
            sleep(0.02)
        if not self.km.is_alive():
            self._end_gone()
        self._flooded()

    def _wait_gone(self, seconds: float) -> None:
        deadline = monotonic() + seconds
        while self.km.is_alive():
            if monotonic() > deadline:
                raise Empty
            sleep(0.05)

    def _end_gone(self) -> NoReturn:
        self._backlog.clear()
        self._guard.join(GRACE)
        raise KernelGoneError(self._guard.reason or "")

    def _flooded(self) -> NoReturn:
        self._backlog.clear()
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        with suppress(Empty):
            self._wait_gone(GRACE)
        raise OutputLimitError(f"the cell printed more than {self._limit // 1_000_000} MB")


FIELDS: dict[str, dict[str, type]] = {
    "stream": {"name": str, "text": str},
    "error": {"ename": str, "evalue": str, "traceback": list},
    "display_data": {"data": dict, "metadata": dict},
    "execute_result": {"data": dict, "metadata": dict, "execution_count": int},
    "status": {"execution_state": str},
}


def _expect(message: Any) -> None:
    """TypeError unless all that is read of this message later on has the type that it should."""
    wanted = {"msg_type": str, "parent_header": dict, "content": dict}
    for values, types in ((message, wanted), (message["content"], FIELDS.get(message["msg_type"]))):
        for name, kind in (types or {}).items():
            if not isinstance(values.get(name), kind):
                raise TypeError(f"{name} is no {kind.__name__}")
    if not all(isinstance(line, str) for line in message["content"].get("traceback", ())):
        raise TypeError("a line of a traceback is no text")
