"""Tables that are made once and serve tensors of every device."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
T = TypeVar("T")


def kept(make: Callable[P, T]) -> Callable[P, T]:
    """Keep the result for the next call, and make it on the CPU.

    What names no device is made on PyTorch's default device, which may be another one at the next
    call. So who reads the table moves it to where it is needed.

    Args:
        make: a function of hashable arguments.

    >>> zeros = kept(lambda n: torch.zeros(n))
    >>> zeros(2) is zeros(2)
    True
    """

    @wraps(make)
    def on_cpu(*args: P.args, **kwargs: P.kwargs) -> T:
        with torch.device("cpu"):
            return make(*args, **kwargs)

    return cache(on_cpu)  # type: ignore[return-value]
