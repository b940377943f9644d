r"""Convolution over points in space: message passing with filters made of spherical harmonics.

On an image, a filter is a table with one entry for each offset on the grid. Points have no grid, so
the filter is a function of the vector between two of them, and for the layer to be equivariant that
function must rotate as an irrep does. All such functions are sums of a number that depends on the
distance times a spherical harmonic of the direction: the distance is learned, the direction is not.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from equivar._checks import check_axes, check_count
from equivar._shapes import Float, Int
from equivar.features import check_features
from equivar.irreps import Irrep, Irreps
from equivar.kernels.convolution import convolution
from equivar.kernels.harmonics import harmonics
from equivar.kernels.paths import depthwise_paths
from equivar.kernels.radial import radial_features
from equivar.linear import IrrepLinear
from equivar.points import lengths
from equivar.so3 import check_degree

__all__ = ["PointConv", "edge_features"]

# The root mean square of SiLU over a normal input is 1 / this.
_SILU = 1.6765324703310913


def edge_features(
    vectors: Float[Tensor, "n_edges 3"],
    lmax: int,
    n_radial: int,
    cutoff: float,
    first: Int[Tensor, " n_pairs"] | None = None,
) -> tuple[Float[Tensor, "n_edges d"], Float[Tensor, "n_rows n_radial"]]:
    """What a filter reads of each edge: its direction as harmonics, its length as smooth numbers.

    All layers of a network can share them.

    Args:
        vectors: from source to target.
        lmax: the largest degree of the harmonics.
        n_radial: how many numbers describe a length.
        cutoff: where they end, in the unit of the vectors.
        first: the edges whose lengths are read: one of each pair, as `Neighbours.pairs` finds them.
            None: all.

    Returns:
        Harmonics (n_edges, (lmax + 1)^2), and radial features (n_edges, n_radial), or (n_pairs,
        n_radial): `bessel_basis` times `smooth_cutoff`, dimensionless, of order one at half the
        cutoff.

    Raises:
        ValueError: vectors that are not (n_edges, 3), or what the three functions refuse.

    >>> Y, radial = edge_features(torch.tensor([[0.0, 1.0, 0.0]]), 1, n_radial=4, cutoff=2.0)
    >>> Y.shape, radial.shape
    (torch.Size([1, 4]), torch.Size([1, 4]))
    """
    check_axes("vectors", vectors, "n_edges", 3)
    distances = lengths(vectors if first is None else vectors[first])
    return harmonics(lmax, vectors), radial_features(distances, n_radial, cutoff)


class PointConv(nn.Module):
    r"""One equation: gather, multiply by the filter, sum over the neighbors.

    $$y_t = W_{out} \frac{1}{\sqrt{\bar n}} \sum_{s \to t} R(\lvert r_{st} \rvert)\;
    \big( W_{in} x_s \otimes Y(\hat r_{st}) \big)$$

    The product is depthwise: each channel is multiplied by the filter on its own, and the linear
    maps before and after mix channels. R is a small network without biases, one number for each
    channel of each path, so that messages vanish at the cutoff as smoothly as the radial features.

    Args:
        irreps_in: the features of the points.
        irreps_out: the layout of the result. An irrep that no path makes comes out as zero.
        lmax: the largest degree of the filter, if no `irreps_filter` is given.
        irreps_filter: the filter's irreps, one channel each, of degrees 0 to lmax. The harmonics
            themselves have parity $(-1)^l$; to label all of them even is to keep rotations and
            give up inversion.
        n_radial: how many numbers describe a length.
        hidden: the widths of R's hidden layers.
        n_neighbours: the typical number of neighbors; sums of so many terms get unit variance.

    Attributes:
        irreps_in, irreps_out, irreps_filter: the layouts.
        paths: which irreps multiply into which.

    Raises:
        ValueError: a filter whose degrees are not 0, 1, ... lmax, or no neighbors.

    Each of two atoms becomes a vector that points away from the other:

    >>> _ = torch.manual_seed(0)
    >>> layer = PointConv("0e", "1o", lmax=1, n_radial=4)
    >>> Y, radial = edge_features(torch.tensor([[0.0, 0, 1.0], [0.0, 0, -1.0]]), 1, 4, cutoff=3.0)
    >>> y = layer(torch.ones(2, 1), Y, radial, torch.tensor([0, 1]), torch.tensor([1, 0]))
    >>> torch.testing.assert_close(y[0], -y[1])
    >>> y[:, :2].abs().max().item()
    0.0

    Source:
        Thomas et al., Tensor field networks, arXiv:1802.08219; the depthwise product of Batzner et
        al., NequIP, arXiv:2101.03164.
    """

    def __init__(
        self,
        irreps_in: Irreps | str,
        irreps_out: Irreps | str,
        lmax: int = 2,
        irreps_filter: Irreps | str | None = None,
        n_radial: int = 8,
        hidden: tuple[int, ...] = (32,),
        n_neighbours: float = 1.0,
    ) -> None:
        super().__init__()
        self.irreps_in, self.irreps_out = Irreps(irreps_in), Irreps(irreps_out)
        if irreps_filter is None:
            self.irreps_filter = Irreps.spherical_harmonics(lmax)
        else:
            self.irreps_filter = Irreps(irreps_filter)
        if [irrep.l for _, irrep in self.irreps_filter] != list(range(len(self.irreps_filter))):
            raise ValueError(
                f"the filter is {self.irreps_filter}; expected one irrep of each degree 0, 1, ... "
                "lmax, in this order, as the harmonics have them"
            )
        if len(self.irreps_filter):
            check_degree(len(self.irreps_filter) - 1, "lmax")
        check_count("n_radial", n_radial, least=1)
        for width in hidden:
            check_count("a width of the radial network", width, least=1)
        if not n_neighbours > 0:
            raise ValueError(f"got n_neighbours = {n_neighbours}; expected more than 0")
        self.n_neighbours = float(n_neighbours)
        wanted = {irrep for mul, irrep in self.irreps_out if mul}
        self.paths, irreps_between = depthwise_paths(self.irreps_in, self.irreps_filter, wanted)
        self.before = IrrepLinear(self.irreps_in, self.irreps_in, bias=False)
        self.after = IrrepLinear(irreps_between, self.irreps_out, bias=False)
        widths = [n_radial, *hidden, sum(path.mul for path in self.paths)]
        self.radial = nn.ParameterList(torch.randn(m, n) for m, n in pairwise(widths))

    def extra_repr(self) -> str:
        """The layouts, for print(model)."""
        return f"{self.irreps_in} -> {self.irreps_out}, filter {self.irreps_filter}"

    def weights(self, radial: Float[Tensor, "n_rows n_radial"]) -> Float[Tensor, "n_rows n"]:
        """R: the weight of each channel of each path for each length."""
        first, *others = self.radial
        h = radial @ (first / math.sqrt(len(first)))
        for weight in others:
            h = nn.functional.silu(h) @ (weight * (_SILU / math.sqrt(len(weight))))
        return h

    def forward(
        self,
        x: Float[Tensor, "n d_in"],
        Y: Float[Tensor, "n_edges d_filter"],
        radial: Float[Tensor, "n_rows n_radial"],
        source: Int[Tensor, " n_edges"],
        target: Int[Tensor, " n_edges"],
        pair: Int[Tensor, " n_edges"] | None = None,
    ) -> Float[Tensor, "n d_out"]:
        """Pass messages along all edges once.

        Args:
            x: features of the points.
            Y: harmonics of the edges, from `edge_features`.
            radial: radial features of the edges, from `edge_features`.
            source: the point that each edge comes from.
            target: the point that it goes to.
            pair: the row of `radial` that belongs to each edge, as `Neighbours.pairs` finds them,
                so that the radial network runs once for an edge and its reverse. None: each edge
                has its own.

        Returns:
            Features (n, irreps_out.dim); zero for a point without neighbors.

        Raises:
            ValueError: features of another width, or indices out of range.
        """
        check_features(x, self.irreps_in, "the features of the points")
        check_features(Y, self.irreps_filter, "the harmonics of the edges")
        check_axes("radial", radial, "n_edges", len(self.radial[0]))
        x, weights = self.before(x), self.weights(radial)
        messages = convolution(x, Y, weights, source, target, len(x), self.paths, rows=pair)
        return self.after(messages / math.sqrt(self.n_neighbours))


def reachable(irreps_in: Irreps, irreps_filter: Irreps) -> set[Irrep]:
    """What irreps one convolution and the features themselves can make: the rest would be zero.

    >>> sorted(map(str, reachable(Irreps("4x0e"), Irreps("0e + 1o"))))
    ['0e', '1o']
    """
    own = {irrep for mul, irrep in irreps_in if mul}
    return own | {k for i in own for _, j in irreps_filter for k in i * j}
