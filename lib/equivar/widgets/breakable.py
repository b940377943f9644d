"""A small Euclidean network with four switches, each a common way to break its symmetry."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equivar._shapes import Float, Int
from equivar.frames import one_hot
from equivar.irreps import Irreps
from equivar.linear import IrrepLinear
from equivar.nonlinear import Gate
from equivar.normalization import IrrepNorm
from equivar.point_conv import PointConv, edge_features

__all__ = ["SWITCHES", "Breakable"]

SWITCHES = ("unrotated edges", "bias on vectors", "LayerNorm", "ReLU")
"""What can be broken, in the order in which the network meets it."""

_CUTOFF, _RADIAL, _LMAX = 3.0, 6, 2
_FILTER = Irreps.spherical_harmonics(_LMAX)


class Edges(nn.Module):
    """Vectors from source to target; broken, they are those of the molecule as it lay once."""

    irreps_out = Irreps("1o")
    stored: Tensor

    def __init__(self, stored: Tensor | None) -> None:
        super().__init__()
        self.broken = stored is not None
        self.register_buffer("stored", torch.zeros(0, 3) if stored is None else stored)

    def forward(self, positions: Tensor, source: Tensor, target: Tensor) -> Tensor:
        """Positions (n, 3) and indices (n_edges,) to vectors (n_edges, 3)."""
        return self.stored if self.broken else positions[target] - positions[source]


class Harmonics(nn.Module):
    """The direction of each edge as harmonics, its length as smooth numbers, side by side."""

    irreps_out = _FILTER + Irreps([(_RADIAL, "0e")])

    def forward(self, vectors: Tensor) -> Tensor:
        """Vectors (n_edges, 3) to (n_edges, irreps_out.dim)."""
        return torch.cat(edge_features(vectors, _LMAX, _RADIAL, _CUTOFF), dim=-1)


class Look(nn.Module):
    """A convolution that reads what `Harmonics` made."""

    def __init__(self, irreps_in: Irreps | str, irreps_out: Irreps | str) -> None:
        super().__init__()
        self.irreps_out = Irreps(irreps_out)
        self.conv = PointConv(irreps_in, irreps_out, _LMAX, n_radial=_RADIAL, n_neighbours=4.0)

    def forward(self, x: Tensor, edges: Tensor, source: Tensor, target: Tensor) -> Tensor:
        """Features (n, d) to (n, irreps_out.dim)."""
        Y, radial = edges.split([_FILTER.dim, _RADIAL], dim=-1)
        y: Tensor = self.conv(x, Y, radial, source, target)
        return y


class Mix(nn.Module):
    """A linear map of each irrep; broken, it has a constant for each component of a vector too."""

    constant: Tensor

    def __init__(self, irreps: Irreps, broken: bool) -> None:
        super().__init__()
        self.irreps_out, self.broken = irreps, broken
        self.linear = IrrepLinear(irreps, irreps)
        self.register_buffer("constant", torch.randn(irreps.dim))

    def forward(self, x: Tensor) -> Tensor:
        """Features (n, d) to features (n, d)."""
        y: Tensor = self.linear(x)
        return y + self.constant if self.broken else y


class Activate(nn.Module):
    """A gate; broken, ReLU of each component on its own."""

    def __init__(self, scalars: str, vectors: str, broken: bool) -> None:
        super().__init__()
        self.gate, self.broken = Gate(scalars, vectors), broken
        self.irreps_out = self.gate.irreps_out
        self.gates = Irreps(scalars).dim, Irreps(vectors).num_irreps

    def forward(self, x: Tensor) -> Tensor:
        """Features with gates to features without."""
        if not self.broken:
            y: Tensor = self.gate(x)
            return y
        scalars, gates = self.gates
        return torch.relu(torch.cat([x[:, :scalars], x[:, scalars + gates :]], dim=-1))


class Breakable(nn.Module):
    """Atoms in, one vector out, such as a dipole: two convolutions with a gate between.

    Args:
        positions: (n, 3) the molecule as it lies now, for the edges that do not turn along.
        broken: which of `SWITCHES` are on.

    Raises:
        ValueError: a switch that does not exist.

    >>> water = torch.tensor([[0.0, 0.0, 0.0], [0.8, 0.6, 0.0], [-0.8, 0.6, 0.0]])
    >>> numbers = torch.tensor([8, 1, 1])
    >>> source, target = torch.tensor([[0, 0, 1, 1, 2, 2], [1, 2, 0, 2, 0, 1]])
    >>> half_turn = torch.tensor([-1.0, 1.0, -1.0])
    >>> for broken in ((), ("ReLU",)):
    ...     net = Breakable(water, broken)
    ...     y, turned = net(numbers, water, source, target), net(numbers, water * half_turn, source,
    ...         target)
    ...     print(bool((turned - y * half_turn).norm() < 1e-4 * y.norm()))
    True
    False
    """

    def __init__(self, positions: Float[Tensor, "n 3"], broken: tuple[str, ...] = ()) -> None:
        super().__init__()
        for name in broken:
            if name not in SWITCHES:
                raise ValueError(f"there is no switch {name!r}; expected some of {SWITCHES}")
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)  # the same weights, whatever is broken
            scalars, vectors = "8x0e", "4x1o"
            hidden = Gate(scalars, vectors).irreps_in
            self.embed = IrrepLinear("3x0e", scalars, bias=False)
            self.edges = Edges(None)
            self.harmonics = Harmonics()
            self.conv_1 = Look(scalars, hidden)
            self.mix = Mix(hidden, SWITCHES[1] in broken)
            spoiled = SWITCHES[2] in broken
            self.norm = nn.LayerNorm(hidden.dim) if spoiled else IrrepNorm(hidden)
            self.gate = Activate(scalars, vectors, SWITCHES[3] in broken)
            self.conv_2 = Look(f"{scalars} + {vectors}", "8x0e + 4x1o")
            self.readout = IrrepLinear("8x0e + 4x1o", "1o")
        self.to(positions.dtype)
        if SWITCHES[0] in broken:
            n = len(positions)
            target, source = torch.cartesian_prod(torch.arange(n), torch.arange(n)).T
            apart = source != target
            self.edges = Edges(positions[target[apart]] - positions[source[apart]])

    def forward(
        self,
        numbers: Int[Tensor, " n"],
        positions: Float[Tensor, "n 3"],
        source: Int[Tensor, " n_edges"],
        target: Int[Tensor, " n_edges"],
    ) -> Float[Tensor, " 3"]:
        """Atomic numbers 1, 6, 8, positions, and all pairs of atoms as edges, to a vector."""
        x = self.embed(one_hot(numbers, torch.tensor([1, 6, 8])).to(positions))
        edges = self.harmonics(self.edges(positions, source, target))
        x = self.conv_1(x, edges, source, target)
        x = self.gate(self.norm(self.mix(x)))
        x = self.conv_2(x, edges, source, target)
        y: Tensor = self.readout(x).mean(dim=0)
        return y
