r"""Finite groups as multiplication tables.

The elements of a group of order $n$ are the numbers 0 to n-1, each with a label for people to read,
and `table[g, h]` is the product $gh$. As actions are from the left, $gh$ does $h$ first:
$(gh) \cdot x = g \cdot (h \cdot x)$.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import torch
from torch import Tensor

from equivar._axioms import check_axioms, closure, find_identity, membership
from equivar._shapes import Int

Element = TypeVar("Element", bound=Hashable)


@dataclass(frozen=True, eq=False, repr=False)
class Group:
    r"""A finite group: a multiplication table that passed its axioms.

    Attributes:
        table: (order, order) int64, `table[g, h]` is the product gh. A copy, on the CPU.
        labels: a name for each element, all different; by default "0", "1", ...
        name: of the group, for printing.

    Raises:
        ValueError: the table breaks an axiom; the message names the elements that break it.

    The order of an element divides that of the group (Lagrange):

    >>> triangle = dihedral(3)
    >>> triangle
    Group(D3, order 6)
    >>> [triangle.element_order(g) for g in range(6)]
    [1, 3, 3, 2, 2, 2]
    >>> Group(torch.tensor([[0, 1], [1, 1]]))
    Traceback (most recent call last):
    ValueError: '1' has no inverse: no h makes '1' h the identity, '0'
    """

    table: Int[Tensor, "order order"]
    labels: tuple[str, ...] = ()
    name: str = "group"

    def __post_init__(self) -> None:
        # A copy, because a table that changes after its axioms were checked is none.
        object.__setattr__(self, "table", self.table.to("cpu", torch.int64, copy=True))
        if not self.labels:
            object.__setattr__(self, "labels", tuple(map(str, range(len(self.table)))))
        check_axioms(self.table, self.labels)

    def __repr__(self) -> str:
        return f"Group({self.name}, order {self.order})"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Group)
            and self.labels == other.labels
            and torch.equal(self.table, other.table)
        )

    def __hash__(self) -> int:
        return hash(self.labels)

    @property
    def order(self) -> int:
        """The number of elements."""
        return len(self.table)

    @cached_property
    def identity(self) -> int:
        """The element e with eg = g = ge."""
        return find_identity(self.table, self.labels)

    @cached_property
    def inverses(self) -> Int[Tensor, " order"]:
        """Entry g is the inverse of g."""
        return (self.table == self.identity).int().argmax(dim=1)

    @property
    def is_abelian(self) -> bool:
        """Whether gh = hg for all elements."""
        return torch.equal(self.table, self.table.mT)

    def multiply(self, g: int, h: int) -> int:
        """The product gh: h first, then g."""
        return int(self.table[g, h])

    def inverse(self, g: int) -> int:
        """The element that undoes g."""
        return int(self.inverses[g])

    def element_order(self, g: int) -> int:
        """How many times g must be done to get back to the identity."""
        return len(self.subgroup([g]))

    def subgroup(self, generators: Iterable[int]) -> tuple[int, ...]:
        """All products of some elements, ascending: the smallest subgroup that holds them.

        In a finite group some power of g is its inverse, so closing under products is enough.

        >>> square = dihedral(4)
        >>> [square.labels[g] for g in square.subgroup([square.labels.index("r2")])]
        ['e', 'r2']
        """
        members = membership(self.order, [self.identity, *generators], self.table.device)
        return tuple(closure(self.table, members).nonzero().flatten().tolist())

    def is_subgroup(self, elements: Iterable[int]) -> bool:
        """Whether some elements are closed under product and inverse, and hold the identity."""
        members = tuple(sorted(set(elements)))
        return self.subgroup(members) == members

    def conjugacy_classes(self) -> tuple[tuple[int, ...], ...]:
        r"""The classes $\{h g h^{-1}\}$: elements that do the same, seen from another side.

        Ordered by smallest member. A group is abelian when each class has one member.

        >>> [[dihedral(4).labels[g] for g in c] for c in dihedral(4).conjugacy_classes()]
        [['e'], ['r', 'r3'], ['r2'], ['s', 'r2s'], ['rs', 'r3s']]
        """
        h = torch.arange(self.order, device=self.table.device)
        conjugates = (self.table[self.table[h, g], self.inverses] for g in range(self.order))
        return _distinct(conjugates)

    def left_cosets(self, subgroup: Sequence[int]) -> tuple[tuple[int, ...], ...]:
        """The sets gH for a subgroup H: they cut the group into parts of equal size.

        Raises:
            ValueError: the elements are not a subgroup.

        >>> cyclic(6).left_cosets([0, 3])
        ((0, 3), (1, 4), (2, 5))
        """
        if not self.is_subgroup(subgroup):
            given = [self.labels[g] for g in subgroup]
            smallest = [self.labels[g] for g in self.subgroup(subgroup)]
            raise ValueError(f"{given} is not a subgroup of {self.name}; it generates {smallest}")
        return _distinct(self.table[g, list(subgroup)] for g in range(self.order))


def cyclic(n: int) -> Group:
    """The rotations of a regular n-gon: element k turns by k / n of a full turn.

    >>> cyclic(4).labels, cyclic(4).multiply(3, 2)
    (('e', 'r', 'r2', 'r3'), 1)
    """
    _at_least_one(n)
    k = torch.arange(n)
    return Group((k[:, None] + k) % n, tuple(_turn(i) or "e" for i in range(n)), f"C{n}")


def dihedral(n: int) -> Group:
    r"""The rotations and reflections of a regular n-gon, 2n elements.

    Element $k + n m$ is $r^k s^m$: reflect $m$ times, y to -y, then turn by $k / n$ of a full turn.
    All follows from $s r s = r^{-1}$: seen in a mirror, a rotation turns the other way.

    >>> D3 = dihedral(3)
    >>> r, s = D3.labels.index("r"), D3.labels.index("s")
    >>> D3.multiply(D3.multiply(s, r), s) == D3.inverse(r)
    True
    """
    _at_least_one(n)
    k, m = torch.arange(n).repeat(2), torch.arange(2).repeat_interleave(n)
    turn = (k[:, None] + (1 - 2 * m[:, None]) * k) % n
    labels = (f"{_turn(i)}{'s' * j}" or "e" for j in range(2) for i in range(n))
    return Group(turn + n * ((m[:, None] + m) % 2), tuple(labels), f"D{n}")


def permutations(n: int) -> Int[Tensor, "order n"]:
    """All n! orderings of n things, in the element order of `symmetric(n)`: the identity first.

    Row g takes i to `permutations(n)[g, i]`. Products compose them, (gh)(i) = g(h(i)).

    Raises:
        ValueError: n is not between 0 and 10; 11 things have 40 million orderings, or 3.5 GB.

    >>> P, S3 = permutations(3), symmetric(3)
    >>> bool((P[S3.table[4, 1]] == P[4][P[1]]).all())
    True
    """
    if not 0 <= n <= 10:
        raise ValueError(f"permutations({n}): expected n from 0 to 10, as there are n! of them")
    return torch.tensor(list(itertools.permutations(range(n))), dtype=torch.int64)


def symmetric(n: int) -> Group:
    """All permutations of n things, labeled by their cycles: "(0 1 2)" takes 0 to 1 to 2 to 0.

    Raises:
        ValueError: n is not between 1 and 7; for 8 the table alone would fill 13 GB.

    >>> symmetric(3).labels
    ('e', '(1 2)', '(0 1)', '(0 1 2)', '(0 2 1)', '(0 2)')
    """
    if not 1 <= n <= 7:
        raise ValueError(f"symmetric({n}): expected n from 1 to 7, as the table has (n!)^2 entries")
    p = permutations(n).cpu()  # a GPU has no products of integer matrices
    digits = n ** torch.arange(n - 1, -1, -1, device=p.device)
    codes = p @ digits  # ascending, as the rows are in the order of a dictionary
    table = torch.stack([torch.searchsorted(codes, g[p] @ digits) for g in p])
    return Group(table, tuple(map(_cycles, p.tolist())), f"S{n}")


def direct_product(a: Group, b: Group) -> Group:
    """Pairs that multiply side by side; element `i * b.order + j` is the pair (i, j).

    >>> klein = direct_product(cyclic(2), cyclic(2))
    >>> [klein.element_order(g) for g in range(4)]  # so it is not cyclic(4)
    [1, 2, 2, 2]
    """
    table = a.table[:, None, :, None] * b.order + b.table[None, :, None, :]
    labels = (f"({g}, {h})" for g in a.labels for h in b.labels)
    order = a.order * b.order
    return Group(table.reshape(order, order), tuple(labels), f"{a.name} x {b.name}")


def from_product(
    elements: Sequence[Element],
    product: Callable[[Element, Element], Element],
    name: str = "group",
) -> Group:
    """The group that elements of any kind form under a product.

    Args:
        elements: hashable and all different, such as tuples of integers.
        product: called as `product(g, h)`.
        name: of the group, for printing.

    Raises:
        ValueError: a product is not among the elements, or an axiom is broken.

    >>> from_product([1, 3, 5, 7], lambda g, h: g * h % 8).element_order(2)
    2
    >>> from_product([1, 2, 3], lambda g, h: g * h % 4)
    Traceback (most recent call last):
    ValueError: not closed: 2 times 2 is 0, which is not among the 3 elements
    """
    index = {g: i for i, g in enumerate(elements)}
    table = torch.zeros(len(elements), len(elements), dtype=torch.int64)
    for g, h in itertools.product(elements, repeat=2):
        gh = product(g, h)
        if gh not in index:
            raise ValueError(
                f"not closed: {g} times {h} is {gh}, "
                f"which is not among the {len(elements)} elements"
            )
        table[index[g], index[h]] = index[gh]
    return Group(table, tuple(map(str, elements)), name)


def _distinct(sets: Iterable[Int[Tensor, " k"]]) -> tuple[tuple[int, ...], ...]:
    return tuple(sorted({tuple(s.unique().tolist()) for s in sets}))


def _turn(k: int) -> str:
    return "" if k == 0 else "r" if k == 1 else f"r{k}"


def _cycles(p: list[int]) -> str:
    """Cycle notation; fixed points are left out."""
    text, seen = "", set()
    for start in range(len(p)):
        cycle = []
        while start not in seen:
            seen.add(start)
            cycle.append(start)
            start = p[start]
        if len(cycle) > 1:
            text += f"({' '.join(map(str, cycle))})"
    return text or "e"


def _at_least_one(n: int) -> None:
    if n < 1:
        raise ValueError(f"got n = {n}; expected a polygon with at least one corner")
