r"""Normalization that keeps directions: lengths are rescaled, components never one by one.

LayerNorm over the components of a vector subtracts their mean and so tells x from y. What may be
used to rescale features is a number that no rotation changes: the mean square over the components
of an irrep and over its copies.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equivar._shapes import Float
from equivar.features import check_features, join, split
from equivar.irreps import Irrep, Irreps

__all__ = ["IrrepNorm"]

SCALAR = Irrep(0, 1)


class IrrepNorm(nn.Module):
    r"""Layer normalization that commutes with O(3): each sample, each block of irreps on its own.

    $$y_{u,i} = g_u \frac{x_{u,i}}{\sqrt{\langle x^2 \rangle + \epsilon}} + b_u$$

    The mean square runs over the copies u and the components i of the block. Even scalars first
    lose their mean over the copies, as in LayerNorm, and alone have a bias b. Smooth, also where
    the features are all zero.

    Args:
        irreps: the layout. A block of a single even scalar becomes its bias, since its mean is
            itself.
        eps: added to the mean square; it has the square of the features' unit.

    Attributes:
        irreps_in, irreps_out: the layout; nothing moves.
        scale: one factor for each irrep, 1 at first.
        bias: one number for each even scalar, 0 at first.

    Two vectors of mean square 2 per component; their directions stay:

    >>> layer = IrrepNorm("2x1o")
    >>> [round(v, 3) for v in layer(torch.tensor([2.0, 0.0, 0.0, 0.0, 2.0, 2.0])).tolist()]
    [1.414, 0.0, 0.0, 0.0, 1.414, 1.414]

    Source:
        Ba, Kiros and Hinton, Layer Normalization, arXiv:1607.06450; for irreps Liao and Smidt,
        Equiformer, arXiv:2206.11990.
    """

    def __init__(self, irreps: Irreps | str, eps: float = 1e-5) -> None:
        super().__init__()
        self.irreps_in = self.irreps_out = Irreps(irreps)
        if not eps > 0:
            raise ValueError(f"got eps = {eps}; expected more than 0, else zero features give nan")
        self.eps = eps
        self.scale = nn.Parameter(torch.ones(self.irreps_in.num_irreps))
        self.bias = nn.Parameter(torch.zeros(self.irreps_in.count(SCALAR)))

    def extra_repr(self) -> str:
        """The layout, for print(model)."""
        return f"{self.irreps_in}, eps={self.eps}"

    def forward(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        """Normalize.

        Args:
            x: features (..., irreps_in.dim).

        Returns:
            Tensor of the shape of x.

        Raises:
            ValueError: the features have another width.
        """
        check_features(x, self.irreps_in, "the inputs of a normalization")
        blocks, copies, scalars = [], 0, 0
        for (mul, irrep), block in zip(self.irreps_in, split(self.irreps_in, x), strict=True):
            if mul == 0:
                continue
            if irrep == SCALAR:
                block = block - block.mean(dim=-2, keepdim=True)
            mean_square = block.square().mean(dim=(-2, -1), keepdim=True)
            factor = (mean_square + self.eps).rsqrt() * self.scale[copies : copies + mul, None]
            block = block * factor
            copies += mul
            if irrep == SCALAR:
                block = block + self.bias[scalars : scalars + mul, None]
                scalars += mul
            blocks.append(block)
        return join(blocks) if blocks else x
