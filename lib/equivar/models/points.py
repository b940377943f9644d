"""A network on points in space that keeps O(3), and the control that reads coordinates."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from equivar._checks import check_axes, check_finite
from equivar._shapes import Float, Int
from equivar.features import check_features
from equivar.irreps import Irreps
from equivar.linear import IrrepLinear
from equivar.models.interaction import interactions
from equivar.models.mlp import mlp
from equivar.point_conv import edge_features
from equivar.points import neighbours

__all__ = ["EuclideanNet", "PlainPointNet"]


class EuclideanNet(nn.Module):
    r"""Features of points in, features of points or of whole clouds out: O(3) all the way.

    What comes out rotates and inverts as `irreps_out` says. To tell mirror images apart, ask for a
    pseudoscalar, `0o`: it is the only invariant under rotations that changes sign in a mirror. Its
    sign needs three directions, one from each layer; with two layers it is zero for all inputs.

    Args:
        irreps_in: the features of the points, such as "4x0e" for four elements.
        irreps_out: what to make.
        irreps_hidden: the features between layers.
        layers: how many blocks of convolution and gate.
        lmax: the largest degree of the filters; 0 is a network of distances alone.
        parity: whether the filters have the parity of vectors. Without, everything is labeled even,
            `1e` for `1o` and so on, and the network keeps rotations but not inversion.
        cutoff: points farther apart than this do not see each other.
        n_radial: how many numbers describe a distance.
        radial_hidden: the widths of the networks that read it.
        n_neighbours: the typical number of neighbors.
        pool: "mean" or "sum" over the points of each cloud, or None for an answer at each point.

    Attributes:
        irreps_in, irreps_out: the layouts.

    Raises:
        ValueError: a pooling that does not exist, or no layers.

    A vector for each of two clouds; a pair of equal points has no direction to prefer:

    >>> _ = torch.manual_seed(0)
    >>> net = EuclideanNet("0e", "1o", "4x0e + 4x1o", layers=2, lmax=1, cutoff=3.0)
    >>> positions = torch.tensor([[0.0, 0, 0], [1.0, 0, 0], [0.0, 0, 0], [1, 0, 0], [0, 2, 0]])
    >>> y = net(torch.ones(5, 1), positions, batch=torch.tensor([0, 0, 1, 1, 1]))
    >>> bool(y[0].norm() < 1e-6 < y[1].norm())
    True

    Source:
        Thomas et al., Tensor field networks, arXiv:1802.08219.
    """

    def __init__(
        self,
        irreps_in: Irreps | str,
        irreps_out: Irreps | str,
        irreps_hidden: Irreps | str = "16x0e + 8x1o + 4x2e",
        layers: int = 3,
        lmax: int = 2,
        parity: bool = True,
        cutoff: float = 5.0,
        n_radial: int = 8,
        radial_hidden: tuple[int, ...] = (32,),
        n_neighbours: float = 1.0,
        pool: str | None = "mean",
    ) -> None:
        super().__init__()
        if pool not in ("mean", "sum", None):
            raise ValueError(f"got pool = {pool!r}; expected 'mean', 'sum' or None")
        self.irreps_in, self.irreps_out = Irreps(irreps_in), Irreps(irreps_out)
        self.lmax, self.cutoff, self.n_radial, self.pool = lmax, cutoff, n_radial, pool
        irreps_filter = Irreps.spherical_harmonics(lmax)
        if not parity:
            irreps_filter = Irreps([(1, f"{irrep.l}e") for _, irrep in irreps_filter])
        self.layers = interactions(
            self.irreps_in,
            irreps_hidden,
            irreps_out,
            layers,
            irreps_filter,
            n_radial,
            radial_hidden,
            n_neighbours,
        )
        self.head = IrrepLinear(str(self.layers[-1].irreps_out), self.irreps_out)

    def forward(
        self,
        x: Float[Tensor, "n d_in"],
        positions: Float[Tensor, "n 3"],
        cell: Float[Tensor, "*graphs 3 3"] | None = None,
        batch: Int[Tensor, " n"] | None = None,
    ) -> Float[Tensor, "m d_out"]:
        """Answer for each cloud, or for each point.

        Args:
            x: features of the points.
            positions: where they are, in the unit of the cutoff.
            cell: rows are lattice vectors; one for all, or one for each cloud. None: no images.
            batch: the cloud of each point, from 0. None: one cloud.

        Returns:
            Features (n_clouds, irreps_out.dim), or (n, irreps_out.dim) without pooling.

        Raises:
            ValueError: what `neighbours` refuses, or features of another width.
        """
        check_features(x, self.irreps_in, "the features of the points")
        edges = neighbours(positions, self.cutoff, cell, batch=batch)
        pair, first = edges.pairs
        Y, radial = edge_features(edges.vectors, self.lmax, self.n_radial, self.cutoff, first)
        for layer in self.layers:
            x = layer(x, Y, radial, edges.source, edges.target, pair)
        y: Tensor = self.head(x)
        return y if self.pool is None else pool_points(y, batch, self.pool)


def pool_points(
    y: Float[Tensor, "n d"], batch: Int[Tensor, " n"] | None, pool: str
) -> Float[Tensor, "m d"]:
    """Sum or average over the points of each cloud; a cloud without points gives zero.

    >>> pool_points(torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([0, 0, 1]), "mean").tolist()
    [[1.5], [4.0]]
    """
    if batch is None:
        batch = torch.zeros(len(y), dtype=torch.int64, device=y.device)
        n = 1
    else:
        n = int(batch.max()) + 1 if len(batch) else 0
    total = y.new_zeros(n, y.shape[1]).index_add(0, batch, y)
    if pool == "sum":
        return total
    return total / torch.bincount(batch, minlength=n).clamp(min=1).to(y)[:, None]


class PlainPointNet(nn.Module):
    """The unconstrained control: a network on the table of coordinates, as memory holds it.

    Nothing tells it that turned clouds are the same cloud, nor that points have no order.

    Args:
        n_points: the number of points of each cloud.
        n_in: features of each point, besides its position.
        n_out: how many numbers to answer.
        width: units of each of two hidden layers.
        activation: the class of the nonlinearity.

    >>> net = PlainPointNet(4, n_out=8)
    >>> net(torch.randn(5, 4, 3)).shape
    torch.Size([5, 8])
    """

    def __init__(
        self,
        n_points: int,
        n_in: int = 0,
        n_out: int = 1,
        width: int = 64,
        activation: type[nn.Module] = nn.SiLU,
    ) -> None:
        super().__init__()
        self.shape = (n_points, 3 + n_in)
        self.net = mlp(math.prod(self.shape), width, width, n_out, activation=activation)

    def forward(
        self, positions: Float[Tensor, "*batch n 3"], x: Float[Tensor, "*batch n d"] | None = None
    ) -> Float[Tensor, "*batch n_out"]:
        """Answer for each cloud.

        Args:
            positions: clouds of n_points points.
            x: their features, if the network was built for some.

        Returns:
            Tensor (..., n_out).

        Raises:
            ValueError: another number of points or features, or a position that is not finite.
        """
        check_axes("positions", positions, "n", 3)
        check_finite("positions", positions)
        if x is not None:
            check_axes("x", x, positions.shape[-2], None)
        table = positions if x is None else torch.cat([positions, x], dim=-1)
        if table.shape[-2:] != self.shape:
            raise ValueError(
                f"got {table.shape[-2]} points with {table.shape[-1]} numbers each; expected "
                f"{self.shape[0]} and {self.shape[1]}: the first layer has one weight for each "
                "number of each point"
            )
        out: Tensor = self.net(table.flatten(start_dim=-2))
        return out
