"""Which of a kernel's forms runs: the one to read, one in PyTorch, or loops that Numba compiles.

Every kernel has at least two forms with the same results. "auto" takes Numba's where it can run:
on a CPU, in single or double precision, and while nobody traces the call, since who traces wants
to see operations that it knows.
"""

from __future__ import annotations

import importlib.util
from functools import cache

import torch
from torch import Tensor

from equivar._checks import is_traced

__all__ = ["FLOATS", "choose_form", "has_numba", "wants_gradient"]

FLOATS = frozenset({torch.float32, torch.float64})
"""What the compiled loops take."""


@cache
def has_numba() -> bool:
    """Whether Numba is installed. Importing it takes a second, so that waits for its first use."""
    return importlib.util.find_spec("numba") is not None


def choose_form(
    form: str,
    *tensors: Tensor,
    known: tuple[str, ...] = ("torch", "numba"),
    traced: str = "torch",
    otherwise: str = "torch",
) -> str:
    """The form that runs for these tensors.

    Args:
        form: what the caller asked for: "auto", or one of the known.
        tensors: what the kernel reads; they decide whether Numba can run.
        known: the kernel's forms.
        traced: what "auto" means while torch.compile or a transform of torch.func looks on.
        otherwise: what "auto" means where Numba cannot run.

    Returns:
        One of the known forms, or `traced`.

    Raises:
        ValueError: the form is not known, or it is "numba", and that cannot run here; the message
            says why.

    >>> choose_form("auto", torch.zeros(2, dtype=torch.bfloat16))
    'torch'
    >>> choose_form("numba", torch.zeros(2, device="meta"))
    Traceback (most recent call last):
    ...
    ValueError: form='numba' cannot run here: a tensor is on meta, and Numba's loops run on the CPU
    """
    if form not in ("auto", *known):
        names = ", ".join(map(repr, ("auto", *known)))
        raise ValueError(f"form is {form!r}; expected one of {names}")
    if form == "auto" and is_traced():
        return traced
    if form not in ("auto", "numba"):
        return form
    why_not = _why_not_numba(tensors)
    if form == "numba" and why_not:
        raise ValueError(f"form='numba' cannot run here: {why_not}")
    return otherwise if why_not else "numba"


def wants_gradient(*tensors: Tensor | None) -> bool:
    """Whether autograd will record what is done to these tensors.

    Where it will not, a kernel's loop can be called as it is: for a hundred rows, PyTorch's
    bookkeeping takes as long as the loop.

    >>> wants_gradient(torch.zeros(1), torch.zeros(1, requires_grad=True))
    True
    """
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def _why_not_numba(tensors: tuple[Tensor, ...]) -> str:
    if not has_numba():
        return "Numba is not installed; `pip install numba` brings it"
    if is_traced():
        return "the call is being traced, and Numba's loops cannot be"
    for tensor in tensors:
        if not tensor.is_cpu:
            return f"a tensor is on {tensor.device}, and Numba's loops run on the CPU"
        if tensor.dtype not in FLOATS:
            return f"a tensor is {tensor.dtype}; expected float32 or float64"
        if tensor.dtype != tensors[0].dtype:
            return f"tensors are {tensors[0].dtype} and {tensor.dtype}; expected one dtype"
    return ""
