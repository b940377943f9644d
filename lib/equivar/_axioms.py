r"""What makes a table of numbers the multiplication table of a group. For `equivar.groups`.

Associativity asks for $n^3$ equations. But the elements a with $(xa)y = x(ay)$ for all x and y are
closed under products, so it is enough to check generators, each with $n^2$ (Light's test).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from equivar._shapes import Bool, Int


def check_axioms(table: Int[Tensor, "n n"], labels: tuple[str, ...]) -> None:
    """Raise a ValueError that names the elements at fault, unless the table is that of a group."""
    n = len(table)
    if table.ndim != 2 or table.shape[1] != n or n == 0:
        raise ValueError(f"the table has shape {tuple(table.shape)}; expected (order, order)")
    if len(labels) != n or len(set(labels)) != n:
        raise ValueError(f"{n} elements need {n} different labels, got {labels}")
    for g, h in ((table < 0) | (table >= n)).nonzero().tolist():
        raise ValueError(
            f"not closed: {labels[g]!r} {labels[h]!r} = {int(table[g, h])}, "
            f"which is not an element: those are 0 to {n - 1}"
        )
    e = find_identity(table, labels)
    for g in (table != e).all(dim=1).nonzero().flatten().tolist():
        raise ValueError(
            f"{labels[g]!r} has no inverse: no h makes {labels[g]!r} h the identity, {labels[e]!r}"
        )
    checked = membership(n, [e], table.device)
    while not checked.all():
        a = int((~checked).int().argmax())
        wrong = table[table[:, a]] != table[:, table[a]]
        for x, y in wrong.nonzero().tolist():
            gx, ga, gy = (repr(labels[i]) for i in (x, a, y))
            raise ValueError(f"not associative: ({gx} {ga}) {gy} differs from {gx} ({ga} {gy})")
        checked = closure(table, checked | membership(n, [a], table.device))


def find_identity(table: Int[Tensor, "n n"], labels: tuple[str, ...]) -> int:
    """The element that changes nothing, from the left or from the right."""
    g = torch.arange(len(table), device=table.device)
    faults = (table != g).sum(dim=1) + (table.mT != g).sum(dim=1)
    e = int(faults.argmin())
    for h in ((table[e] != g) | (table[:, e] != g)).nonzero().flatten().tolist():
        raise ValueError(
            f"no identity: {labels[e]!r} comes nearest, but with {labels[h]!r} it gives "
            f"{labels[table[e, h]]!r} from the left and {labels[table[h, e]]!r} from the right"
        )
    return e


def membership(
    n: int, members: Iterable[int] | Int[Tensor, "..."], device: torch.device
) -> Bool[Tensor, " n"]:
    """A set of elements as a mask over all n of them."""
    mask = torch.zeros(n, dtype=torch.bool, device=device)
    mask[members if isinstance(members, Tensor) else list(members)] = True
    return mask


def closure(table: Int[Tensor, "n n"], members: Bool[Tensor, " n"]) -> Bool[Tensor, " n"]:
    """The smallest set that holds the members and the products of any two of its own."""
    while True:
        larger = members | membership(len(table), table[members][:, members], table.device)
        if torch.equal(larger, members):
            return members
        members = larger
