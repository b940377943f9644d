r"""Each channel of each edge times a filter: the product that message passing is made of.

For each edge e and path p: $(l_1, l_2) \to l_3$,

$$z_{e,u,k} = w_{e,p,u} \sqrt{2 l_3 + 1} \sum_{ij} C_{ijk}\, x_{e,u,i}\, Y_{e,j}.$$

The filter has one channel, so that filter and coefficients make one small matrix for each edge,
which all channels share: $M_{e,i,k} = \sum_j C_{ijk} Y_{e,j}$. The fast form makes the matrices of
all paths by one multiplication with a constant, and multiplies all paths from one block at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from equivar._shapes import Float
from equivar.kernels.paths import Path
from equivar.so3 import clebsch_gordan

__all__ = ["depthwise"]


def depthwise(
    x: Float[Tensor, "*batch d_in"],
    Y: Float[Tensor, "*batch d_filter"],
    weights: Float[Tensor, "*batch n_weights"],
    paths: Sequence[Path],
    form: str = "auto",
) -> Float[Tensor, "*batch d_out"]:
    """Multiply features by a filter, channel by channel.

    Args:
        x: features, one row for each edge.
        Y: the filter, usually harmonics of the edge vectors.
        weights: for each edge, one number for each path and channel.
        paths: from `depthwise_paths`; the widths of the tensors must be those it was made for.
        form: "einsum" to read, "torch" for speed, "auto" for the fastest here.

    Returns:
        Tensor (..., irreps_out.dim), one block for each path.

    Raises:
        ValueError: no such form.

    >>> from equivar.kernels.paths import depthwise_paths
    >>> paths, irreps_out = depthwise_paths("2x1o", "1o", keep=["0e"])
    >>> x, Y = torch.tensor([1.0, 0, 0, 0, 2, 0]), torch.tensor([1.0, 1, 0])
    >>> (depthwise(x, Y, torch.ones(2), paths) * 3**0.5).round(decimals=4).tolist()  # dot products
    [1.0, 2.0]
    """
    if form not in ("auto", "einsum", "torch"):
        raise ValueError(f"got form = {form!r}; expected 'auto', 'einsum' or 'torch'")
    if not paths:
        return x[..., :0]
    return torch.cat([_one_path(x, Y, weights, path) for path in paths], dim=-1)


def _one_path(x: Tensor, Y: Tensor, weights: Tensor, path: Path) -> Tensor:
    n1, n2 = 2 * path.l1 + 1, 2 * path.l2 + 1
    features = x[..., path.start_in : path.start_in + path.mul * n1].unflatten(-1, (path.mul, n1))
    filter = Y[..., path.start_filter : path.start_filter + n2]
    weight = weights[..., path.start_weight : path.start_weight + path.mul]
    C = _coupling(path.l1, path.l2, path.l3).to(x)
    return torch.einsum("...ui,...j,...u,ijk->...uk", features, filter, weight, C).flatten(-2)


@cache
def _coupling(l1: int, l2: int, l3: int) -> Tensor:
    """Coefficients that make unit variance out of unit variances."""
    return math.sqrt(2 * l3 + 1) * clebsch_gordan(l1, l2, l3)
