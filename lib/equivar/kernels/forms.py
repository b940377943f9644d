"""Which of a kernel's forms runs: PyTorch to read, loops for the CPU by Numba, Triton for the GPU.

Every kernel has at least two forms with the same results. "auto" takes Numba's on a CPU and
Triton's on a GPU, in single or double precision, where they are installed and while nobody traces
the call, since who traces wants to see operations that it knows.
"""

from __future__ import annotations

import importlib.util
import os
from functools import cache

import torch
from torch import Tensor

from equivar._checks import is_traced

__all__ = ["FLOATS", "check_device", "choose_form", "has_numba", "has_triton", "wants_gradient"]

FLOATS = frozenset({torch.float32, torch.float64})
"""What the compiled loops take."""


@cache
def has_numba() -> bool:
    """Whether Numba is installed. Importing it takes a second, so that waits for its first use."""
    return importlib.util.find_spec("numba") is not None


@cache
def has_triton() -> bool:
    """Whether Triton is installed. It is imported at its first use."""
    return importlib.util.find_spec("triton") is not None


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
        tensors: what the kernel reads; they decide what can run.
        known: the kernel's forms.
        traced: what "auto" means while torch.compile or a transform of torch.func looks on.
        otherwise: what "auto" means where neither Numba nor Triton can run.

    Returns:
        One of the known forms, or `traced`. "auto" means "triton" on a GPU, if the kernel has that
        form and Triton is there; never in Triton's interpreter, which is for checking and slow.

    Raises:
        ValueError: the form is not known, or it is "numba" or "triton", and that cannot run here;
            the message says why.

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
    if form.startswith("triton"):
        why_not = _why_not_triton(tensors)
        if why_not:
            raise ValueError(f"form={form!r} cannot run here: {why_not}")
        return form
    if form not in ("auto", "numba"):
        return form
    if form == "auto" and "triton" in known and tensors[0].is_cuda:
        return otherwise if _interpreting() or _why_not_triton(tensors) else "triton"
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


def check_device(x: Tensor, **others: Tensor | None) -> None:
    """Raise a ValueError unless all lie where x does: a kernel on a GPU cannot reach elsewhere.

    Args:
        x: what decides.
        others: further tensors, by their names; None is left out.

    Raises:
        ValueError: the message has the first one that lies elsewhere.

    >>> check_device(torch.zeros(1), source=torch.zeros(1, device="meta"))
    Traceback (most recent call last):
    ...
    ValueError: source is on meta; expected cpu, as the other tensors are
    """
    for name, other in others.items():
        if other is not None and other.device != x.device:
            raise ValueError(
                f"{name} is on {other.device}; expected {x.device}, as the other tensors are"
            )


def _why_not_numba(tensors: tuple[Tensor, ...]) -> str:
    if not has_numba():
        return "Numba is not installed; `pip install numba` brings it"
    if is_traced():
        return "the call is being traced, and Numba's loops cannot be"
    for tensor in tensors:
        if not tensor.is_cpu:
            return f"a tensor is on {tensor.device}, and Numba's loops run on the CPU"
    return _why_not_these(tensors)


def _why_not_triton(tensors: tuple[Tensor, ...]) -> str:
    if not has_triton():
        return "Triton is not installed; on Linux, `pip install triton` brings it"
    if is_traced():
        return "the call is being traced, and Triton's kernels are hidden from that"
    for tensor in tensors:
        if tensor.device != tensors[0].device:
            return f"tensors are on {tensors[0].device} and {tensor.device}; expected one device"
        if not (tensor.is_cuda or tensor.is_cpu):
            return f"a tensor is on {tensor.device}, and Triton's kernels run on a GPU"
        if tensor.is_cpu and not _interpreting():
            return (
                "a tensor is on cpu, where Triton's kernels run in its interpreter alone; set the "
                "environment variable TRITON_INTERPRET=1 before Triton is imported"
            )
    if tensors[0].is_cpu and not _imported_to_interpret():
        return "Triton was imported before TRITON_INTERPRET=1 was set; set it and start again"
    return _why_not_these(tensors)


def _why_not_these(tensors: tuple[Tensor, ...]) -> str:
    for tensor in tensors:
        if tensor.dtype not in FLOATS:
            return f"a tensor is {tensor.dtype}; expected float32 or float64"
        if tensor.dtype != tensors[0].dtype:
            return f"tensors are {tensors[0].dtype} and {tensor.dtype}; expected one dtype"
    return ""


def _interpreting() -> bool:
    """Whether Triton is told to interpret its kernels: it reads the same variable."""
    return os.environ.get("TRITON_INTERPRET", "0").lower() in ("1", "true", "on", "yes", "y")


@cache
def _imported_to_interpret() -> bool:
    """Whether Triton was when it was imported; then its own functions are made for it."""
    import triton.language as tl

    return type(tl.zeros).__name__ == "InterpretedFunction"
