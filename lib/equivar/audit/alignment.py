"""Samples that are images of each other, and what carries one onto the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from equivar.features import representation
from equivar.irreps import Irreps

__all__ = ["Alignment", "Elements", "Output", "PerPoint", "SameClass"]


@dataclass(frozen=True)
class PerPoint:
    """The law of targets (n, irreps.dim) with a row for each point or node.

    >>> PerPoint("1o").irreps
    '1o'
    """

    irreps: Irreps | str


@dataclass(frozen=True)
class Output:
    """How targets move, read from what the caller gave."""

    irreps: Irreps
    per_point: bool


@dataclass(frozen=True, eq=False)
class Elements:
    """Some group elements: point k of the image is `rotations @ point permutations[k]`."""

    rotations: Tensor
    permutations: Tensor

    def act(self, law: Output, t: Tensor) -> Tensor:
        """The images of one target under each element, (elements, *t.shape)."""
        D = representation(law.irreps, self.rotations)
        return t[self.permutations] @ D.mT if law.per_point else D @ t


@dataclass
class SameClass:
    """Samples that are one and the same up to a group element; the first one represents them.

    Attributes:
        members: indices of samples.
        pull: takes the targets of all members to the representative's frame.
        project: the part of a target that all symmetries of the representative leave in place.
        symmetric: whether it has a symmetry besides the identity.
        turn: images of one target under rotations (k, 3, 3); None where the group has none.
    """

    members: list[int]
    pull: Callable[[list[Tensor]], list[Tensor]]
    project: Callable[[Tensor], Tensor]
    symmetric: bool
    turn: Callable[[Tensor, Tensor], Tensor] | None = None


@dataclass
class Alignment:
    """All classes of a data set."""

    classes: list[SameClass] = field(default_factory=list)

    def residuals(self, targets: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        r"""What is left of each target when an equivariant model does its best.

        In the frame of the representative the model returns one y for a whole class, and y is left
        in place by the representative's symmetries. The best is $y = P \,\overline{u}$, the mean of
        the pulled-back targets $u_i$, projected. Laws are orthogonal, so lengths may be taken
        there, and $|u - y|^2 = |u - Pu|^2 + |Pu - y|^2$ exactly.

        Returns:
            For each sample $u - Pu$, what its own symmetry forbids, and $Pu - y$, in what it
            contradicts the others of its class.
        """
        forbidden: list[Tensor] = [torch.empty(0)] * len(targets)
        contradicted = list(forbidden)
        for one in self.classes:
            pulled = one.pull([targets[i] for i in one.members])
            kept = [one.project(u) for u in pulled]
            best = torch.stack(kept).mean(dim=0)
            for i, u, k in zip(one.members, pulled, kept, strict=True):
                forbidden[i], contradicted[i] = u - k, k - best
        return forbidden, contradicted
