"""The networks of `debate.py`, and what training and answering do with rotations."""

from __future__ import annotations

from collections.abc import Callable

import augmentation_cost as cost
import torch
from torch import Tensor, nn

from equivar.models import EuclideanNet
from equivar.rotations import random_rotations

WIDTH, PENALTY, HIDDEN, MEMBERS = 128, 1.0, "24x0e + 12x1o", 8
Answer = Callable[[Tensor], Tensor]


class Punished(nn.Module):
    """A network on coordinates; given two orientations, its answer and how the answers differ."""

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self.net = cost.PlainVectorNet(x, WIDTH)

    def forward(self, x: Tensor, turned: Tensor | None = None, R: Tensor | None = None) -> Tensor:
        """Clouds (b, n, 3) to vectors (b, 3); with the same turned by R (b, 3, 3), (b, 2, 3)."""
        y: Tensor = self.net(x)
        if turned is None or R is None:
            return y
        back = torch.einsum("bji,bj->bi", R, self.net(turned))  # R transposed
        return torch.stack([y, back - y], dim=1)


class Vectors(nn.Module):
    """The network whose features are numbers and vectors; each atom has a label of its own."""

    size: Tensor

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        n = x.shape[-2]
        self.net = EuclideanNet(
            f"{n}x0e", "1o", HIDDEN, 2, 1, cutoff=5.0, radial_hidden=(16,), n_neighbours=n - 1.0
        )
        self.labels = torch.eye(n)

    def forward(self, x: Tensor) -> Tensor:
        """Clouds (b, n, 3) to vectors (b, 3)."""
        b, n = x.shape[:2]
        batch = torch.arange(b).repeat_interleave(n)
        y: Tensor = self.net(self.labels.to(x).repeat(b, 1), x.flatten(0, 1), batch=batch)
        return y


class Ensemble(nn.Module):
    """The mean of some networks."""

    def __init__(self, members: list[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x: Tensor) -> Tensor:
        """Clouds (b, n, 3) to vectors (b, 3)."""
        return torch.stack([net(x) for net in self.members]).mean(dim=0)


def build(way: str, x: Tensor) -> nn.Module:
    """The network, untrained."""
    if way == "penalty":
        return Punished(x)
    if way == "vectors":
        return Vectors(x)
    if way == "ensemble":
        return Ensemble([cost.PlainVectorNet(x, WIDTH) for _ in range(MEMBERS)])
    return (cost.PlainVectorNet if way == "augmented" else cost.VectorNet)(x, WIDTH)


def two_turns(
    inputs: list[Tensor], labels: Tensor, generator: torch.Generator
) -> tuple[list[Tensor], Tensor]:
    """Each cloud in two random orientations, the rotation between them, and the first label."""
    inputs, labels = cost.turn(inputs, labels, generator)
    R = random_rotations(len(labels), generator=generator).to(labels)
    return [inputs[0], inputs[0] @ R.mT, R], labels


def punish(found: Tensor, y: Tensor) -> Tensor:
    """The squared error, and the price of answering differently."""
    return (found[:, 0] - y).square().mean() + PENALTY * found[:, 1].square().mean()


def averaged(f: Answer, rotations: Tensor) -> Answer:
    """Turn the cloud, answer, turn the answer back: the mean over some rotations."""

    def answer(x: Tensor) -> Tensor:
        R = rotations.to(x)  # (k, 3, 3)
        turned = x[:, None] @ R.mT  # (b, k, n, 3)
        y = f(turned.flatten(0, 1)).unflatten(0, (len(x), len(R)))  # (b, k, 3)
        return torch.einsum("kji,bkj->bi", R, y) / len(R)

    return answer
