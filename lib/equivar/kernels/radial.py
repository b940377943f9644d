r"""Radial features, fast: each is a function of one number, so its derivatives are written down.

$$f_k(d) = \tfrac12 c^{3/2}\, e_k(d)\, u(d),$$

with `bessel_basis` e and `smooth_cutoff` u. Taken through their definition, a second derivative, as
training on forces needs it, is some two hundred small operations. Here a table of derivatives of
any order is one loop over the edges, and the gradient of a table is the table of the next order.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from equivar._shapes import Float, Shaped
from equivar.kernels.forms import choose_form
from equivar.points import bessel_basis, smooth_cutoff
from equivar.points.radial import check_radial

__all__ = ["radial_features"]

HIGHEST = 3
"""The highest derivative that the loop knows; those above are taken through the definition."""


def radial_features(
    distances: Shaped[Tensor, "..."], n: int, cutoff: float, form: str = "auto"
) -> Float[Tensor, "... n"]:
    r"""The numbers that a network reads of a distance: `bessel_basis` times `smooth_cutoff`.

    Args:
        distances: (n_edges,), 0 or more, in the unit of the cutoff.
        n: how many numbers, 1 or more.
        cutoff: where they end; they have two vanishing derivatives there.
        form: "torch"; "numba", which runs on the CPU; or "auto": Numba where it is there, the
            distances are on the CPU in float32 or float64, and nothing is being traced.

    Returns:
        Tensor (n_edges, n), dimensionless, of order one at half the cutoff. Differentiable to any
        order.

    Raises:
        ValueError: what the two functions refuse, or a form that does not exist or cannot run here.

    >>> radial_features(torch.tensor([2.0, 4.0]), 3, cutoff=4.0).mul(100).round().add(0).tolist()
    [[121.0, 0.0, -121.0], [0.0, 0.0, 0.0]]

    Source:
        Gasteiger, Gross and Guennemann, ICLR 2020, arXiv:2003.03123, equations 7 and 8.
    """
    if distances.ndim != 1:
        raise ValueError(f"distances have shape {tuple(distances.shape)}; expected (n_edges,)")
    check_radial(distances, n, cutoff)
    if choose_form(form, distances) == "torch" or not len(distances):
        return _readable(distances, n, cutoff)
    y: Tensor = _Table.apply(distances, 0, n, cutoff)
    return y


def _readable(distances: Tensor, n: int, cutoff: float) -> Tensor:
    envelope = smooth_cutoff(distances, cutoff) * (cutoff**1.5 / 2)
    return bessel_basis(distances, n, cutoff) * envelope[..., None]


class _Table(torch.autograd.Function):
    """The derivatives of one order: (n_edges, n)."""

    @staticmethod
    def forward(ctx: Any, distances: Tensor, order: int, n: int, cutoff: float) -> Tensor:
        from equivar.kernels.radial_numba import fill

        ctx.save_for_backward(distances)
        ctx.how = order, n, cutoff
        table = distances.new_empty(len(distances), n)
        fill(distances.detach().contiguous().numpy(), table.numpy(), order, float(cutoff))
        return table

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None, None]:
        (distances,) = ctx.saved_tensors
        order, n, cutoff = ctx.how
        if order < HIGHEST:
            table = _Table.apply(distances, order + 1, n, cutoff)
        else:
            table = _derivatives(distances, order + 1, n, cutoff)
        return (g * table).sum(dim=-1), None, None, None


def _derivatives(distances: Tensor, order: int, n: int, cutoff: float) -> Tensor:
    """A table through the definition, column by column."""
    with torch.enable_grad():
        d = distances if distances.requires_grad else distances.detach().requires_grad_()
        columns = list(_readable(d, n, cutoff).unbind(dim=-1))
        for k in range(n):
            for _ in range(order):
                (columns[k],) = torch.autograd.grad(columns[k].sum(), d, create_graph=True)
        return torch.stack(columns, dim=-1)
