"""The process inside the box that kernels are born from: it has imported what they need.

To import torch and to start IPython takes seconds; a copy of a process that has done so takes
milliseconds. A copy shares nothing else: it gets a world of its own (processes, mounts, network,
queues), an empty temporary folder, and no privileges. When its first process ends, so does all that
it has started.

Three processes serve one kernel. The *keeper*, outside of the kernel's world, ends that world when
the grader hangs up. The *first* process of the world mounts its folders, and ends with the kernel.
The *kernel* runs the student's code.

Run as `python -m coursetools.grading.sandbox.nursery FD`, a socket of packets to take orders from.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from coursetools.grading.sandbox import landlock, namespaces, seccomp
from coursetools.grading.sandbox.box import KERNEL, KERNELS
from coursetools.grading.sandbox.limits import Limits
from coursetools.place import furnish

ORDER_BYTES = 200_000
COMPILERS = ("numba", "llvmlite")  # large, and not used: see _choose_forms_without_numba
EVERY_KERNEL = (
    "torch",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "matplotlib_inline.backend_inline",
)


def main() -> None:
    """Import what every kernel needs, then take orders until the grader hangs up."""
    orders = socket.socket(fileno=int(sys.argv[1]))
    first, _, _, _ = socket.recv_fds(orders, ORDER_BYTES, 1)
    nested = json.loads(first)["nested"] and _can_nest()
    _choose_forms_without_numba()
    _load(EVERY_KERNEL)
    orders.send(json.dumps({"nested": nested}).encode())
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers are reaped by the system
    while True:
        data, descriptors, _, _ = socket.recv_fds(orders, ORDER_BYTES, 1)
        if not data:
            return
        order = json.loads(data)
        if not descriptors:
            _load(order["modules"])
            orders.send(b"{}")
            continue
        grader = socket.socket(fileno=descriptors[0])
        if not nested:  # one kernel, in the box itself, which its owner ends
            orders.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _become_kernel(order, grader, f"{KERNELS}/{order['folder']}")
        if os.fork() == 0:
            orders.close()
            _keep(order, grader)
        grader.close()


def _load(modules: Iterable[str]) -> None:
    for name in modules:
        if name.partition(".")[0] not in COMPILERS:
            with suppress(Exception):  # what is missing is the notebook's to say
                importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a copy's garbage collection must not touch, and so copy, what all share


def _choose_forms_without_numba() -> None:
    """Let the course's library run as PyTorch: to compile its loops takes longer than to run it.

    Compiled loops cannot be kept in a sandbox, where each kernel finds all folders empty. Both
    forms give the same numbers, and an answer that wants Numba itself can still import it.
    """
    sys.modules["numba"] = None  # type: ignore[assignment]
    with suppress(ImportError):
        from equivar.kernels.forms import has_numba

        has_numba()  # it remembers
    del sys.modules["numba"]


def _can_nest() -> bool:
    """Whether a world within the box can be made here; tried by a process that then ends."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    try:
        namespaces.unshare()
        namespaces.mount_empty("/proc", 4096, read_only=True)
        os._exit(0)
    except OSError:
        os._exit(1)


def _keep(order: dict[str, Any], grader: socket.socket) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    status = -1
    try:
        namespaces.unshare()
        world = os.fork()
        if world == 0:
            _begin(order, grader)
        handle = os.pidfd_open(world)
        ready = select.poll()
        ready.register(handle, select.POLLIN)
        ready.register(grader, select.POLLIN | select.POLLHUP)
        ready.poll()  # the world has ended, or the grader has hung up: it sends nothing
        with suppress(ProcessLookupError):
            os.kill(world, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(world, 0)[1])
    finally:
        with suppress(OSError):
            grader.send(f"ended {status}".encode())
        os._exit(0)


def _begin(order: dict[str, Any], grader: socket.socket) -> NoReturn:
    """Process 1 of a kernel's world: mount its folders, start the kernel, end with it."""
    status = 1
    try:
        namespaces.die_with_parent(signal.SIGKILL)
        limits = Limits(**order["limits"])
        namespaces.be_first_to_go()
        _be_quiet()
        namespaces.bind(f"{KERNELS}/{order['folder']}", KERNEL)
        namespaces.mount_empty(KERNELS, 4096, read_only=True)
        namespaces.mount_empty("/tmp", limits.scratch)
        namespaces.mount_empty("/dev/shm", limits.scratch)
        # No list of processes: to show this world's alone is forbidden to most containers.
        namespaces.mount_empty("/proc", 4096, read_only=True)
        limits.apply()  # or the kernel could make of this process whatever it may not be itself
        inside, outside = socket.socketpair()
        kernel = os.fork()
        if kernel == 0:
            outside.close()
            _become_kernel(order, grader, KERNEL, inside)
        inside.close()
        grader.send(b"first")  # the receiver learns this process's number from the system
        outside.recv(1)  # the sockets are there: no more files in a folder outside the box
        namespaces.make_read_only(KERNEL)
        namespaces.drop_capabilities()
        namespaces.hide_memory()
        outside.send(b"1")
        outside.close()
        while True:
            ended, code = os.wait()
            if ended == kernel:
                status = os.waitstatus_to_exitcode(code)
                break
    finally:
        os._exit(status & 0xFF)


def _become_kernel(
    order: dict[str, Any], grader: socket.socket, folder: str, first: socket.socket | None = None
) -> NoReturn:
    """Turn this copy into a kernel. The student's code comes over its sockets, last of all."""
    status = 1
    try:
        namespaces.drop_capabilities()
        Limits(**order["limits"]).apply()
        os.setsid()
        namespaces.be_first_to_go()
        _be_quiet()
        os.environ.update(furnish(Path("/tmp"), order["seed"]))
        os.chdir("/tmp/work")
        connection = Path("/tmp/kernel.json")
        connection.write_text(json.dumps(order["connection"] | {"ip": f"{folder}/s"}))
        _forget_randomness()
        kernel = _kernel(connection)
        if first is not None:
            first.send(b"1")
            first.recv(1)  # the folder of sockets is closed
            first.close()
        landlock.write_only_below(["/tmp", "/dev/shm"])
        seccomp.forbid()
        grader.send(b"kernel")
        grader.close()
        kernel.start()
        status = 0
    except BaseException as error:  # of this file's: a student's code raises in its cell
        with suppress(OSError):
            grader.send(f"ended: {type(error).__name__}: {error}"[:500].encode())
    finally:
        os._exit(status)


def _be_quiet() -> None:
    """Let go of the nursery's standard streams: what it prints is a file outside the box."""
    quiet = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(quiet, standard)


def _forget_randomness() -> None:
    """Copies of one process would all draw the same numbers."""
    import random

    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "torch" in sys.modules:
        sys.modules["torch"].seed()


def _kernel(connection: Path) -> Any:
    from ipykernel.kernelapp import IPKernelApp

    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["kernel"]
    app = IPKernelApp.instance()
    app.initialize(["-f", str(connection), "--IPKernelApp.quiet=True", "--log-level=50"])
    connection.unlink(missing_ok=True)
    return app


if __name__ == "__main__":
    main()
