"""From learned filters to the bank of a plain convolution, and that convolution."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from equivar._checks import is_traced
from equivar._shapes import Float, Int

__all__ = ["convolve", "filter_bank", "initial_weight", "uses_of"]


def initial_weight(n_out: int, n_in: int, n_elements: int, n_basis: int) -> nn.Parameter:
    """Normal, of a size that keeps the variance of inputs.

    >>> initial_weight(2, 3, 4, 9).shape
    torch.Size([2, 3, 4, 9])
    """
    fan_in = max(n_in * n_elements * n_basis, 1)
    return nn.Parameter(torch.randn(n_out, n_in, n_elements, n_basis) / fan_in**0.5)


def uses_of(places: Int[Tensor, " n"]) -> Int[Tensor, "uses values"]:
    """Where each value of a filter stands in the bank: as often as there are positions.

    Args:
        places: the value that each entry of the bank shows.

    Returns:
        Indices of entries, a column for each value.

    >>> uses_of(torch.tensor([0, 1, 1, 0])).tolist()
    [[0, 1], [3, 2]]
    """
    n_values = int(places.max()) + 1
    return places.argsort(stable=True).reshape(n_values, -1).T.contiguous()


def filter_bank(
    weight: Float[Tensor, "n_out n_in elements basis"],
    filters: Float[Tensor, "basis pixels"] | None,
    places: Int[Tensor, " n"],
    uses: Int[Tensor, "uses values"],
    order: int,
    size: int,
) -> Float[Tensor, "channels_out channels_in size size"]:
    """The learned filters in all positions.

    It is made at every call, so it must cost little beside the convolution: one gather, whose
    derivative is a gather too.

    Args:
        weight: what is learned.
        filters: what it is the coefficients of; None where it is the filter's pixels.
        places: the value that each entry of a row of the bank shows.
        uses: `uses_of` the places.
        order: the number of positions.
        size: height and width of the filters.

    Returns:
        Tensor (n_out order, n_in elements, size, size), as a plain convolution takes it.

    >>> turned, kernel = torch.tensor([0, 1, 2, 3, 1, 3, 0, 2]), torch.arange(4.0)
    >>> bank = filter_bank(kernel.reshape(1, 1, 1, 4), None, turned, uses_of(turned), 2, 2)
    >>> bank[1].tolist()
    [[[1.0, 3.0], [0.0, 2.0]]]
    """
    n_out, n_in = weight.shape[:2]
    values = weight if filters is None else weight @ filters.to(weight)
    values = values.reshape(n_out * n_in, -1)
    if is_traced() or not (torch.is_grad_enabled() and values.requires_grad):
        bank = values.index_select(1, places)  # who traces derives the derivative, too
    else:
        bank = _Spread.apply(values, places, uses)
    bank = bank.reshape(n_out, n_in, order, -1).transpose(1, 2)
    return bank.reshape(n_out * order, -1, size, size)


def convolve(
    images: Float[Tensor, "batch channels_in h w"],
    bank: Float[Tensor, "channels_out channels_in size size"],
    bias: Float[Tensor, " n_out"] | None,
    order: int,
    stride: int,
    padding: int,
) -> Float[Tensor, "batch n_out order h_out w_out"]:
    """A plain convolution, whose channels are taken apart.

    >>> convolve(torch.ones(1, 1, 3, 3), torch.ones(2, 1, 3, 3), None, 2, 1, 0).shape
    torch.Size([1, 1, 2, 1, 1])
    """
    if bias is not None:
        bias = bias.repeat_interleave(order)
    y = nn.functional.conv2d(images, bank, bias, stride, padding)
    return y.unflatten(1, (-1, order))


class _Spread(torch.autograd.Function):
    """Columns by index, each as often as the others: so the derivative is a gather and a sum."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, places: Tensor, uses: Tensor) -> Tensor:
        ctx.save_for_backward(uses)
        return values.index_select(1, places)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (uses,) = ctx.saved_tensors
        found = gradients[0].index_select(1, uses.flatten())
        return found.unflatten(1, uses.shape).sum(dim=1), None, None
