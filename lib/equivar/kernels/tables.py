"""What n x n tables hold for the ends of a pair: diagonals, sums of rows and columns, and back.

A linear layer on tables reads each table for its sums, and writes to each table what its nodes got.
In PyTorch that is a pass over the memory for each kind; in a compiled loop it is one for all.
"""

from __future__ import annotations

import torch
from torch import Tensor

from equivar._shapes import Float
from equivar.kernels.forms import choose_form

__all__ = ["add_ends", "sum_ends"]


def sum_ends(x: Float[Tensor, "..."], form: str = "auto") -> Float[Tensor, "batch n 3 c"]:
    """Diagonal, row sums and column sums of each table.

    Args:
        x: (batch, n, n, c), tables with c numbers for each pair; n may be 0.
        form: "torch"; "numba", one pass; or "auto", Numba's where it can run and nobody asks for
            gradients, which PyTorch's form has.

    Returns:
        Tensor (batch, n, 3, c).

    Raises:
        ValueError: shapes that do not fit, or a form that does not exist or cannot run here.

    >>> sum_ends(torch.tensor([[1.0, 2.0], [3.0, 4.0]])[None, ..., None])[0, :, :, 0].tolist()
    [[1.0, 3.0, 4.0], [4.0, 7.0, 6.0]]
    """
    _check("x", x)
    if _form(form, x) == "torch":
        return torch.stack([x.diagonal(dim1=1, dim2=2).mT, x.sum(dim=2), x.sum(dim=1)], dim=2)
    from equivar.kernels import tables_numba

    out = x.new_empty(x.shape[0], x.shape[1], 3, x.shape[3])
    tables_numba.sum_ends(x.detach().contiguous().numpy(), out.numpy())
    return out


def add_ends(
    y: Float[Tensor, "..."],
    other: Float[Tensor, "..."],
    ends: Float[Tensor, "..."],
    form: str = "auto",
) -> Float[Tensor, "..."]:
    """Add to each table another one transposed, and what belongs to diagonal, rows and columns.

    Args:
        y: (batch, n, n, c), tables, contiguous; they are added to in place.
        other: (batch, n, n, c), tables to transpose.
        ends: (batch, n, 3, c), what to add to each diagonal entry, row and column.
        form: as for `sum_ends`.

    Returns:
        The tensor y.

    Raises:
        ValueError: shapes that do not fit, or a form that does not exist or cannot run here.

    >>> y, other = torch.zeros(1, 2, 2, 1), torch.tensor([[0.0, 5.0], [0.0, 0.0]])[None, ..., None]
    >>> ends = torch.tensor([[100.0, 10.0, 1.0], [200.0, 20.0, 2.0]])[None, ..., None]
    >>> add_ends(y, other, ends)[0, :, :, 0].tolist()
    [[111.0, 12.0], [26.0, 222.0]]
    """
    _check("y", y)
    for name, t, shape in (
        ("other", other, y.shape),
        ("ends", ends, (*y.shape[:2], 3, y.shape[3])),
    ):
        if t.shape != shape:
            raise ValueError(f"{name} has shape {tuple(t.shape)}; expected {tuple(shape)}")
    if not y.is_contiguous():
        raise ValueError(f"y has strides {y.stride()}; expected contiguous tables, to write to")
    if _form(form, y, other, ends) == "torch":
        diagonal, rows, columns = ends.unbind(dim=2)
        y += other.transpose(1, 2)
        y += rows.unsqueeze(2)
        y += columns.unsqueeze(1)
        y.diagonal(dim1=1, dim2=2).add_(diagonal.mT)
        return y
    from equivar.kernels import tables_numba

    arrays = (t.detach().contiguous().numpy() for t in (other, ends))
    tables_numba.add_ends(y.detach().numpy(), *arrays)
    return y


def _form(form: str, *tensors: Tensor) -> str:
    if form == "auto" and torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
        return "torch"
    return choose_form(form, *tensors)


def _check(name: str, x: Tensor) -> None:
    if x.ndim != 4 or x.shape[1] != x.shape[2]:
        raise ValueError(
            f"{name} has shape {tuple(x.shape)}; expected (batch, nodes, nodes, channels)"
        )
