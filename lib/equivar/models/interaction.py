"""The block that networks on points repeat: look around, keep yourself, gate."""

from __future__ import annotations

import math

from torch import Tensor, nn

from equivar._shapes import Float, Int
from equivar.irreps import Irrep, Irreps
from equivar.linear import IrrepLinear
from equivar.nonlinear import Gate
from equivar.point_conv import PointConv, reachable

__all__ = ["Interaction", "interactions"]

SCALAR = Irrep(0, 1)


class Interaction(nn.Module):
    r"""A convolution plus a linear map of the point's own features, then a gate.

    Hidden irreps that the input and the filter cannot make are left out, as they would be zero.

    Args:
        irreps_in: the features of the points.
        irreps_hidden: what to make; even scalars are needed by the gate.
        irreps_filter: the filter, one channel of each degree.
        n_radial: how many numbers describe a length.
        radial_hidden: the widths of the radial network.
        n_neighbours: the typical number of neighbors.

    Attributes:
        irreps_in, irreps_out: the layouts; irreps_out is what of irreps_hidden can be made.

    >>> layer = Interaction("4x0e", "8x0e + 2x0o + 2x1o", "0e + 1o")
    >>> layer.irreps_out  # no pseudoscalar from scalars and one direction
    Irreps('8x0e + 2x1o')

    Source:
        Batzner et al., NequIP, arXiv:2101.03164, for the block.
    """

    def __init__(
        self,
        irreps_in: Irreps | str,
        irreps_hidden: Irreps | str,
        irreps_filter: Irreps | str,
        n_radial: int = 8,
        radial_hidden: tuple[int, ...] = (32,),
        n_neighbours: float = 1.0,
    ) -> None:
        super().__init__()
        self.irreps_in, irreps_filter = Irreps(irreps_in), Irreps(irreps_filter)
        can = reachable(self.irreps_in, irreps_filter)
        kept = [(mul, irrep) for mul, irrep in Irreps(irreps_hidden) if irrep in can]
        scalars = Irreps([(mul, irrep) for mul, irrep in kept if irrep.l == 0])
        gated = Irreps([(mul, irrep) for mul, irrep in kept if irrep.l > 0])
        self.gate = Gate(scalars, gated)
        self.irreps_out = self.gate.irreps_out
        self.conv = PointConv(
            self.irreps_in,
            self.gate.irreps_in,
            irreps_filter=irreps_filter,
            n_radial=n_radial,
            hidden=radial_hidden,
            n_neighbours=n_neighbours,
        )
        self.own = IrrepLinear(self.irreps_in, self.gate.irreps_in)

    def forward(
        self,
        x: Float[Tensor, "n d_in"],
        Y: Float[Tensor, "n_edges d_filter"],
        radial: Float[Tensor, "n_rows n_radial"],
        source: Int[Tensor, " n_edges"],
        target: Int[Tensor, " n_edges"],
        pair: Int[Tensor, " n_edges"] | None = None,
    ) -> Float[Tensor, "n d_out"]:
        """Apply the block; the arguments are those of `PointConv`."""
        mixed = self.conv(x, Y, radial, source, target, pair) + self.own(x)
        out: Tensor = self.gate(mixed / math.sqrt(2))
        return out


def interactions(
    irreps_in: Irreps | str,
    irreps_hidden: Irreps | str,
    irreps_last: Irreps | str,
    layers: int,
    irreps_filter: Irreps,
    n_radial: int,
    radial_hidden: tuple[int, ...],
    n_neighbours: float,
) -> nn.ModuleList:
    """Blocks one after another; the last one makes only hidden irreps that `irreps_last` has.

    Raises:
        ValueError: fewer than one layer.
    """
    if layers < 1:
        raise ValueError(f"got layers = {layers}; expected at least 1")
    blocks, here = nn.ModuleList(), Irreps(irreps_in)
    needed = {irrep for mul, irrep in Irreps(irreps_last) if mul}
    last = Irreps([(mul, irrep) for mul, irrep in Irreps(irreps_hidden) if irrep in needed])
    for i in range(layers):
        hidden = irreps_hidden if i < layers - 1 else last
        block = Interaction(here, hidden, irreps_filter, n_radial, radial_hidden, n_neighbours)
        blocks.append(block)
        here = block.irreps_out
    return blocks
