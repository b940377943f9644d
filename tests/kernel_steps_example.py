"""A kernel of two programs that copies six numbers, in two ways, for the widget's tests."""

from __future__ import annotations

from typing import Any

from equivar.widgets import KernelSteps

COLUMNS = [
    [{"name": "n", "size": 2, "item": 8}],
    [{"name": "x", "size": 24, "item": 4}],
    [{"name": "y", "size": 12, "item": 4}],
]


def step(program: int, kind: str, array: str, at: list[int], *single: list[Any]) -> dict[str, Any]:
    """One step, on the line of its kind."""
    line = {"load": 0, "store": 1, "atomic": 1}[kind]
    return {
        "program": program,
        "line": line,
        "kind": kind,
        "array": array,
        "at": at,
        "single": list(single),
    }


def stories() -> list[dict[str, Any]]:
    """Side by side, or far apart and to the same place."""
    near = [
        step(0, "load", "x", [0, 1, 2], ["n", 0]),
        step(0, "store", "y", [0, 1, 2]),
        step(1, "load", "x", [3, 4, 5], ["n", 0]),
        step(1, "store", "y", [3, 4, 5]),
    ]
    far = [
        step(0, "load", "x", [0, 8, 16]),
        step(0, "atomic", "y", [7, 8, 8]),
        step(1, "load", "x", [1, 9, 17]),
        step(1, "atomic", "y", [7, 9, 10]),
    ]
    source = ["values = tl.load(x + at)", "tl.store(y + at, values)"]
    ways = [
        {"name": name, "kernel": "copy", "source": source, "columns": COLUMNS, "steps": steps}
        for name, steps in (("near", near), ("far", far))
    ]
    return [{"name": "copy", "ways": ways}, {"name": "again", "ways": ways[::-1]}]


def example() -> KernelSteps:
    """The widget."""
    return KernelSteps.record(stories())
