r"""Products of two irreps to a third: $z_k = \sqrt{2 l_3 + 1} \sum_{ij} C_{ijk}\, x_i\, y_j$.

Most Clebsch-Gordan coefficients are zero, since the orders of the factors must fit: of the 125 of
2 x 2 -> 2, a hundred are. The fast forms run over a list of the others alone. `depthwise` does such
products for many channels at once; this one does a single pair of irreps, row by row.

With a cotangent, the product is one number that is linear in three factors. So its two gradients
are products again, with the axes of the table exchanged, and the same loop makes all orders.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from equivar._shapes import Float
from equivar.kernels.couplings import coupling, coupling_like
from equivar.kernels.forms import check_device, choose_form

__all__ = ["product"]

FORMS = ("torch", "numba", "triton")


def product(
    x: Float[Tensor, "..."], y: Float[Tensor, "..."], l3: int, form: str = "auto"
) -> Float[Tensor, "..."]:
    r"""The part of degree l3 of the product of two irreps.

    Args:
        x: (..., 2 l1 + 1), the first factors.
        y: (..., 2 l2 + 1), the second, with the batch shape of x.
        l3: a degree from |l1 - l2| to l1 + l2.
        form: "torch", a sum over the whole table; "numba", which runs on the CPU; "triton", which
            runs on a GPU; or "auto": the fastest that can run here, and "torch" while anything is
            being traced.

    Returns:
        Tensor (..., 2 l3 + 1), differentiable to any order. For factors of unit variance in each
        component it has unit variance.

    Raises:
        ValueError: shapes that are no irreps or do not agree, a degree that the product does not
            contain, or a form that does not exist or cannot run here.

    Two vectors make their cross product, over the root of two:

    >>> x, y = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0])
    >>> [round(v, 4) for v in (2**0.5 * product(x, y, 1)).tolist()]
    [0.0, 0.0, 1.0]
    """
    l1, l2 = _degree("x", x), _degree("y", y)
    if x.shape[:-1] != y.shape[:-1]:
        raise ValueError(
            f"x and y have shapes {tuple(x.shape)} and {tuple(y.shape)}; expected the same but for "
            "the last axis: row by row they are multiplied"
        )
    if not abs(l1 - l2) <= l3 <= l1 + l2:
        raise ValueError(
            f"got l3 = {l3}; expected {abs(l1 - l2)} to {l1 + l2}, what the product of degrees "
            f"{l1} and {l2} contains"
        )
    if x.dtype != y.dtype:
        raise ValueError(f"x is {x.dtype} and y {y.dtype}; expected one dtype")
    check_device(x, y=y)
    form = choose_form(form, x, y, known=FORMS)
    if form == "torch":
        return torch.einsum("...i,...j,ijk->...k", x, y, coupling_like(l1, l2, l3, x))
    rows = (t.reshape(-1, t.shape[-1]) for t in (x, y))
    z: Tensor = _Product.apply(*rows, (l1, l2, l3), (0, 1, 2), form)
    return z.reshape(*x.shape[:-1], 2 * l3 + 1)


def _degree(name: str, x: Tensor) -> int:
    if x.ndim < 1 or x.shape[-1] % 2 == 0:
        raise ValueError(
            f"{name} has shape {tuple(x.shape)}; expected (..., 2l + 1), the components of one "
            "irrep on the last axis"
        )
    return int(x.shape[-1] // 2)


class Entries(NamedTuple):
    """The coefficients that are not zero, in the order of the component that they add to.

    Attributes:
        starts: where the entries of each component of the result begin, (2 l3 + 2,), int32.
        factors: for each, the components of the two factors, (n_entries, 2), int32.
        coefficients: (n_entries,).
    """

    starts: Tensor
    factors: Tensor
    coefficients: Tensor


def entries(
    degrees: tuple[int, int, int],
    roles: tuple[int, int, int],
    dtype: torch.dtype,
    device: torch.device,
) -> Entries:
    """The list for a product, or for one of its gradients.

    Args:
        degrees: l1, l2 and l3.
        roles: which of the three axes is summed with the first factor, which with the second, and
            which is left: (0, 1, 2) for the product, (2, 1, 0) for the gradient by x.
        dtype: of the coefficients.
        device: of everything.

    >>> found = entries((1, 1, 1), (0, 1, 2), torch.float64, torch.device("cpu"))
    >>> found.starts.tolist(), found.factors.tolist()  # of 27 coefficients, 6 are not zero
    ([0, 2, 4, 6], [[1, 2], [2, 1], [0, 2], [2, 0], [0, 1], [1, 0]])
    """
    C = coupling(*degrees).permute(*roles)
    k, i, j = C.permute(2, 0, 1).nonzero().unbind(dim=1)  # in the order of k
    starts = torch.searchsorted(k, torch.arange(C.shape[2] + 1))
    return Entries(
        starts.to(device, torch.int32),
        torch.stack([i, j], dim=1).to(device, torch.int32).contiguous(),
        C[i, j, k].to(device, dtype),
    )


_kept_entries = cache(entries)


class _Product(torch.autograd.Function):
    """Rows (n, d1) times rows (n, d2): the table's axes are read in the given roles."""

    @staticmethod
    def forward(
        ctx: Any,
        a: Tensor,
        b: Tensor,
        degrees: tuple[int, int, int],
        roles: tuple[int, int, int],
        form: str,
    ) -> Tensor:
        ctx.save_for_backward(a, b)
        ctx.how = degrees, roles, form
        table = _kept_entries(degrees, roles, a.dtype, a.device)
        out = a.new_empty(len(a), 2 * degrees[roles[2]] + 1)
        if form == "triton":
            from equivar.kernels.products_triton import multiply

            multiply(a, b, out, *table)
            return out
        from equivar.kernels.products_numba import multiply_rows

        arrays = (t.detach().contiguous().numpy() for t in (a, b, out, *table))
        multiply_rows(*arrays)
        return out

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        a, b = ctx.saved_tensors
        degrees, (first, second, left), form = ctx.how
        by_a = by_b = None
        if ctx.needs_input_grad[0]:
            by_a = _Product.apply(g, b, degrees, (left, second, first), form)
        if ctx.needs_input_grad[1]:
            by_b = _Product.apply(a, g, degrees, (first, left, second), form)
        return by_a, by_b, None, None, None
