"""Kernels as puzzles: run one and see what it touched, draw that, and say how fast a GPU was.

Without a GPU a kernel runs in Triton's interpreter, and `coursetools.accesses` writes down each
load and store. On a GPU nobody looks on; there each array lies between two guards, so that what is
written beside it is noticed at least, and what is read there is not a number.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import textwrap
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from coursetools.accesses import AccessLog, record
from coursetools.device import choose_device
from coursetools.drawing_accesses import draw

__all__ = ["Played", "bandwidth", "picture", "play", "ready"]

GUARD = 64  # elements before and behind an array, on a GPU
REPEATS = 20


@dataclass
class Played:
    """What was noticed while a kernel ran.

    Attributes:
        log: each access; None on a GPU.
        faults: a sentence for each access outside of an array.
        races: a sentence for each array in which two programs store one element.
    """

    log: AccessLog | None = None
    faults: list[str] = field(default_factory=list)
    races: list[str] = field(default_factory=list)


def ready() -> torch.device:
    """The device, with Triton made ready for it; before Triton is imported.

    Raises:
        ModuleNotFoundError: Triton is missing; the message says where to get it.

    >>> ready().type in ("cpu", "cuda")
    True
    """
    if importlib.util.find_spec("triton") is None:
        raise ModuleNotFoundError(
            "These exercises need Triton, which there is for Linux: `pip install triton` in the "
            "environment of this notebook, then restart the kernel. Binder and Colab have it."
        )
    return choose_device()


def play(
    kernel: Any,
    programs: int | tuple[int, ...],
    *arguments: Any,
    order: Sequence[int] | None = None,
    **settings: Any,
) -> Played:
    """Run a kernel, and watch.

    Args:
        kernel: made by `triton.jit`.
        programs: how many, or the grid. If there are none, nothing happens.
        arguments: contiguous tensors, and numbers.
        order: the programs in the order in which the interpreter shall run them. A GPU has an order
            of its own, and may have another one at each call.
        settings: the kernel's constants.

    Returns:
        What was noticed. An access outside of an array is not carried out.

    Raises:
        NotImplementedError: the kernel is still to be written.

    >>> play(None, 0).faults
    []
    """
    grid = programs if isinstance(programs, tuple) else (programs,)
    if 0 in grid:
        return Played()
    _stop_if_unwritten(kernel)
    tensors = [a for a in arguments if isinstance(a, Tensor)]
    if tensors and tensors[0].is_cuda:
        return _play_on_gpu(kernel, grid, arguments, settings)
    from triton.runtime import interpreter

    with ExitStack() as stack:
        if order is not None:
            there = list(order)
            builder = interpreter.interpreter_builder
            begin = builder.set_grid_idx
            mixed = mock.patch.object(
                builder, "set_grid_idx", lambda x, y, z: begin(there[x], y, z)
            )
            stack.enter_context(mixed)
        log = stack.enter_context(record())
        try:
            kernel[grid](*arguments, **settings)
        except interpreter.InterpreterError as error:
            if error.__cause__ is None:
                raise
            raise error.__cause__ from None  # its own last line is the kernel's
    return Played(log, log.faults(), log.races())


def picture(run: Callable[[], Played]) -> None:
    """Draw who read and wrote what: a row of squares for each array, a color for each program.

    Args:
        run: plays a kernel on a few elements. One that is not written yet is no error.

    >>> picture(lambda: Played())
    No access was seen: on a GPU nobody looks on. Set COURSE_DEVICE=cpu for the picture.
    """
    try:
        played = run()
    except NotImplementedError:
        print("Nothing to see yet: write the kernel, then run this cell again.")
        return
    if played.log is None or not played.log.accesses:
        print(
            "No access was seen: on a GPU nobody looks on. Set COURSE_DEVICE=cpu for the picture."
        )
        return
    from IPython.display import display

    svg, words = draw(played.log)
    display({"image/svg+xml": svg, "text/plain": words}, raw=True)
    for fault in played.faults[:1] + played.races[:1]:
        print(fault)


def bandwidth(
    least_bytes: int, kernel: Any, programs: int | tuple[int, ...], *arguments: Any, **settings: Any
) -> None:
    """Print the achieved share of the bandwidth of a GPU's memory.

    What counts are the least bytes that must move, by the time that it took, against what a copy of
    256 MiB achieves on the same device: the median of twenty each.

    Args:
        least_bytes: each number that is needed, read once; each result, written once.
        kernel: as `play` has it. One that is not written yet is no error.
        programs: likewise.
        arguments: likewise, on a GPU.
        settings: likewise.

    >>> bandwidth(8, None, 1) if not torch.cuda.is_available() else None
    """
    if not torch.cuda.is_available():
        return
    try:
        _stop_if_unwritten(kernel)
    except NotImplementedError:
        return
    grid = programs if isinstance(programs, tuple) else (programs,)
    kernel[grid](*arguments, **settings)  # compiles it
    source = torch.ones(2**26, dtype=torch.float32, device="cuda")
    target = torch.empty_like(source)
    copied = 2 * source.numel() * source.element_size() / _seconds(lambda: target.copy_(source))
    achieved = least_bytes / _seconds(lambda: kernel[grid](*arguments, **settings))
    print(
        f"{achieved / 1e9:.0f} GB/s of needed bytes; a copy achieves {copied / 1e9:.0f} GB/s: "
        f"{achieved / copied:.0%}"
    )


def _seconds(run: Callable[[], Any]) -> float:
    times = []
    for _ in range(REPEATS):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        run()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) / 1000)
    return sorted(times)[REPEATS // 2]


def _stop_if_unwritten(kernel: Any) -> None:
    """A compiler would complain about the `raise`, not say what it says."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kernel.fn)))
    for node in ast.walk(tree):
        raised = node.exc if isinstance(node, ast.Raise) else None
        if isinstance(raised, ast.Call) and ast.unparse(raised.func) == "NotImplementedError":
            raise NotImplementedError(*(ast.literal_eval(a) for a in raised.args))


def _play_on_gpu(
    kernel: Any, grid: tuple[int, ...], arguments: Sequence[Any], settings: dict[str, Any]
) -> Played:
    guarded = [_between_guards(a) if isinstance(a, Tensor) else (a, a) for a in arguments]
    before = [whole.clone() if isinstance(whole, Tensor) else whole for whole, _ in guarded]
    kernel[grid](*(inner for _, inner in guarded), **settings)
    played = Played()
    for name, argument, (whole, inner), old in zip(
        inspect.signature(kernel.fn).parameters, arguments, guarded, before, strict=False
    ):
        if isinstance(argument, Tensor):
            argument.copy_(inner)
            for side, part in (("before", slice(GUARD)), ("behind", slice(-GUARD, None))):
                now, then = whole[part], old[part]
                if not ((now == then) | (now.isnan() & then.isnan())).all():
                    played.faults.append(
                        f"{kernel.fn.__name__} stores {side} {name}. Is a mask missing?"
                    )
    return played


def _between_guards(x: Tensor) -> tuple[Tensor, Tensor]:
    fill = float("nan") if x.is_floating_point() else 0  # an index must stay one
    whole = x.new_full((x.numel() + 2 * GUARD,), fill)
    inner = whole[GUARD : GUARD + x.numel()].view(x.shape)
    inner.copy_(x)
    return whole, inner
