r"""Every equivariant linear map of n x n tables, at the price of two matrix products.

Thirteen of the fifteen maps only see the diagonal, row sums and column sums of the table. So these
are computed once, are multiplied by their weights where they are still small (n entries or one, not
n squared), and are added to the table in one pass. What costs n squared is the table itself and
its transpose.

The transpose (adjoint) of an equivariant map is equivariant again. So the gradient with respect to
the table is a map of the same kind, with the weights transposed, and is computed by the same code.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from equivar._checks import check_count, is_traced
from equivar._shapes import Float
from equivar.graphs.contractions import check_table
from equivar.kernels.tables import add_ends, sum_ends

__all__ = ["GraphLinear"]

# Transposed, a map from rows to the diagonal is one from the diagonal to rows, and so on. Maps 2 to
# 10 go from and to diagonal, rows and columns, the last four from and to the diagonal and all.
ADJOINT = (0, 1, 2, 5, 8, 3, 6, 9, 4, 7, 10, 11, 13, 12, 14)


class GraphLinear(nn.Module):
    r"""The equivariant linear map of tables with an entry for each pair of nodes.

    $$Y = \sum_{k=1}^{15} W_k\, C_k(X) + b_1 + b_2 \delta_{ij}$$

    with the fifteen maps $C_k$ of `CONTRACTIONS`. No other linear map commutes with every
    renumbering of the nodes, and no other constant is unchanged by it. Graphs of different size
    cannot share a tensor here, as padding would enter the means; `MessagePassing` takes those.

    Args:
        n_in: numbers for each ordered pair of nodes, before.
        n_out: numbers for each ordered pair of nodes, after.
        bias: whether to add the two learned constants.

    Attributes:
        weight: (15, n_out, n_in), in the order of `CONTRACTIONS`; normal, with variance
            1 / (15 n_in).
        bias: (2, n_out), on all entries and on the diagonal; zero at first; or None.

    Raises:
        ValueError: inputs are not (..., n, n, n_in).

    Example:
        >>> layer = GraphLinear(2, 3)
        >>> x, order = torch.randn(5, 5, 2), torch.tensor([2, 0, 4, 1, 3])
        >>> renumbered = x[order][:, order]
        >>> torch.testing.assert_close(layer(renumbered), layer(x)[order][:, order])

    Source:
        Maron, Ben-Hamu, Shamir and Lipman, Invariant and Equivariant Graph Networks, ICLR 2019,
        arXiv:1812.09902, Theorem 1 (15 maps and 2 constants).
    """

    def __init__(self, n_in: int, n_out: int, bias: bool = True) -> None:
        super().__init__()
        check_count("n_in", n_in)
        check_count("n_out", n_out)
        self.n_in, self.n_out = n_in, n_out
        self.weight = nn.Parameter(torch.randn(15, n_out, n_in) / max(15 * n_in, 1) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(2, n_out)) if bias else None

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Apply the map.

        Args:
            x: (..., n, n, n_in); n may be 0.

        Returns:
            Tensor (..., n, n, n_out).
        """
        check_table(x, self.n_in)
        mean = 1.0 / max(x.shape[-2], 1)
        # Means instead of sums: it is the small weights that are scaled, not the tables.
        terms = x.new_tensor([1.0, 1.0] + [1.0, mean, mean] * 3 + [mean, mean**2] * 2)
        weight = self.weight * terms[:, None, None]
        bias = x.new_zeros(2, self.n_out) if self.bias is None else self.bias
        batched = x.flatten(end_dim=-4) if x.ndim > 3 else x.unsqueeze(0)
        if is_traced():  # who traces derives the backward pass, too
            y = _map(batched, weight, bias, _sums(batched))
        else:
            y = _TableMap.apply(batched, weight, bias)
        return y.reshape(*x.shape[:-1], self.n_out)


class _TableMap(torch.autograd.Function):
    """The map with sums in place of means, and its adjoint.

    Whoever has the sums of the table already may hand them over; derivatives do not go through
    them.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        sums: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.sums = _sums(x) if sums is None else sums
        return _map(x, weight, bias, ctx.sums)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        g = gradients[0]
        g_nodes, g_whole = _sums(g)
        to_x = None
        if ctx.needs_input_grad[0]:
            adjoint = weight.index_select(0, torch.tensor(ADJOINT, device=weight.device)).mT
            known = (g_nodes.detach(), g_whole.detach())
            to_x = _TableMap.apply(g, adjoint, g.new_zeros(2, x.shape[-1]), known)
        if not any(ctx.needs_input_grad[1:]):
            return to_x, None, None, None
        # Asked for second derivatives, autograd has to see how the sums come from the table.
        x_nodes, x_whole = _sums(x) if torch.is_grad_enabled() else ctx.sums
        columns = g.flatten(end_dim=-2).mT
        to_weight = torch.cat(
            [
                (columns @ x.flatten(end_dim=-2)).unsqueeze(0),
                (columns @ x.transpose(-3, -2).flatten(end_dim=-2)).unsqueeze(0),
                _blocks(g_nodes.flatten(end_dim=-2).mT @ x_nodes.flatten(end_dim=-2), 3),
                _blocks(g_whole.mT @ x_whole, 2),
            ]
        )
        to_bias = g_whole.sum(dim=0).unflatten(0, (2, -1)).flip(0)
        return to_x, to_weight, to_bias, None


def _sums(x: Tensor) -> tuple[Tensor, Tensor]:
    """Diagonal, row sums and column sums (batch, n, 3 c); trace and total (batch, 2 c)."""
    nodes = sum_ends(x).flatten(2)
    return nodes, nodes[..., : 2 * x.shape[-1]].sum(dim=-2)


def _map(x: Tensor, weight: Tensor, bias: Tensor, sums: tuple[Tensor, Tensor]) -> Tensor:
    n_out = weight.shape[-2]
    small = sums[0] @ _matrix(weight[2:11], 3).mT
    constants = sums[1] @ _matrix(weight[11:], 2).mT + bias.flip(0).flatten()
    small[..., : 2 * n_out] += constants.unsqueeze(-2)  # what goes everywhere goes with the rows
    return add_ends(x @ weight[0].mT, x @ weight[1].mT, small.unflatten(-1, (3, n_out)))


def _matrix(maps: Tensor, k: int) -> Tensor:
    """Maps (to, from), k of each, as one matrix (to n_out, from n_in)."""
    return maps.unflatten(0, (k, k)).transpose(1, 2).flatten(2).flatten(0, 1)


def _blocks(matrix: Tensor, k: int) -> Tensor:
    """Undo `_matrix`."""
    return matrix.unflatten(0, (k, -1)).unflatten(2, (k, -1)).transpose(1, 2).flatten(0, 1)
