"""Names of finite subgroups of O(3) and of their elements, from three counts.

There are seven families along an axis, seven groups of the Platonic solids, and no others. Which
one a group is can be told from the number of its rotations, the largest order of one, and the
number of its mirrors: no axis need be compared with another.
"""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

import torch
from torch import Tensor

from equivar._shapes import Float


def element_names(Q: Float[Tensor, "g 3 3"]) -> tuple[str, ...]:
    r"""What each element of a finite group does: "E", "C3", "C5^2", "i", "s" (mirror), "S4".

    The trace of a rotation is $1 + 2\cos\theta$, that of a rotation with a reflection across its
    axis is $-1 + 2\cos\theta$, and angles are fractions of a turn whose denominators divide the
    order of the group, so the trace says it all. A turn by $\theta$ about an axis is one by
    $-\theta$ about the opposite axis: both are called by the smaller angle.
    """
    names = []
    signs = torch.linalg.det(Q).round().tolist()
    for sign, trace in zip(signs, Q.diagonal(dim1=-2, dim2=-1).sum(-1).tolist(), strict=True):
        angle = math.acos(max(-1.0, min(1.0, (trace - sign) / 2)))
        turn = Fraction(angle / (2 * math.pi)).limit_denominator(2 * len(Q))
        k, n = turn.numerator, turn.denominator
        if n <= 2:
            names.append({(1, 1): "E", (1, 2): "C2", (-1, 1): "s", (-1, 2): "i"}[int(sign), n])
        else:
            names.append(f"{'C' if sign > 0 else 'S'}{n}" + (f"^{k}" if k > 1 else ""))
    return tuple(names)


def symbol(Q: Float[Tensor, "g 3 3"]) -> str:
    """The Schoenflies symbol of a finite group, all of whose elements are given.

    Source:
        The list of the finite subgroups of O(3): Weyl, Symmetry (1952), appendix A.
    """
    names = Counter(element_names(Q))
    rotations = sum(count for name, count in names.items() if name[0] in "EC")
    improper = rotations < len(Q)
    mirrors = names["s"]
    n = max((int(name[1:].split("^")[0]) for name in names if name[0] == "C"), default=1)
    solid = {(12, 3): "T", (24, 4): "O", (60, 5): "I"}.get((rotations, n))
    if solid == "T" and improper:
        return "Td" if mirrors == 6 else "Th"
    if solid:
        return solid + "h" * improper
    if rotations == n == 1:
        return {0: "Ci", 1: "Cs"}[mirrors] if improper else "C1"
    if rotations == n:
        if not improper:
            return f"C{n}"
        return {n: f"C{n}v", 1: f"C{n}h", 0: f"S{2 * n}"}[mirrors]
    if not improper:
        return f"D{n}"
    return {n + 1: f"D{n}h", n: f"D{n}d"}[mirrors]


def numbered(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names made different, for the labels of a group: "C3", "C3'", ... become "C3 1", "C3 2"."""
    seen: Counter[str] = Counter()
    total = Counter(names)
    labels = []
    for name in names:
        seen[name] += 1
        labels.append(f"{name} {seen[name]}" if total[name] > 1 else name)
    return tuple(labels)
