"""Run a notebook from top to bottom in a kernel of its own, and keep what it printed."""

from __future__ import annotations

import asyncio
import atexit
from concurrent.futures import Future, ThreadPoolExecutor, wait
from subprocess import DEVNULL
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager

from coursetools.errors import CourseError
from coursetools.outputs import ANSI, join_streams
from coursetools.place import kernel_place


def execute(
    notebook: nbformat.NotebookNode, seed: int, label: str, cell_timeout: float = 300
) -> nbformat.NotebookNode:
    """Run every code cell; return a copy with outputs, streams joined.

    Args:
        notebook: Version 4; not changed.
        seed: What `coursetools.checks.seed()` says in the kernel.
        label: What to call the notebook in messages.
        cell_timeout: Seconds a cell may take.

    Raises:
        CourseError: If a cell raises, takes too long, or ends the kernel: names the cell and the
            last lines.
    """
    notebook = nbformat.from_dict(notebook)
    manager = AsyncKernelManager(
        kernel_name=CURRENT_ENV_KERNEL_NAME, kernel_spec_manager=NbvalKernelspecManager()
    )
    # Not the execution counts: a kernel that dies at once takes the message with them along.
    started: list[nbformat.NotebookNode] = []
    with kernel_place(seed) as (folder, environment):
        client = NotebookClient(
            notebook,
            km=manager,
            timeout=cell_timeout,
            record_timing=False,
            on_cell_execute=lambda cell, cell_index: started.append(cell),
        )
        try:
            # In the main thread nbclient would take Ctrl-C for itself, and go on.
            with ThreadPoolExecutor(1) as beside:
                whole = client.async_execute(
                    cwd=str(folder),
                    env=environment,
                    stdout=DEVNULL,
                    stderr=DEVNULL,
                    cleanup_kc=True,  # nbclient leaves a manager's kernel running unless told
                )
                running = beside.submit(asyncio.run, whole)
                try:
                    running.result()
                except KeyboardInterrupt:
                    _end(running, manager)
                    atexit.unregister(client._cleanup_kernel)  # there is nothing left of it
                    raise
        except CellExecutionError as error:
            tail = "\n".join(ANSI.sub("", error.traceback).strip().splitlines()[-12:])
            name = _name_of_last(started)
            raise CourseError(f"{label}: cell {name} fails with seed {seed}:\n{tail}") from None
        except CellTimeoutError:
            name = _name_of_last(started)
            raise CourseError(f"{label}: cell {name} took more than {cell_timeout:g} s") from None
        except DeadKernelError:
            name = _name_of_last(started)
            raise CourseError(f"{label}: cell {name} ended the Python process") from None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = join_streams(cell.outputs)
    return notebook


def _end(running: Future[Any], manager: AsyncKernelManager) -> None:
    """End the kernel, perhaps one that is just starting; then the notebook ends, too."""
    while not running.done():
        process = getattr(manager.provisioner, "process", None)
        if process is not None:
            process.kill()
        wait([running], timeout=0.2)


def _name_of_last(started: list[nbformat.NotebookNode]) -> str:
    if not started:
        return "(the first)"
    cell = started[-1]
    return str(cell.metadata.get("name") or repr(cell.source.strip().splitlines()[0][:40]))
