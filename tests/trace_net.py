"""A small equivariant network, written by hand, with places where a fault can be planted."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equivar.irreps import Irreps

MUL = 4
FEATURES = Irreps(f"{MUL}x0e + {MUL}x1o")
N = 6


def parts(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[..., :MUL], x[..., MUL:].unflatten(-1, (MUL, 3))


def whole(scalars: Tensor, vectors: Tensor) -> Tensor:
    return torch.cat([scalars, vectors.flatten(-2)], dim=-1)


class Edges(nn.Module):
    irreps_out = Irreps("1o")

    def forward(self, positions: Tensor, source: Tensor, target: Tensor) -> Tensor:
        return positions[target] - positions[source]


class Convolve(nn.Module):
    irreps_in, irreps_out = Irreps("1o"), FEATURES

    def __init__(self) -> None:
        super().__init__()
        self.radial = nn.Linear(1, 2 * MUL)

    def forward(self, vectors: Tensor, target: Tensor) -> Tensor:
        weights = torch.sin(self.radial(vectors.square().sum(-1, keepdim=True)))
        messages = whole(weights[:, :MUL], weights[:, MUL:, None] * vectors[:, None, :])
        return messages.new_zeros(N, FEATURES.dim).index_add(0, target, messages)


class Mix(nn.Module):
    irreps_in, irreps_out = FEATURES, FEATURES

    def __init__(self) -> None:
        super().__init__()
        self.scalars = nn.Parameter(torch.randn(MUL, MUL))
        self.vectors = nn.Parameter(torch.randn(MUL, MUL))

    def forward(self, x: Tensor) -> Tensor:
        scalars, vectors = parts(x)
        return whole(scalars @ self.scalars, self.vectors @ vectors)


class Gate(nn.Module):
    irreps_in, irreps_out = FEATURES, FEATURES

    def forward(self, x: Tensor) -> Tensor:
        scalars, vectors = parts(x)
        return whole(torch.tanh(scalars), torch.sigmoid(scalars)[..., None] * vectors)


class Readout(nn.Module):
    irreps_in, irreps_out = FEATURES, Irreps("1o")

    def forward(self, x: Tensor) -> Tensor:
        return parts(x)[1].mean(dim=(-3, -2))


class Net(nn.Module):
    """positions, source, target -> one vector. `spare` is where faults are planted."""

    def __init__(self, spare: nn.Module | None = None) -> None:
        super().__init__()
        self.edges = Edges()
        self.convolve = Convolve()
        self.mix = Mix()
        self.spare = nn.Identity() if spare is None else spare
        self.gate = Gate()
        self.again = Mix()
        self.readout = Readout()

    def forward(self, positions: Tensor, source: Tensor, target: Tensor) -> Tensor:
        x = self.convolve(self.edges(positions, source, target), target)
        x = self.gate(self.spare(self.mix(x)))
        return self.readout(self.again(x))


def cloud(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    positions = torch.randn(N, 3, generator=generator, dtype=torch.float64).to(dtype)
    source, target = torch.tensor([(i, j) for i in range(N) for j in range(N) if i != j]).T
    return positions, source, target


LAWS = ("positions", "indices", "indices")
