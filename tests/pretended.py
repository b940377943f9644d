"""A device that is not there: tensors whose numbers the CPU computes, and that say "pretended".

What fails on a GPU fails here: two devices in one operation, a generator of another device, NumPy
reading a tensor, a product of integer matrices. So code that shall run on a GPU can be tried on a
machine that has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing

# PyTorch keeps a kind of device for whoever has another one. "meta" would need no such call, but
# functions of PyTorch ask for that kind, and then compute nothing.
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "pretended"
_setup_privateuseone_for_python_backend(NAME)
FAR = torch.device(NAME)  # as "cuda": without a number, which its tensors have
PLACE = torch.device(NAME, 0)
aten = torch.ops.aten
MOVES = {aten._to_copy.default}
# A GPU takes indices from the CPU; the first argument has to lie where the result does.
INDEXED = {
    aten.index.Tensor,
    aten.index_put.default,
    aten.index_put_.default,
    aten._index_put_impl_.default,
}
# These take a single number of the CPU, though they are not pointwise; copies take anything.
SCALAR = {aten.fill_.Tensor, aten.masked_fill.Tensor, aten.masked_fill_.Tensor}
PRODUCTS = {
    aten.addmm.default,
    aten.addmv.default,
    aten.baddbmm.default,
    aten.bmm.default,
    aten.convolution.default,
    aten.dot.default,
    aten.mm.default,
    aten.mv.default,
}
# Only marks on a tensor, which functions of PyTorch would look for on the wrong one of the two.
MARKS = {
    aten._conj.default: aten._conj_physical.default,
    aten._neg_view.default: aten.neg.default,
}


class Far(Tensor):
    """A tensor on the device that is not there."""

    __module__ = "torch"  # so that `coursetools.checks` takes it for a tensor
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
            device=PLACE,
        )
        return made

    def __init__(self, near: Tensor) -> None:
        self.near = near

    def __repr__(self, **_: Any) -> str:
        return f"Far({self.near!r})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """PyTorch would copy memory, of which there is none."""
        if id(self) not in memo:
            made: Any = self.detach().clone().requires_grad_(self.requires_grad)
            made._is_param = getattr(self, "_is_param", False)
            memo[id(self)] = made
        return memo[id(self)]

    def tolist(self) -> Any:
        """PyTorch refuses it for any class of tensors but its own."""
        return self.near.tolist()

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        """Tells `nn.Module` that there is a tensor within, so that `.double()` changes it, too."""
        return ["near"], None

    @staticmethod
    def __tensor_unflatten__(inner: dict[str, Tensor], about: None, *_: Any) -> Far:
        """The reverse."""
        return Far(inner["near"])

    def __format__(self, how: str) -> str:
        return format(self.item() if self.dim() == 0 else str(self), how)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """What an operation on such tensors does."""
        return _run(func, args, kwargs or {})


class PretendedDevice(TorchDispatchMode):
    """While it is entered, `device="pretended"` names the device that is not there."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """What makes tensors there."""
        return _run(func, args, kwargs or {})


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    leaves = [*_leaves(args), *_leaves(kwargs.values())]
    far = any(isinstance(x, Far) for x in leaves)
    kwargs = dict(kwargs)
    to = kwargs.get("device")
    if to is not None:
        kwargs["device"] = torch.device("cpu")
        there = torch.device(to).type == NAME
    else:
        there = far
    if far:
        _hold(func, args, leaves)
    if there:
        _hold_numbers(func, leaves)
    near = {name: _map(_near, x) for name, x in kwargs.items()}
    out = MARKS.get(func, func)(*_map(_near, args), **near)
    if not there:
        return out
    wrapped = _map(lambda x: Far(x) if _is_near(x) else x, out)
    if to is not None or func in MOVES or not _shares(func):
        return wrapped
    return return_and_correct_aliasing(func, args, kwargs, wrapped)


def _is_near(x: object) -> bool:
    return isinstance(x, Tensor) and not isinstance(x, Far)


def _near(x: Any) -> Any:
    return x.near if isinstance(x, Far) else x


def _map(change: Callable[[Any], Any], values: Any) -> Any:
    """PyTorch's own `tree_map` knows more kinds of containers, and takes most of a run's time."""
    if isinstance(values, (list, tuple)):
        return type(values)([_map(change, x) for x in values])
    return change(values)


def _leaves(values: Iterable[Any]) -> Iterator[Any]:
    for x in values:
        if isinstance(x, (list, tuple)):
            yield from _leaves(x)
        else:
            yield x


@cache
def _shares(func: Any) -> bool:
    """Whether a result is an argument, or a view of one."""
    return any(r.alias_info is not None for r in func._schema.returns)


def _hold(func: Any, args: Any, leaves: list[Any]) -> None:
    """Refuse what a GPU refuses."""
    if func in INDEXED:
        leaves = [args[0], *args[2:3]]  # what is indexed, and what is put there
    pointwise = torch.Tag.pointwise in func.tags and not func._schema.is_mutable
    first = None if pointwise else args[0]
    numbers = func in SCALAR or func in INDEXED or torch.Tag.pointwise in func.tags
    if func is not aten.copy_.default and any(
        _is_near(x) and not (numbers and x.dim() == 0 and x is not first) for x in leaves
    ):
        raise RuntimeError(f"{func}: expected all tensors to be on the same device")
    if func in PRODUCTS and not (args[0].is_floating_point() or args[0].is_complex()):
        raise RuntimeError(f"{func}: not implemented for {args[0].dtype}")


def _hold_numbers(func: Any, leaves: list[Any]) -> None:
    """Refuse random numbers: a GPU draws others, and asks for a generator of its own."""
    if torch.Tag.nondeterministic_seeded in func.tags:
        raise RuntimeError(f"{func}: draws its own numbers on each device")
    if any(isinstance(x, torch.Generator) for x in leaves):
        raise RuntimeError(f"{func}: the generator is one of the CPU")


# `torch.tensor` makes a tensor on the CPU and moves it, below all that Python may watch.
_library = torch.library.Library("aten", "IMPL")


def _empty_strided(*args: Any, **kwargs: Any) -> Any:
    return _run(aten.empty_strided.default, args, kwargs)


def _copy_from(source: Tensor, target: Tensor, non_blocking: bool = False) -> Tensor:
    _near(target).copy_(_near(source))
    return target


_library.impl("empty_strided", _empty_strided, "PrivateUse1")
_library.impl("_copy_from", _copy_from, "PrivateUse1")
