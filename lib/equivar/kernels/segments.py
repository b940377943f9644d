r"""Sums over segments: everything that arrives at a node, added up.

$\text{out}_t = \sum_{e:\, t_e = t} x_{s_e}$ multiplies by a sparse matrix that has a one at
$(t_e, s_e)$ for each edge. Its derivative multiplies by the transpose, which is the same sum with
source and target exchanged, so one kernel serves all derivatives.

The definition is two lines of PyTorch: gather a row for each edge, then add the rows up. It writes
every edge's row to memory and reads it back. The fast forms put edges with one target side by side
and keep that target's sum in the cache while they read its sources.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from equivar._checks import is_captured, is_traced
from equivar._shapes import Float, Int
from equivar.kernels.forms import FLOATS, check_device, choose_form

__all__ = ["gather_sum", "segment_sum"]

FORMS = ("torch", "bag", "numba", "triton", "triton-atomic")


def gather_sum(
    x: Float[Tensor, "..."],
    source: Int[Tensor, "..."],
    target: Int[Tensor, "..."],
    size: int,
    form: str = "auto",
) -> Float[Tensor, "..."]:
    """For each target, the sum of its sources' rows.

    Args:
        x: rows (n, ...), with any trailing axes.
        source: the row of x that an edge comes from, (n_edges,).
        target: the row of the result that it goes to, (n_edges,), in any order; sorted is faster.
        size: the number of rows of the result. Those without an edge are zero.
        form: "torch" is the definition, which can be traced; "bag" sums with PyTorch's
            `embedding_bag`, which stores no messages; "numba" does it on the CPU, "triton" on a
            GPU, both in float32 and float64; "triton-atomic" adds edges as they come, whichever
            program is first; "auto" takes the fastest that can run here and has a fixed order.

    Returns:
        Tensor (size, ...) with the trailing axes of x; differentiable to any order. The fast forms
        but "triton-atomic" add in a fixed order, so the same call gives the same bits.

    Raises:
        ValueError: shapes that do not agree, an index out of range, or a form that does not exist
            or cannot run here.

    Atoms 0 and 1 send to atom 2, atom 2 sends to atom 0:

    >>> x = torch.tensor([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0]])
    >>> gather_sum(x, torch.tensor([0, 1, 2]), torch.tensor([2, 2, 0]), 3).tolist()
    [[100.0, 200.0], [0.0, 0.0], [11.0, 22.0]]

    Source:
        Gilmer et al., arXiv:1704.01212, for sums of messages; Saad, Iterative Methods for Sparse
        Linear Systems, section 3.4, for rows stored one after the other.
    """
    if x.ndim < 1:
        raise ValueError("x is a single number; expected (n, ...), a row for each node")
    if source.ndim != 1 or source.shape != target.shape:
        raise ValueError(
            f"source has shape {tuple(source.shape)} and target {tuple(target.shape)}; expected "
            "(n_edges,) for both"
        )
    if size < 0:
        raise ValueError(f"got size = {size}; expected 0 or more, the number of rows of the result")
    otherwise = "bag" if x.dtype in FLOATS else "torch"
    form = choose_form(form, x, known=FORMS, otherwise=otherwise)
    if form == "torch":
        _check_range("source", source, x.shape[0])
        _check_range("target", target, size)
        messages = x.index_select(0, source)
        return x.new_zeros(size, *x.shape[1:]).index_add(0, target, messages)
    rows = x if x.ndim == 2 else x.reshape(x.shape[0], math.prod(x.shape[1:]))
    summed = _sum(rows, source.long(), target.long(), size, form)
    return summed if x.ndim == 2 else summed.reshape(size, *x.shape[1:])


def segment_sum(
    values: Float[Tensor, "..."], index: Int[Tensor, "..."], size: int, form: str = "auto"
) -> Float[Tensor, "..."]:
    """Add up rows that have the same index.

    Args:
        values: (n, ...), with any trailing axes.
        index: the row of the result that each row is added to, (n,), in any order.
        size: the number of rows of the result. Those without a row are zero.
        form: as for `gather_sum`.

    Returns:
        Tensor (size, ...) with the trailing axes of values; differentiable to any order.

    Raises:
        ValueError: shapes that do not agree, an index out of range, or a form that does not exist
            or cannot run here.

    >>> segment_sum(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1, 0, 1]), 3).tolist()
    [2.0, 4.0, 0.0]
    """
    if values.ndim < 1 or index.shape != values.shape[:1]:
        raise ValueError(
            f"index has shape {tuple(index.shape)} and values {tuple(values.shape)}; expected one "
            "index for each row of values"
        )
    rows = torch.arange(len(index), device=index.device)
    return gather_sum(values, rows, index, size, form)


class _GatherSum(torch.autograd.Function):
    """The sum of rows, whose backward pass is itself with source and target exchanged."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, source: Tensor, target: Tensor, size: int, form: str
    ) -> Tensor:
        ctx.save_for_backward(source, target)
        ctx.rows, ctx.form = x.shape[0], form
        return FAST[form](x.detach(), source, target, size)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        source, target = ctx.saved_tensors
        back = _sum(gradients[0], target, source, ctx.rows, ctx.form)
        return back, None, None, None, None


