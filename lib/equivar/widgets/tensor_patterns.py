"""Which components of a crystal's tensor are tied to which, in words and numbers for a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from equivar._shapes import Float
from equivar.data import CRYSTAL_CLASSES, crystal_class
from equivar.intertwiners import echelon_basis
from equivar.rotations import random_rotations
from equivar.stabilizer import invariant_tensors

__all__ = ["TENSORS", "Kind", "group_of", "measure", "pattern"]

# Pairs of indices in Voigt's order, 1 to 6, then the three that symmetry makes equal to 4, 5, 6.
PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1), (2, 1), (2, 0), (1, 0))
GLASS = "O(3)"
_COLORS = 5


@dataclass(frozen=True)
class Kind:
    """A kind of tensor, and how it is laid out on a page.

    Attributes:
        name: on the button.
        law: what it is good for.
        letter: of its components.
        rank: number of indices.
        symmetric: permutations of the indices that change nothing.
        rows: what the rows stand for, as indices; columns are `PAIRS`.
        table: rows and columns of the short table, (0, 0) where there is none.
    """

    name: str
    law: str
    letter: str
    rank: int
    symmetric: tuple[tuple[int, ...], ...]
    rows: tuple[tuple[int, ...], ...]
    table: tuple[int, int]

    def indices(self) -> list[tuple[int, ...]]:
        """Of all components, row after row of the page."""
        return [(*row, *pair) for row in self.rows for pair in PAIRS]

    def short_name(self, i: int) -> str:
        """Of component i, as a constant: c12 for c1122, where index pairs have numbers."""
        row, column = divmod(i, len(PAIRS))
        if not self.symmetric:
            return self.letter + "".join(str(n + 1) for n in self.indices()[i])
        return f"{self.letter}{_fold(row) + 1}{_fold(column) + 1}"

    def order(self) -> list[int]:
        """Components, those first that textbooks call constants."""

        def key(i: int) -> tuple[Any, ...]:
            row, column = divmod(i, len(PAIRS))
            if not self.symmetric:
                return (len(set(self.indices()[i])), *self.indices()[i])
            doubled = column > 5 or row > 5 or (self.rank == 4 and row > column)
            return (doubled, column > 2, row != column, row, column)

        return sorted(range(len(self.indices())), key=key)


def _fold(index: int) -> int:
    return index if index < 6 else index - 3


_SINGLE = ((0,), (1,), (2,))
TENSORS = (
    Kind("Elastic", "stress = c · strain", "c", 4, ((1, 0, 2, 3), (2, 3, 0, 1)), PAIRS, (6, 6)),
    Kind("Piezoelectric", "polarization = e · strain", "e", 3, ((0, 2, 1),), _SINGLE, (3, 6)),
    Kind("Any rank 4", "no symmetry of indices", "t", 4, (), PAIRS, (0, 0)),
)


def group_of(symbol: str) -> tuple[Float[Tensor, "k 3 3"], Float[Tensor, "g 3 3"]]:
    """Generators of a group, and the elements on which a tensor is measured.

    Args:
        symbol: a crystal class, or "O(3)" for glass: all rotations and inversion.

    Returns:
        (k, 3, 3) and (g, 3, 3), float64. Of O(3) these are two rotations, whose products come
        close to any, and inversion; it is measured on six others.

    >>> [len(part) for part in group_of("D3")], [len(part) for part in group_of("O(3)")]
    ([2, 6], [3, 7])
    """
    if symbol in CRYSTAL_CLASSES:
        crystal = crystal_class(symbol)
        return crystal.generators, crystal.matrices
    inversion = -torch.eye(3, dtype=torch.float64)[None]
    turns = random_rotations(8, generator=torch.Generator().manual_seed(0)).double()
    return torch.cat([turns[:2], inversion]), torch.cat([turns[2:], inversion])


def pattern(kind: Kind, symbol: str) -> tuple[dict[str, Any], Float[Tensor, "d n"]]:
    """The ties of all components of a tensor under a group.

    Args:
        kind: of tensor.
        symbol: of the group.

    Returns:
        For the page: `free`, the number of constants; `cells`, for each component which of the
        `terms` it is; `terms`, each with its `text`, the `label` in the picture, its `sign` (0 for
        zero), its `color` (-1 for a constant that ties nothing), whether it is a `mix`, the
        constants that it `uses`, and what is `said` of it. And the echelon basis.
    """
    basis = invariant_tensors(group_of(symbol)[0], kind.rank, kind.symmetric)
    places = torch.arange(3**kind.rank).reshape((3,) * kind.rank)
    layout = torch.stack([places[index] for index in kind.indices()])
    flat = basis.reshape(len(basis), 3**kind.rank)[:, layout]
    echelon, free = echelon_basis(flat, kind.order())
    rows = [tuple(round(v, 9) + 0.0 for v in w) for w in echelon.mT.tolist()]
    names = [kind.short_name(i) for i in free]
    unique = list(dict.fromkeys(rows))
    places_of = [
        {kind.short_name(i) for i, row in enumerate(rows) if row[a]} for a in range(len(free))
    ]
    ties = [a for a in range(len(free)) if _ties(kind, places_of[a])]
    counts = Counter(rows)
    terms = [_term(row, names, ties, counts) for row in unique]
    cells = [unique.index(row) for row in rows]
    return {"free": len(free), "cells": cells, "terms": terms}, echelon


def _ties(kind: Kind, places: set[str]) -> bool:
    """Whether a constant stands at two places that the symmetry of indices does not make one."""
    if kind.rank == 4 and kind.symmetric:
        places = {place[0] + "".join(sorted(place[1:])) for place in places}
    return len(places) > 1


def _term(
    row: tuple[float, ...],
    names: Sequence[str],
    ties: Sequence[int],
    counts: Counter[tuple[float, ...]],
) -> dict[str, Any]:
    uses = [a for a, v in enumerate(row) if v]
    mix = len(uses) > 1 or any(abs(row[a]) != 1 for a in uses)
    opposite = tuple(0.0 - v for v in row)
    same, signed = counts[row], counts[opposite] if uses else 0
    text = _expression(row, names)
    count = same + signed
    verb = "component is" if count == 1 else "components are"
    said = f"{count} {verb} {text}" + (f" or {_expression(opposite, names)}" if signed else "")
    if uses and not mix:
        mixed = sum(n for o, n in counts.items() if o[uses[0]] and o not in (row, opposite))
        said += f", {mixed} more depend on it" if mixed else ""
    sign = 0 if not uses else 1 if mix or row[uses[0]] > 0 else -1
    label = "" if not uses else "∗" if mix else ("−" if sign < 0 else "") + names[uses[0]][1:]
    color = ties.index(uses[0]) % _COLORS if uses and not mix and uses[0] in ties else -1
    return {
        **{"text": text, "label": label, "sign": sign, "color": color},
        **{"mix": mix, "uses": uses, "said": said},
    }


def _expression(row: Sequence[float], names: Sequence[str]) -> str:
    """Such as 0, −c14, (c11 − c12)/2.

    >>> _expression((0.5, -0.5, 0.0), ("c11", "c12", "c44"))
    '(c11 − c12)/2'
    """
    parts = [(Fraction(v).limit_denominator(12), n) for v, n in zip(row, names, strict=True) if v]
    if not parts:
        return "zero"
    bottom = max(v.denominator for v, _ in parts)
    text = ""
    for v, name in parts:
        size = abs(v) * bottom
        factor = "" if size == 1 else f"{size} "
        sign = ("−" if v < 0 else "") if not text else (" − " if v < 0 else " + ")
        text += f"{sign}{factor}{name}"
    if bottom == 1:
        return text
    return f"({text})/{bottom}" if len(parts) > 1 else f"{text}/{bottom}"


def measure(kind: Kind, symbol: str, echelon: Float[Tensor, "d n"]) -> tuple[float, float]:
    """How far a random tensor of the pattern is from being fixed, and one without ties.

    Args:
        kind: of tensor.
        symbol: of the group.
        echelon: as `pattern` returns it.

    Returns:
        The largest relative change under an element of the group, for both. The first is -1 where
        nothing is left to measure.
    """
    seed = torch.Generator().manual_seed(0)
    index = torch.tensor(kind.indices())
    tied = torch.zeros((3,) * kind.rank, dtype=torch.float64)
    weights = torch.randn(len(echelon), generator=seed, dtype=torch.float64)
    tied[tuple(index.mT)] = weights @ echelon
    without = invariant_tensors(
        torch.zeros(0, 3, 3, dtype=torch.float64), kind.rank, kind.symmetric
    )
    weights = torch.randn(len(without), generator=seed, dtype=torch.float64)
    loose = torch.tensordot(weights, without, dims=1)
    worst = []
    for T in (tied, loose):
        changes = [_turn(R, T) - T for R in group_of(symbol)[1]]
        size = float(T.norm())
        worst.append(max(float(c.norm()) for c in changes) / size if size else -1.0)
    return worst[0], worst[1]


def _turn(R: Float[Tensor, "3 3"], T: Tensor) -> Tensor:
    for axis in range(T.ndim):
        T = torch.tensordot(T, R, dims=([axis], [1])).movedim(-1, axis)
    return T
