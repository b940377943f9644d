"""The one place where a device is chosen: a GPU where there is one, else the CPU.

Lectures, exercises, tests and benchmarks ask here. Triton compiles its kernels for a GPU; without
one it can run them in an interpreter, on the tensors of the CPU, if it is told so before it is
imported. So this module does not import it, and is itself to be called first.
"""

from __future__ import annotations

import os
import sys

import torch

from coursetools.elsewhere import enter

__all__ = ["choose_device", "describe_device", "use_device"]

VARIABLE = "TRITON_INTERPRET"


def choose_device() -> torch.device:
    """The device that everything runs on, with Triton made ready for it.

    The environment variable `COURSE_DEVICE` ("cpu" or "cuda") overrules the choice.

    Returns:
        "cuda" where PyTorch sees a GPU; else "cpu", and then `TRITON_INTERPRET=1` is set for this
        process and those that it starts, unless the variable has a value already.

    Raises:
        ValueError: `COURSE_DEVICE` names a device that is not there, or Triton was imported before
            without its interpreter, so that no kernel could run.

    >>> choose_device().type in ("cpu", "cuda")
    True
    """
    wanted = os.environ.get("COURSE_DEVICE", "")
    if wanted not in ("", "cpu", "cuda"):
        raise ValueError(f"COURSE_DEVICE is {wanted!r}; expected 'cpu' or 'cuda', or nothing")
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            "COURSE_DEVICE is 'cuda', and PyTorch sees no GPU. Is its wheel one for the CPU? "
            f"This one is {torch.__version__}"
        )
    if wanted != "cpu" and torch.cuda.is_available():
        return torch.device("cuda")
    if VARIABLE not in os.environ:
        if "triton.language" in sys.modules:
            raise ValueError(
                f"Triton was imported before {VARIABLE}=1 was set, so its kernels cannot run on "
                "this CPU. Choose the device in the first cell, or restart the kernel"
            )
        os.environ[VARIABLE] = "1"
    return torch.device("cpu")


def use_device() -> None:
    """Let all that names no device run on the CPU, or on a GPU if `COURSE_DEVICE` is "cuda".

    Lectures and exercises call it in their first cell, and name no device after that. It is the
    CPU even where there is a GPU, since their networks are so small that a GPU would wait for its
    next order most of the time. Lecture 13, whose subject it is, asks `choose_device` instead.

    Random numbers are drawn on the CPU in any case: see `coursetools.elsewhere.Elsewhere`.

    Raises:
        ValueError: as `choose_device`.

    >>> use_device()
    >>> torch.zeros(1).device.type in ("cpu", "cuda")
    True
    """
    device = choose_device() if os.environ.get("COURSE_DEVICE") else torch.device("cpu")
    if device.type != "cpu":
        enter(device)


def describe_device() -> str:
    """The device in a few words, for the head of a report.

    >>> isinstance(describe_device(), str)
    True
    """
    if choose_device().type == "cpu":
        return "no GPU: Triton's kernels run in its interpreter, on the CPU"
    about = torch.cuda.get_device_properties(0)
    return f"{about.name}, {about.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}"