def _sum(x: Tensor, source: Tensor, target: Tensor, size: int, form: str) -> Tensor:
    """A fast form on rows (n, width); what autograd asks of it is left out where nobody asks."""
    if torch.is_grad_enabled() and x.requires_grad:
        summed: Tensor = _GatherSum.apply(x, source, target, size, form)
        return summed
    return FAST[form](x.detach(), source, target, size)


def _bag(x: Tensor, source: Tensor, target: Tensor, size: int) -> Tensor:
    _check_range("source", source, x.shape[0])
    _check_range("target", target, size)
    if x.shape[1] == 0 or not len(source):
        return x.new_zeros(size, x.shape[1])
    source, target = _sorted(source, target)
    starts = torch.searchsorted(target, torch.arange(size + 1, device=target.device))
    return functional.embedding_bag(source, x, starts, mode="sum", include_last_offset=True)


def _numba(x: Tensor, source: Tensor, target: Tensor, size: int) -> Tensor:
    from equivar.kernels.segments_numba import sum_rows

    out = x.new_empty(size, x.shape[1])
    arrays = (t.contiguous().numpy() for t in (x, source, target))
    if not sum_rows(*arrays, out.numpy()):
        _check_range("source", source, x.shape[0])
        _check_range("target", target, size)
    return out


def _triton(x: Tensor, source: Tensor, target: Tensor, size: int) -> Tensor:
    from equivar.kernels.segments_triton import sum_by_target

    _check_triton(x, source, target, size)
    return sum_by_target(x, *_sorted(source, target), size)


def _triton_atomic(x: Tensor, source: Tensor, target: Tensor, size: int) -> Tensor:
    from equivar.kernels.segments_triton import sum_by_atomics

    _check_triton(x, source, target, size)
    return sum_by_atomics(x, source, target, size)


def _check_triton(x: Tensor, source: Tensor, target: Tensor, size: int) -> None:
    check_device(x, source=source, target=target)
    _check_range("source", source, x.shape[0])
    _check_range("target", target, size)


def _sorted(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Both in the order of targets, and of edges where they are equal."""
    if bool((target[1:] >= target[:-1]).all()):
        return source, target
    target, order = torch.sort(target, stable=True)
    return source[order], target


FAST = {"bag": _bag, "numba": _numba, "triton": _triton, "triton-atomic": _triton_atomic}


def _check_range(name: str, index: Tensor, bound: int) -> None:
    if not index.numel() or is_traced() or is_captured(index):
        return  # a check that looks at values would break the graph
    low, high = (int(v) for v in index.aminmax())
    if low < 0 or high >= bound:
        raise ValueError(
            f"{name} has indices from {low} to {high}; expected 0 to {bound - 1}, as there are "
            f"{bound} rows. Were the edges made for another graph, or batches not shifted?"
        )
