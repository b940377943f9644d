"""Message passing: each edge says something about its ends, each node adds up what it hears."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equivar._checks import check_count
from equivar._shapes import Float, Int

__all__ = ["MessagePassing"]


class MessagePassing(nn.Module):
    r"""One round in which every node hears from its neighbors.

    $$m_{st} = \mu(x_s, x_t, e_{st}), \qquad
    y_t = x_t + \upsilon\Big(x_t, \sum_{s \to t} m_{st}\Big)$$

    with learned functions $\mu$ and $\upsilon$ of one hidden layer each. They are the same at every
    edge and node, and order does not count in a sum: so renumbering nodes, or listing edges in
    another order, only moves the last digit. A node that no edge points to hears zero.

    A batch of graphs is one graph whose parts are not connected: put the nodes one after the
    other, shift the edges' indices, and pool with `SetPool()(y, batch=...)`, where `batch` is the
    number of each node's graph.

    Args:
        n_node: features of a node, before and after.
        n_edge: features of an edge; 0 for none.
        width: features of a message, and units of the hidden layers.

    Raises:
        ValueError: an index that is no node, or features of another width or number.

    Example:
        >>> layer = MessagePassing(n_node=3, n_edge=2)
        >>> source, target = torch.tensor([0, 1, 1, 2]), torch.tensor([1, 0, 2, 1])
        >>> x, edges = torch.randn(4, 3), torch.randn(4, 2)
        >>> y = layer(x, source, target, edges)
        >>> order = torch.tensor([2, 0, 3, 1])  # node i of the new graph was order[i]
        >>> place = order.argsort()
        >>> torch.testing.assert_close(
        ...     layer(x[order], place[source], place[target], edges), y[order]
        ... )

    Source:
        Gilmer et al., Neural Message Passing for Quantum Chemistry, ICML 2017, arXiv:1704.01212;
        Battaglia et al., Relational inductive biases, 2018, arXiv:1806.01261.
    """

    def __init__(self, n_node: int, n_edge: int = 0, width: int = 32) -> None:
        super().__init__()
        for name, n in {"n_node": n_node, "n_edge": n_edge, "width": width}.items():
            check_count(name, n)
        self.n_node, self.n_edge = n_node, n_edge
        # The first layer of the message, split: what depends on one node is computed once a node.
        self.from_source = nn.Linear(n_node, width)
        self.from_target = nn.Linear(n_node, width, bias=False)
        self.from_edge = nn.Linear(n_edge, width, bias=False) if n_edge else None
        self.message = nn.Linear(width, width)
        self.update = nn.Sequential(
            nn.Linear(n_node + width, width), nn.SiLU(), nn.Linear(width, n_node)
        )

    def forward(
        self,
        x: Float[Tensor, "..."],
        source: Int[Tensor, "..."],
        target: Int[Tensor, "..."],
        edges: Float[Tensor, "..."] | None = None,
    ) -> Float[Tensor, "..."]:
        """Pass messages once.

        Args:
            x: (n, n_node); n may be 0.
            source: (n_edges,) int64, the node each message comes from; there may be no edges.
            target: (n_edges,) int64, the node it goes to.
            edges: (n_edges, n_edge), or None for edges without features.

        Returns:
            Tensor (n, n_node).
        """
        self._check(x, source, target, edges)
        hidden = self.from_source(x)[source] + self.from_target(x)[target]
        if self.from_edge is not None:
            hidden = hidden + self.from_edge(edges)
        messages = self.message(nn.functional.silu(hidden))
        heard = messages.new_zeros(len(x), messages.shape[-1]).index_add(0, target, messages)
        y: Tensor = x + self.update(torch.cat([x, heard], dim=-1))
        return y

    def _check(self, x: Tensor, source: Tensor, target: Tensor, edges: Tensor | None) -> None:
        if x.ndim != 2 or x.shape[1] != self.n_node:
            raise ValueError(
                f"MessagePassing was given nodes of shape {tuple(x.shape)}; expected "
                f"(nodes, {self.n_node}). A batch of graphs is one list of nodes"
            )
        if source.ndim != 1 or source.shape != target.shape:
            raise ValueError(
                f"MessagePassing was given sources of shape {tuple(source.shape)} and targets of "
                f"shape {tuple(target.shape)}; expected one of each for each edge"
            )
        given = None if edges is None else tuple(edges.shape)
        expected = (len(source), self.n_edge) if self.n_edge else None
        if given != expected:
            raise ValueError(
                f"MessagePassing was given edge features of shape {given}; expected {expected}"
            )
        if torch.compiler.is_compiling():  # a compiler cannot look at values
            return
        for name, index in {"source": source, "target": target}.items():
            outside = (index < 0) | (index >= len(x))
            if bool(outside.any()):
                k = int(outside.nonzero()[0])
                raise ValueError(
                    f"MessagePassing was given {name}[{k}] = {int(index[k])}, but there are "
                    f"{len(x)} nodes; expected 0 to {len(x) - 1}. In a batch of graphs, are the "
                    "indices shifted by the nodes that come before?"
                )
