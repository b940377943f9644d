"""Let code that names no device run on another one, and find the numbers that the CPU would find.

`torch.set_default_device` alone does not do: random numbers would be others on every device, and
NumPy and matplotlib could not read a tensor. PyTorch lets nobody stand between `torch.from_numpy`
and its caller, so code that is to run elsewhere says `torch.as_tensor`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

__all__ = ["Elsewhere", "enter"]

MAKERS = {
    torch.arange,
    torch.empty,
    torch.eye,
    torch.full,
    torch.linspace,
    torch.logspace,
    torch.ones,
    torch.tril_indices,
    torch.triu_indices,
    torch.zeros,
}
KEPT = {torch.as_tensor, torch.asarray}
CARRIED = KEPT | {torch.scalar_tensor, torch.tensor}
CARRIED |= {torch.normal, torch.rand, torch.randint, torch.randn, torch.randperm}
DRAWN_LIKE = {torch.bernoulli, torch.multinomial, torch.poisson}
DRAWN_LIKE |= {torch.rand_like, torch.randint_like, torch.randn_like}
FILLED = {Tensor.bernoulli_, Tensor.exponential_, Tensor.normal_, Tensor.random_, Tensor.uniform_}
READ: set[Any] = {Tensor.numpy, Tensor.__array__}


class Elsewhere(TorchFunctionMode):
    """While it is entered, what makes a tensor makes it on a device, unless another is asked for.

    Random numbers are drawn on the CPU and carried over, so that a seed means the same everywhere.
    What reads a tensor for NumPy copies it to the CPU first. Seeds, parameters' initial values and
    data are then equal on all devices, and results differ only by the order of additions.

    Args:
        device: where tensors are made.

    >>> with Elsewhere(torch.device("cpu")):
    ...     torch.as_tensor(torch.ones(2).numpy()).device
    device(type='cpu')

    Source: `torch.set_default_device`, which is a mode of this kind, too.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device = device

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Called by PyTorch in place of each of its functions."""
        kwargs = kwargs or {}
        if func in MAKERS and kwargs.get("device") is None:
            return func(*args, **{**kwargs, "device": self.device})
        if func in READ and not args[0].requires_grad:  # else NumPy refuses, and says why
            args = (args[0].cpu(), *args[1:])
        if func in CARRIED and _chosen_freely(kwargs) and not self._is_there(func, args):
            return self._carried(func, args, kwargs)
        if func in DRAWN_LIKE:
            where = kwargs.get("device") or args[0].device
            return func(*_on_cpu(args), **_on_cpu(kwargs)).to(where)
        if func in FILLED or getattr(func, "__module__", None) == "torch.nn.init":
            return _filled(func, args, kwargs)
        return func(*args, **kwargs)

    def _is_there(self, func: Callable[..., Any], args: Any) -> bool:
        """Whether nothing is to be made: then the result is the argument itself."""
        given = args[0] if args and func in KEPT else None
        return isinstance(given, Tensor) and given.device.type == self.device.type

    def _carried(self, func: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Tensor:
        kwargs = {name: x for name, x in _on_cpu(kwargs).items() if name != "device"}
        wanted = kwargs.pop("requires_grad", False)
        found: Tensor = func(*_on_cpu(args), **kwargs).to(self.device)
        return found.requires_grad_(wanted) if wanted else found


_entered: list[Elsewhere] = []


def enter(device: torch.device) -> None:
    """Enter the mode for the rest of the process; a second time changes nothing.

    Raises:
        ValueError: If it was entered for another device.
    """
    if _entered and _entered[0].device != device:
        raise ValueError(f"this process uses {_entered[0].device}; restart it to use {device}")
    if not _entered:
        _entered.append(Elsewhere(device))
        _entered[0].__enter__()


def _chosen_freely(kwargs: dict[str, Any]) -> bool:
    """Whether no device is named, or the generator's, of which its owner did not think either."""
    named, generator = kwargs.get("device"), kwargs.get("generator")
    return named is None or (generator is not None and torch.device(named) == generator.device)


def _on_cpu(values: Any) -> Any:
    return tree_map(lambda x: x.cpu() if isinstance(x, Tensor) else x, values)


def _filled(func: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Fill a copy on the CPU, and carry it over; functions of torch.nn.init name it `tensor`."""
    target: Tensor = args[0] if args else kwargs["tensor"]
    copy = target.detach().cpu().clone()
    if args:
        func(copy, *args[1:], **kwargs)
    else:
        func(**{**kwargs, "tensor": copy})
    with torch.no_grad():
        target.copy_(copy)
    return target
