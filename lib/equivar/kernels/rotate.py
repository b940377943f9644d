r"""Point clouds turned: one matrix for each cloud, on all of its points.

$$y_{b,n} = R_b\, x_{b,n}$$

The definition is `x @ R.mT`: a product of matrices with three columns, for which libraries of such
products are not made. It is the smallest kernel of this folder, so its fast forms are the ones to
read first. It does 15 operations on a point and moves 24 bytes, so on any machine of today it takes
as long as its memory does.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from equivar._shapes import Float
from equivar.kernels.forms import check_device, choose_form

__all__ = ["rotate"]

FORMS = ("torch", "numba", "triton")


def rotate(
    R: Float[Tensor, "..."], x: Float[Tensor, "..."], form: str = "auto"
) -> Float[Tensor, "batch n 3"]:
    """Turn each cloud by its matrix.

    Args:
        R: matrices (batch, 3, 3); they need not be rotations.
        x: clouds (batch, n, 3) of equally many points; batch and n may be 0.
        form: "torch"; "numba", which runs on the CPU; "triton", which runs on a GPU; or "auto":
            the fastest that can run here, and "torch" while anything is being traced.

    Returns:
        Tensor (batch, n, 3), differentiable to any order in R and x.

    Raises:
        ValueError: shapes or dtypes that do not agree, or a form that does not exist or cannot run
            here.

    A quarter turn about z takes x to y:

    >>> R = torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]])
    >>> rotate(R, torch.tensor([[[1.0, 0.0, 0.0], [0.0, 2.0, 5.0]]])).tolist()
    [[[0.0, 1.0, 0.0], [-2.0, 0.0, 5.0]]]
    """
    if R.ndim != 3 or R.shape[1:] != (3, 3):
        raise ValueError(f"R has shape {tuple(R.shape)}; expected (batch, 3, 3)")
    if x.ndim != 3 or x.shape[2] != 3 or x.shape[0] != R.shape[0]:
        raise ValueError(
            f"x has shape {tuple(x.shape)}; expected ({R.shape[0]}, n, 3), a cloud for each matrix"
        )
    if R.dtype != x.dtype:
        raise ValueError(f"R is {R.dtype} and x {x.dtype}; expected one dtype")
    check_device(x, R=R)
    form = choose_form(form, x, R, known=FORMS)
    if form == "torch":
        return x @ R.mT
    y: Tensor = _Rotate.apply(R, x, form)
    return y


class _Rotate(torch.autograd.Function):
    """Linear in both factors, so its derivatives are turned clouds and products of clouds."""

    @staticmethod
    def forward(ctx: Any, R: Tensor, x: Tensor, form: str) -> Tensor:
        ctx.save_for_backward(R, x)
        ctx.form = form
        if form == "triton":
            from equivar.kernels.rotate_triton import rotate_clouds

            return rotate_clouds(R, x)
        from equivar.kernels.rotate_numba import turn

        y = torch.empty_like(x, memory_format=torch.contiguous_format)
        turn(*(t.detach().contiguous().numpy() for t in (R, x)), y.numpy())
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        R, x = ctx.saved_tensors
        by_R = g.mT @ x if ctx.needs_input_grad[0] else None
        by_x = _Rotate.apply(R.mT, g, ctx.form) if ctx.needs_input_grad[1] else None
        return by_R, by_x, None
