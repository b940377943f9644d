"""Who reads and writes what: every load and store of a Triton kernel, while its interpreter runs.

In the interpreter each program is Python, and its loads and stores are calls. Here they are written
down: which program, which array, which elements. An element beyond the end of an array is noticed
and not touched, so a wrong kernel neither crashes the process nor reads its neighbor's numbers.

For this each array gets an address of its own, far from all others, and loads and stores translate
it. An access that leaves its array, by one element or by a million, is then still known as its own.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import numpy as np

__all__ = ["Access", "AccessLog", "record"]

APART = 44
"""Arrays are 2**44 bytes apart: more than any array has, and 2**20 of them fit."""


@dataclass(frozen=True)
class Access:
    """One load, store or atomic operation of one program.

    Attributes:
        launch: the number of the launch, from 0.
        kernel: its name.
        program: the three program ids.
        kind: "load", "store" or "atomic".
        array: the name of the argument whose elements they are.
        offsets: for each lane, the element of the array, counted from its first; as the tile has
            them, and whatever the mask says.
        mask: which lanes take part.
        outside: which of those lie outside of the array. They were not touched.
        line: of the kernel's file.
    """

    launch: int
    kernel: str
    program: tuple[int, int, int]
    kind: str
    array: str
    offsets: np.ndarray
    mask: np.ndarray
    outside: np.ndarray
    line: int

    @property
    def elements(self) -> np.ndarray:
        """The elements that were touched, (n,), in the order of the lanes."""
        return self.offsets[self.mask & ~self.outside]


@dataclass
class AccessLog:
    """Everything that was recorded.

    Attributes:
        accesses: in the order in which the interpreter ran them: program after program.
        sizes: by (launch, array), the number of elements of each array.
        item_sizes: by (launch, array), the bytes of one element.
    """

    accesses: list[Access] = field(default_factory=list)
    sizes: dict[tuple[int, str], int] = field(default_factory=dict)
    item_sizes: dict[tuple[int, str], int] = field(default_factory=dict)

    def faults(self) -> list[str]:
        """A sentence for each access that left its array; none if all is well."""
        return [self._fault(a) for a in self.accesses if a.outside.any()]

    def _fault(self, a: Access) -> str:
        first = a.offsets[a.outside].flat[0]
        size = self.sizes[a.launch, a.array]
        which = a.program[0] if a.program[1:] == (0, 0) else a.program
        return (
            f"{a.kernel}, program {which}, line {a.line}: {a.kind} of {a.array} at element "
            f"{first}, and it has {size} (0 to {size - 1}); {a.outside.sum()} of {a.mask.sum()} "
            "lanes are outside. Is a mask missing?"
        )

    def counts(self) -> dict[str, dict[str, int]]:
        """By array: how many elements were loaded, stored and added to, repeats counted."""
        found: dict[str, dict[str, int]] = {}
        for a in self.accesses:
            kinds = found.setdefault(a.array, {"load": 0, "store": 0, "atomic": 0})
            kinds[a.kind] += len(a.elements)
        return found

    def traffic(self) -> dict[str, int]:
        """By array: the bytes that loads and stores asked for; an atomic operation does both."""
        found: dict[str, int] = {}
        for a in self.accesses:
            times = 2 if a.kind == "atomic" else 1
            size = times * len(a.elements) * self.item_sizes[a.launch, a.array]
            found[a.array] = found.get(a.array, 0) + size
        return found

    def touched(self, array: str, kind: str) -> np.ndarray:
        """The elements of an array that were loaded (stored, ...) at least once, sorted."""
        found = [a.elements for a in self.accesses if (a.array, a.kind) == (array, kind)]
        return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)

    def races(self) -> list[str]:
        """A sentence for each array in which two programs of one launch stored one element.

        On a GPU programs run in any order, so nothing says whose number stays.
        """
        found = []
        owners: dict[tuple[int, str], dict[int, tuple[int, int, int]]] = {}
        named = set()
        for a in self.accesses:
            if a.kind != "store":
                continue
            key = a.launch, a.array
            owner = owners.setdefault(key, {})
            for element in map(int, a.elements):
                other = owner.setdefault(element, a.program)
                if other != a.program and key not in named:
                    named.add(key)
                    found.append(
                        f"{a.kernel}: programs {other} and {a.program} both store element "
                        f"{element} of {a.array}. Add with atomics, or give it to one program"
                    )
        return found


class _Recorder:
    """Stands between the interpreter and its memory."""

    def __init__(self, memory: Any, builder: Any, log: AccessLog, strict: bool) -> None:
        self.memory, self.builder, self.log, self.strict = memory, builder, log, strict
        self.launch, self.kernel, self.file = -1, "", ""
        self.names: dict[int, str] = {}
        self.arrays: list[tuple[str, int, int, int]] = []  # name, address, bytes, bytes of an item

    def __getattr__(self, name: str) -> Any:
        return getattr(self.memory, name)

    def begin(self, function: Any, arguments: dict[str, Any]) -> None:
        """A launch: which argument has which name."""
        self.launch += 1
        self.kernel, self.file = function.__name__, function.__code__.co_filename
        self.names, self.arrays = {}, []
        for name, argument in arguments.items():
            several = isinstance(argument, tuple)
            for n, one in enumerate(argument if several else (argument,)):
                self.names[id(one)] = f"{name}[{n}]" if several else name

    def address(self, tensor: Any) -> int:
        """An array's own address."""
        steps = zip(tensor.shape, tensor.stride(), strict=True)
        last = sum((n - 1) * step for n, step in steps) if tensor.numel() else -1
        name, item = self.names.get(id(tensor), "an array"), tensor.element_size()
        key = self.launch, name
        self.log.sizes[key], self.log.item_sizes[key] = last + 1, item
        self.arrays.append((name, tensor.data_ptr(), (last + 1) * item, item))
        return len(self.arrays) << APART

    def load(self, pointers: Any, mask: Any, other: Any, kind: Any) -> Any:
        """Read, and write down what."""
        real, mask = self._note("load", pointers, mask, np.dtype(kind).itemsize)
        return self.memory.load(real, mask, other, kind)

    def store(self, pointers: Any, value: Any, mask: Any) -> Any:
        """Write, and write down what."""
        real, mask = self._note("store", pointers, mask, value.itemsize)
        return self.memory.store(real, value, mask)

    def atomic_rmw(self, operation: Any, pointers: Any, value: Any, mask: Any, order: Any) -> Any:
        """Read and write at once."""
        real, mask = self._note("atomic", pointers, mask, value.itemsize)
        return self.memory.atomic_rmw(operation, real, value, mask, order)

    def atomic_cas(self, pointers: Any, old: Any, value: Any, order: Any) -> Any:
        """Read, compare and write at once."""
        every = np.ones(pointers.shape, dtype=bool)
        real, mask = self._note("atomic", pointers, every, value.itemsize)
        if not mask.all():
            raise IndexError(self.log.faults()[-1])
        return self.memory.atomic_cas(real, old, value, order)

    def _note(self, kind: str, pointers: Any, mask: Any, item: int) -> tuple[Any, Any]:
        """The real addresses, and the mask without what lies outside."""
        half = 1 << (APART - 1)
        mask = np.broadcast_to(mask, pointers.shape).astype(bool)
        real = np.zeros(pointers.shape, dtype=np.uint64)
        good = np.zeros(pointers.shape, dtype=bool)
        places = pointers.astype(np.int64)
        numbers = (places + half) >> APART
        for number in np.unique(numbers[mask] if mask.any() else numbers):
            here = numbers == number
            if not 1 <= number <= len(self.arrays):
                raise IndexError(f"{self.kernel}: a {kind} at an address that belongs to no array")
            name, start, size, own = self.arrays[number - 1]
            distance = places - (int(number) << APART)
            inside = here & (distance >= 0) & (distance + item <= size)
            real[inside] = (distance[inside] + start).astype(np.uint64)
            good |= inside
            access = Access(
                self.launch,
                self.kernel,
                tuple(self.builder.grid_idx),
                kind,
                name,
                distance // own,
                mask & here,
                mask & here & ~inside,
                self._line(),
            )
            self.log.accesses.append(access)
            if self.strict and access.outside.any():
                raise IndexError(self.log.faults()[-1])
        return real, np.ascontiguousarray(mask & good)

    def _line(self) -> int:
        frame: Any = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename != self.file:
            frame = frame.f_back
        return frame.f_lineno if frame is not None else 0


