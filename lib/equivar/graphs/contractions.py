r"""The fifteen linear maps of n x n tables that commute with renumbering, one by one.

Renumber the nodes and rows and columns change together, $X_{ij} \to X_{\pi(i)\pi(j)}$. A map from
tables to tables has an entry for four indices, two of the result and two of the input, and it
commutes with every renumbering just when the entry depends only on which of the four are equal.
Four things can be equal in fifteen ways (the partitions of a set of four, Bell's number), so there
are fifteen maps. Each of them is read off here as: sum some indices, put what is left somewhere.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from equivar._checks import check_axes
from equivar._shapes import Float

__all__ = ["CONTRACTIONS", "contractions", "graph_linear_one_by_one"]


def _diagonal(x: Tensor) -> Tensor:
    return x.diagonal(dim1=-3, dim2=-2).mT


def _row(x: Tensor) -> Tensor:
    return x.sum(dim=-2) / max(x.shape[-2], 1)


def _column(x: Tensor) -> Tensor:
    return x.sum(dim=-3) / max(x.shape[-2], 1)


def _total(x: Tensor) -> Tensor:
    return _row(_row(x))


def _trace(x: Tensor) -> Tensor:
    return _row(_diagonal(x))


def _to_rows(v: Tensor) -> Tensor:
    return v.unsqueeze(-2).expand(*v.shape[:-1], v.shape[-2], v.shape[-1])


def _to_columns(v: Tensor) -> Tensor:
    return _to_rows(v).transpose(-3, -2)


def _to_diagonal(v: Tensor) -> Tensor:
    return torch.diag_embed(v.mT, dim1=-3, dim2=-2)


def _everywhere(s: Tensor, n: int) -> Tensor:
    return s[..., None, None, :].expand(*s.shape[:-1], n, n, s.shape[-1])


def _on_diagonal(s: Tensor, n: int) -> Tensor:
    return _to_diagonal(s.unsqueeze(-2).expand(*s.shape[:-1], n, s.shape[-1]))


CONTRACTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "the table": lambda x: x,
    "transposed": lambda x: x.transpose(-3, -2),
    "diagonal to diagonal": lambda x: _to_diagonal(_diagonal(x)),
    "row means to diagonal": lambda x: _to_diagonal(_row(x)),
    "column means to diagonal": lambda x: _to_diagonal(_column(x)),
    "diagonal to rows": lambda x: _to_rows(_diagonal(x)),
    "row means to rows": lambda x: _to_rows(_row(x)),
    "column means to rows": lambda x: _to_rows(_column(x)),
    "diagonal to columns": lambda x: _to_columns(_diagonal(x)),
    "row means to columns": lambda x: _to_columns(_row(x)),
    "column means to columns": lambda x: _to_columns(_column(x)),
    "mean of the diagonal to diagonal": lambda x: _on_diagonal(_trace(x), x.shape[-2]),
    "mean of all to diagonal": lambda x: _on_diagonal(_total(x), x.shape[-2]),
    "mean of the diagonal to all": lambda x: _everywhere(_trace(x), x.shape[-2]),
    "mean of all to all": lambda x: _everywhere(_total(x), x.shape[-2]),
}
"""Each map by a name that says what it does, in the order of `GraphLinear.weight`. Sums are divided
by the number of their terms, so that a layer can serve graphs of every size. "To rows" writes the
entry of node i to the whole row i."""


def check_table(x: Float[Tensor, "..."], n_in: int | None = None) -> None:
    """Raise a ValueError unless x is a table over pairs of nodes.

    Args:
        x: what was given.
        n_in: the numbers that each pair must have; None for any.

    >>> check_table(torch.zeros(4, 5, 2))
    Traceback (most recent call last):
    ...
    ValueError: the table has shape (4, 5, 2); expected (..., nodes, nodes, any): \
rows and columns number the same nodes
    """
    if x.ndim < 3 or x.shape[-3] != x.shape[-2] or n_in not in (None, x.shape[-1]):
        raise ValueError(
            f"the table has shape {tuple(x.shape)}; expected (..., nodes, nodes, "
            f"{'any' if n_in is None else n_in}): rows and columns number the same nodes"
        )


def contractions(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """All fifteen equivariant maps of one table.

    They are linearly independent for four nodes or more. On fewer, four indices cannot all differ,
    and there are 14 (three nodes), 8 (two) or 1 (one) different maps.

    Args:
        x: (..., n, n, c), a table with c numbers for each ordered pair of nodes.

    Returns:
        Tensor (..., 15, n, n, c), in the order of `CONTRACTIONS`.

    Raises:
        ValueError: the table is not (..., n, n, c).

    Example:
        >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])[..., None]
        >>> named = dict(zip(CONTRACTIONS, contractions(x)[..., 0].tolist()))
        >>> named["row means to rows"], named["mean of the diagonal to diagonal"]
        ([[1.5, 1.5], [3.5, 3.5]], [[2.5, 0.0], [0.0, 2.5]])

    Source:
        Maron, Ben-Hamu, Shamir and Lipman, Invariant and Equivariant Graph Networks, ICLR 2019,
        arXiv:1812.09902, Appendix A.
    """
    check_table(x)
    return torch.stack([contract(x) for contract in CONTRACTIONS.values()], dim=-4)


def graph_linear_one_by_one(
    x: Float[Tensor, "..."],
    weight: Float[Tensor, "..."],
    bias: Float[Tensor, "..."] | None = None,
) -> Float[Tensor, "..."]:
    """The definition of `GraphLinear`, term by term: what its fast form is held to.

    Args:
        x: (..., n, n, n_in), a table with n_in numbers for each ordered pair of nodes.
        weight: (15, n_out, n_in), a matrix for each map, in the order of `CONTRACTIONS`.
        bias: (2, n_out), what is added to each entry, and once more to each diagonal entry.

    Returns:
        Tensor (..., n, n, n_out).

    Raises:
        ValueError: a table, weight or bias of another shape.

    Example:
        >>> x, weight = torch.randn(4, 4, 2), torch.zeros(15, 3, 2)
        >>> graph_linear_one_by_one(x, weight, torch.ones(2, 3))[0, :2].tolist()
        [[2.0, 2.0, 2.0], [1.0, 1.0, 1.0]]
    """
    check_table(x)
    check_axes("weight", weight, 15, "n_out", x.shape[-1])
    if bias is not None:
        check_axes("biases", bias, 2, weight.shape[-2])
    maps = CONTRACTIONS.values()
    y = sum((f(x) @ w.mT for f, w in zip(maps, weight, strict=True)), start=x.new_zeros(()))
    if bias is not None:
        n = x.shape[-2]
        y = y + _everywhere(bias[0], n) + _on_diagonal(bias[1], n)
    return y
