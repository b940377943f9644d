"""Layers on graphs: what they compute does not depend on how the nodes are numbered.

`GraphLinear` acts on tables with an entry for each pair of nodes, and holds every linear map that
commutes with renumbering. `MessagePassing` acts on nodes and edges, and costs as much as there are
edges.
"""

from equivar.graphs.contractions import CONTRACTIONS, contractions, graph_linear_one_by_one
from equivar.graphs.linear import GraphLinear
from equivar.graphs.messages import MessagePassing

__all__ = [
    "CONTRACTIONS",
    "GraphLinear",
    "MessagePassing",
    "contractions",
    "graph_linear_one_by_one",
]
