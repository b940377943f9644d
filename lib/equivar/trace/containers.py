"""Tensors inside tuples, dicts and dataclasses: what modules take and return."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

__all__ = ["law_at", "map_tensors", "path_text", "tensors_in"]

Path = tuple[Any, ...]


def map_tensors(value: Any, change: Callable[[Path, Tensor], Tensor], path: Path = ()) -> Any:
    """The same structure, with each tensor replaced by `change(path, tensor)`.

    Tuples, named tuples, lists, dicts and dataclasses are entered; all else is passed on as it is.

    >>> import torch
    >>> map_tensors({"a": (torch.ones(1), "text")}, lambda path, x: x + 1)
    {'a': (tensor([2.]), 'text')}
    """
    if isinstance(value, Tensor):
        return change(path, value)
    if isinstance(value, Mapping):
        changed = {k: map_tensors(v, change, (*path, k)) for k, v in value.items()}
        return changed if type(value) is dict else _rebuilt_mapping(value, changed)
    if isinstance(value, tuple | list):
        items = [map_tensors(v, change, (*path, i)) for i, v in enumerate(value)]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        rebuilt = copy.copy(value)  # not `replace`: that would run __post_init__ again
        for field in dataclasses.fields(value):
            part = map_tensors(getattr(value, field.name), change, (*path, field.name))
            object.__setattr__(rebuilt, field.name, part)
        return rebuilt
    return value


def _rebuilt_mapping(value: Mapping, changed: dict) -> Any:
    rebuilt = copy.copy(value)
    for key, part in changed.items():
        rebuilt[key] = part  # type: ignore[index]
    return rebuilt


def tensors_in(value: Any) -> list[tuple[Path, Tensor]]:
    """Each tensor in a structure with the way to it, in order.

    >>> import torch
    >>> [path for path, _ in tensors_in([torch.ones(1), {"energy": torch.ones(1)}])]
    [(0,), (1, 'energy')]
    """
    found: list[tuple[Path, Tensor]] = []

    def keep(path: Path, x: Tensor) -> Tensor:
        found.append((path, x))
        return x

    map_tensors(value, keep)
    return found


def law_at(laws: Any, path: Path) -> Any:
    """Follow the way to a tensor through a structure of laws; None where it ends.

    >>> law_at({"energy": "0e"}, ("energy",)), law_at(("0e", None), (1,)), law_at("1o", ())
    ('0e', None, '1o')
    """
    for key in path:
        if isinstance(laws, Mapping):
            laws = laws.get(key)
        elif isinstance(laws, tuple | list) and isinstance(key, int):
            laws = laws[key] if key < len(laws) else None
        else:
            return None
    return None if isinstance(laws, tuple | list | Mapping) else laws


def path_text(path: Path) -> str:
    """The way to a tensor as Python would write it.

    >>> path_text((0, "forces"))
    "[0]['forces']"
    """
    return "".join(f"[{key!r}]" for key in path)
