"""How our Triton kernels are started: on the right GPU, by a list of programs, in tiles."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["blocks", "launch", "tile"]

# The sides of the tiles: powers of two, as Triton wants them. None was tuned on a GPU.
CHANNELS = 32
"""The most channels of a program of the convolution."""

COLUMNS = 128
"""The most columns of a program of a segmented sum: of float32, four lines of the cache."""

EDGES = 16
"""The most edges that a program of either reads at once."""

POINTS = 128
"""Points of a program of the harmonics, and the most of one that turns them."""

ROWS = 128
"""Rows of a program of the products."""


def tile(width: int, most: int) -> int:
    """The side of a tile: a power of two that holds the width, but at most `most`.

    >>> [tile(width, 32) for width in (0, 1, 5, 33)]
    [1, 1, 8, 32]
    """
    return min(1 << max(width - 1, 0).bit_length(), most)


def blocks(n: int, size: int) -> int:
    """How many tiles of a size it takes: n / size, rounded up.

    >>> blocks(0, 4), blocks(4, 4), blocks(5, 4)
    (0, 1, 2)
    """
    return -(-n // size)


def launch(kernel: Any, programs: int, *arguments: Any, **settings: Any) -> None:
    """Run programs 0, 1, ... of a kernel; none if there is nothing to do.

    Args:
        kernel: made by `triton.jit`.
        programs: how many.
        arguments: tensors, contiguous, and whole numbers; the first is a tensor.
        settings: the kernel's constants, and Triton's own, such as `num_warps`.
    """
    if not programs:
        return
    # Triton starts a kernel on the current GPU, and not on the one that holds the tensors.
    with torch.cuda.device_of(arguments[0]):
        kernel[(programs,)](*map(_detached, arguments), **settings)


def _detached(argument: Any) -> Any:
    return argument.detach() if isinstance(argument, Tensor) else argument
