"""Point clouds turned on a GPU, in Triton. Import it only where Triton is: `rotate` does so."""

# mypy: ignore-errors
from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from equivar.kernels.launch_triton import POINTS, blocks, launch, tile

__all__ = ["rotate_clouds", "turn"]


@triton.jit
def turn(R, x, y, n, n_blocks, POINTS: tl.constexpr):
    """Some points of one cloud: three rows of the matrix, one after the other."""
    program = tl.program_id(0)
    cloud = (program // n_blocks).to(tl.int64)
    point = (program % n_blocks) * POINTS + tl.arange(0, POINTS)
    there = point < n
    at = (cloud * n + point) * 3
    x0 = tl.load(x + at, mask=there, other=0.0)
    x1 = tl.load(x + at + 1, mask=there, other=0.0)
    x2 = tl.load(x + at + 2, mask=there, other=0.0)
    for i in tl.static_range(3):
        row = R + cloud * 9 + 3 * i
        turned = tl.load(row) * x0 + tl.load(row + 1) * x1 + tl.load(row + 2) * x2
        tl.store(y + at + i, turned, mask=there)


def rotate_clouds(R: Tensor, x: Tensor) -> Tensor:
    """The clouds R[b] @ x[b, n].

    Args:
        R: (batch, 3, 3).
        x: (batch, n, 3).
    """
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    points = tile(x.shape[1], POINTS)
    n_blocks = blocks(x.shape[1], points)
    arrays = R.contiguous(), x.contiguous(), y
    launch(turn, len(x) * n_blocks, *arrays, x.shape[1], n_blocks, POINTS=points)
    return y