@contextmanager
def record(strict: bool = False) -> Iterator[AccessLog]:
    """Write down every access of the Triton kernels that run inside.

    Args:
        strict: whether to raise an error at the first access outside of an array. Without, such a
            lane reads the value for masked lanes, or zero, and writes nothing, and the kernel goes
            on; `AccessLog.faults` has them all.

    Returns:
        A context manager that gives an `AccessLog`. It fills while kernels run, and slows them.

    Raises:
        RuntimeError: Triton is not interpreting, so there is nothing to see: set
            `TRITON_INTERPRET=1` before it is imported, as `coursetools.device.choose_device` does.

    >>> from coursetools.device import choose_device
    >>> device = choose_device()
    >>> import torch
    >>> from equivar.kernels.rotate import rotate
    >>> if device.type == "cpu":
    ...     with record() as log:
    ...         _ = rotate(torch.eye(3)[None], torch.zeros(1, 5, 3), form="triton")
    ...     assert log.counts()["y"] == {"load": 0, "store": 15, "atomic": 0}
    ...     assert log.faults() == []
    """
    import triton.language as tl
    from triton.runtime import interpreter

    if type(tl.zeros).__name__ != "InterpretedFunction":
        raise RuntimeError(
            "Triton compiles its kernels here, so no access can be seen; set TRITON_INTERPRET=1 "
            "before it is imported"
        )
    log = AccessLog()
    recorder = _Recorder(interpreter._interpreter, interpreter.interpreter_builder, log, strict)
    convert, copy = interpreter._implicit_cvt, interpreter.GridExecutor._init_args_hst

    def with_address(argument: Any) -> Any:
        made = convert(argument)
        if hasattr(argument, "data_ptr"):
            made.handle.data = np.array([recorder.address(argument)], dtype=np.uint64)
        return made

    def with_names(self: Any, arguments: Any, named: Any) -> Any:
        copied = copy(self, arguments, named)
        recorder.begin(self.fn, inspect.getcallargs(self.fn, *copied[0], **copied[1]))
        return copied

    with (
        mock.patch.object(interpreter, "_interpreter", recorder),
        mock.patch.object(interpreter, "_implicit_cvt", with_address),
        mock.patch.object(interpreter.GridExecutor, "_init_args_hst", with_names),
    ):
        yield log
