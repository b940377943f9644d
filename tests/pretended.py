"""A device that is not there: tensors whose numbers the CPU computes, and that say "meta".

What fails on a GPU fails here: two devices in one operation, a generator of another device, NumPy
reading a tensor. So code that shall run on a GPU can be tried on a machine that has none.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

FAR = torch.device("meta")  # autograd wants a real kind of device, and this needs no driver
aten = torch.ops.aten
MOVES = {aten._to_copy.default}
MIXED = {  # a GPU takes these from the CPU, too
    aten.copy_.default,
    aten.index.Tensor,
    aten.index_put.default,
    aten.index_put_.default,
    aten._index_put_impl_.default,
}


class Far(Tensor):
    """A tensor on the device that is not there."""

    near: Tensor

    @staticmethod
    def __new__(cls, near: Tensor) -> Far:
        """A tensor that owns no numbers."""
        made: Far = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            near.shape,
            strides=near.stride(),
            storage_offset=near.storage_offset(),
            dtype=near.dtype,
            device=FAR,
        )
        return made

    def __init__(self, near: Tensor) -> None:
        self.near = near

    def __repr__(self, **_: Any) -> str:
        return f"Far({self.near!r})"

    def tolist(self) -> Any:
        """PyTorch refuses it for any class of tensors but its own."""
        return self.near.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """What an operation on such tensors does."""
        return _run(func, args, kwargs or {})


class PretendedDevice(TorchDispatchMode):
    """While it is entered, `device="meta"` names the device that is not there."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """What makes tensors there."""
        return _run(func, args, kwargs or {})


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    leaves = tree_leaves((args, kwargs))
    far = any(isinstance(x, Far) for x in leaves)
    kwargs = dict(kwargs)
    to = kwargs.get("device")
    if to is not None:
        kwargs["device"] = torch.device("cpu")
        there = torch.device(to).type == FAR.type
    else:
        there = far
    if far:
        _hold(func, leaves)
    out = func(*_near(args), **_near(kwargs))
    if not there:
        return out
    wrapped = tree_map(lambda x: Far(x) if _is_near(x) else x, out)
    if to is not None or func in MOVES:
        return wrapped
    return return_and_correct_aliasing(func, args, kwargs, wrapped)


def _is_near(x: object) -> bool:
    return isinstance(x, Tensor) and not isinstance(x, Far)


def _near(values: Any) -> Any:
    return tree_map(lambda x: x.near if isinstance(x, Far) else x, values)


def _hold(func: Any, leaves: list[Any]) -> None:
    """Refuse what a GPU refuses."""
    if func not in MIXED and any(_is_near(x) and x.dim() > 0 for x in leaves):
        raise RuntimeError(f"{func}: expected all tensors to be on the same device")
    if torch.Tag.nondeterministic_seeded in func.tags:
        raise RuntimeError(f"{func}: draws its own numbers on each device")
    if any(isinstance(x, torch.Generator) for x in leaves):
        raise RuntimeError(f"{func}: the generator is one of the CPU")
