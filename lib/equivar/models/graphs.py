"""A function of a graph, given as tables over pairs of nodes; the control reads entries."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equivar._checks import check_count
from equivar._shapes import Float
from equivar.graphs import GraphLinear
from equivar.models.mlp import mlp
from equivar.sets import SetPool

__all__ = ["GraphNet", "PlainGraphNet"]


class GraphNet(nn.Module):
    """A function of a graph of any size: layers with the fifteen maps, and a pool.

    A graph is its adjacency matrix, or several tables such as kinds of bonds; features of a node
    stand on the diagonal.

    Args:
        n_in: tables of the input.
        n_out: numbers to predict, for the graph or for each node.
        width: tables in between.
        depth: how many layers with the fifteen maps.
        per_node: whether to predict for each node; renumbering then renumbers the answers.

    Raises:
        ValueError: inputs are not (..., n, n, n_in).

    Example:
        >>> net, x, order = GraphNet(1, 1), torch.randn(6, 4, 4, 1), torch.tensor([2, 0, 3, 1])
        >>> torch.testing.assert_close(net(x[:, order][:, :, order]), net(x))

    Source:
        Maron et al., Invariant and Equivariant Graph Networks, ICLR 2019, arXiv:1812.09902.
    """

    def __init__(
        self, n_in: int, n_out: int, width: int = 12, depth: int = 2, per_node: bool = False
    ) -> None:
        super().__init__()
        for name, n in {"n_in": n_in, "n_out": n_out, "width": width, "depth": depth}.items():
            check_count(name, n)
        sizes = [n_in] + [width] * depth
        self.layers = nn.ModuleList(map(GraphLinear, sizes[:-1], sizes[1:]))
        self.per_node, self.pool = per_node, SetPool("mean")
        self.out = mlp(3 * sizes[-1], width, n_out)

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Predict.

        Args:
            x: (..., n, n, n_in).

        Returns:
            Tensor (..., n_out), or (..., n, n_out) for each node.
        """
        for layer in self.layers:
            x = nn.functional.silu(layer(x))
        nodes = [x.diagonal(dim1=-3, dim2=-2).mT, self.pool(x), self.pool(x.transpose(-3, -2))]
        if not self.per_node:
            nodes = [self.pool(v) for v in nodes]
        y: Tensor = self.out(torch.cat(nodes, dim=-1))
        return y


class PlainGraphNet(nn.Module):
    """A function of the entries of a table: the unconstrained control, for graphs of one size.

    Args:
        n: the number of nodes.
        n_in: tables of the input.
        n_out: numbers to predict, for the graph or for each node.
        width: units of each hidden layer; `matched` finds the one of equal size.
        per_node: whether to predict for each node.

    Raises:
        ValueError: for graphs of another size.

    Example:
        >>> PlainGraphNet(4, 1, 2)(torch.randn(6, 4, 4, 1)).shape
        torch.Size([6, 2])
    """

    def __init__(
        self, n: int, n_in: int, n_out: int, width: int = 32, per_node: bool = False
    ) -> None:
        super().__init__()
        for name, count in {"n": n, "n_in": n_in, "n_out": n_out, "width": width}.items():
            check_count(name, count)
        self.shape, self.per_node = (n, n, n_in), per_node
        self.net = mlp(n * n * n_in, width, width, n * n_out if per_node else n_out)

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Predict.

        Args:
            x: (..., n, n, n_in).

        Returns:
            Tensor (..., n_out), or (..., n, n_out) for each node.
        """
        if x.shape[-3:] != self.shape:
            raise ValueError(
                f"given tables of shape {tuple(x.shape)}, but this network was built for "
                f"(..., {', '.join(map(str, self.shape))}): its first layer has weights for each "
                "entry"
            )
        y: Tensor = self.net(x.flatten(start_dim=-3))
        return y.unflatten(-1, (self.shape[0], -1)) if self.per_node else y
