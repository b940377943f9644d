r"""Names and sizes of direct sums of irreducible representations of O(3). No tensors.

Whatever rotates in three dimensions splits into parts that rotate on their own and split no
further: the irreps. There is one for each degree $l = 0, 1, 2, \dots$ and parity $p = \pm 1$. It
has dimension $2l + 1$, and the inversion $r \to -r$ multiplies it by $p$. The names are those of
e3nn: `0e` a scalar (energy), `1o` a vector (force), `1e` a pseudovector (torque), `0o` a
pseudoscalar (handedness). `"32x0e + 8x1o"` is a row of 32 scalars, then of 8 vectors: 56 numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, order=True)
class Irrep:
    r"""One irrep of O(3). Sorted by degree, odd before even.

    Attributes:
        l: the degree, 0 or more.
        p: the parity, 1 (even, `e`) or -1 (odd, `o`): the factor under inversion.

    Raises:
        ValueError: a negative degree, or a parity other than 1 and -1.

    The product of two irreps is a sum of irreps, one for each degree that a triangle allows. Two
    vectors make a scalar (the dot product), a pseudovector (the cross product) and the 5 components
    of a symmetric traceless matrix; the dimensions agree, 3 * 3 = 1 + 3 + 5:

    >>> vector = Irrep(1, -1)
    >>> [str(irrep) for irrep in vector * vector]
    ['0e', '1e', '2e']
    >>> vector.dim ** 2 == sum(irrep.dim for irrep in vector * vector)
    True
    """

    l: int
    p: int

    def __post_init__(self) -> None:
        if not isinstance(self.l, int) or self.l < 0 or self.p not in (1, -1):
            raise ValueError(
                f"got l={self.l!r}, p={self.p!r}; expected a whole number l >= 0, and p = 1 or "
                "p = -1. Is it a name? Irrep.parse('1o') reads names"
            )

    @classmethod
    def parse(cls, text: str) -> Irrep:
        """Read a name such as "1o": the degree, then e for even or o for odd.

        Raises:
            ValueError: the text is no such name.

        >>> Irrep.parse("2e")
        Irrep(l=2, p=1)
        """
        match = re.fullmatch(r"\s*([0-9]+)([eo])\s*", text)
        if match is None:
            raise ValueError(
                f"{text!r} is not the name of an irrep; expected a degree and a parity, "
                "e for even or o for odd, such as '0e' or '1o'"
            )
        return cls(int(match[1]), 1 if match[2] == "e" else -1)

    def __str__(self) -> str:
        return f"{self.l}{'e' if self.p == 1 else 'o'}"

    @property
    def dim(self) -> int:
        """The number of components, 2l + 1."""
        return 2 * self.l + 1

    def __mul__(self, other: Irrep) -> tuple[Irrep, ...]:
        """The irreps in the tensor product, each once: |l1 - l2| to l1 + l2, parities multiply."""
        degrees = range(abs(self.l - other.l), self.l + other.l + 1)
        return tuple(Irrep(l, self.p * other.p) for l in degrees)


@dataclass(frozen=True, init=False, repr=False)
class Irreps:
    r"""A direct sum of irreps: the layout of a feature array's last axis.

    Blocks lie side by side in the order given, and in a block one copy after the other, so that
    `8x1o` is x y z x y z ... A block of multiplicity 0 has a name and no components.

    Attributes:
        blocks: pairs (multiplicity, irrep).

    Raises:
        ValueError: a term is not of the form `8x1o`, or a multiplicity is negative.

    It is made from text, from another `Irreps`, from one `Irrep`, or from pairs:

    >>> irreps = Irreps("32x0e + 8x1o")
    >>> irreps == Irreps([(32, Irrep(0, 1)), (8, "1o")]) == Irreps("32x0e") + Irreps("8x1o")
    True
    >>> irreps.dim, irreps.num_irreps, irreps.lmax, irreps.slices
    (56, 40, 1, (slice(0, 32, None), slice(32, 56, None)))
    >>> for mul, irrep in irreps:
    ...     print(mul, irrep)
    32 0e
    8 1o
    """

    blocks: tuple[tuple[int, Irrep], ...]
    _dim: int = field(compare=False)

    def __init__(self, irreps: str | Irrep | Irreps | Iterable[tuple[int, Irrep | str]] = ()):
        if isinstance(irreps, Irrep):
            irreps = [(1, irreps)]
        elif isinstance(irreps, str):
            irreps = _parse(irreps)
        try:
            pairs = [(mul, irrep) for mul, irrep in irreps]
        except (TypeError, ValueError):
            raise ValueError(
                f"got irreps = {irreps!r}; expected text such as '32x0e + 8x1o', or pairs "
                "(multiplicity, irrep)"
            ) from None
        blocks = tuple(
            (mul, Irrep.parse(irrep) if isinstance(irrep, str) else irrep) for mul, irrep in pairs
        )
        for mul, irrep in blocks:
            if not isinstance(mul, int) or mul < 0 or not isinstance(irrep, Irrep):
                raise ValueError(
                    f"got multiplicity {mul!r} for {irrep!s}; expected a whole number, 0 or more, "
                    "and then an irrep"
                )
        object.__setattr__(self, "blocks", blocks)
        # Asked for in each call of each layer.
        object.__setattr__(self, "_dim", sum(mul * irrep.dim for mul, irrep in blocks))

    @classmethod
    def spherical_harmonics(cls, lmax: int) -> Irreps:
        r"""One irrep of each degree up to lmax, as the functions on a sphere have them.

        The parity is $(-1)^l$: that is the sign of a homogeneous polynomial of degree l at -r.

        >>> Irreps.spherical_harmonics(3)
        Irreps('1x0e + 1x1o + 1x2e + 1x3o')
        """
        if not isinstance(lmax, int) or lmax < 0:
            raise ValueError(f"got lmax = {lmax!r}; expected a whole number, 0 or more")
        return cls([(1, Irrep(l, (-1) ** l)) for l in range(lmax + 1)])

    def __str__(self) -> str:
        return " + ".join(f"{mul}x{irrep}" for mul, irrep in self.blocks)

    def __repr__(self) -> str:
        return f"Irreps({str(self)!r})"

    def __iter__(self) -> Iterator[tuple[int, Irrep]]:
        return iter(self.blocks)

    def __len__(self) -> int:
        return len(self.blocks)

    def __add__(self, other: Irreps) -> Irreps:
        """The direct sum: the blocks of one, then of the other."""
        return Irreps(self.blocks + other.blocks)

    @property
    def dim(self) -> int:
        """The number of components."""
        return self._dim

    @property
    def num_irreps(self) -> int:
        """The number of irreps, each as often as it occurs."""
        return sum(mul for mul, _ in self)

    @property
    def lmax(self) -> int:
        """The largest degree that occurs.

        Raises:
            ValueError: there is none, as no block has a copy.
        """
        degrees = [irrep.l for mul, irrep in self if mul > 0]
        if not degrees:
            raise ValueError(f"{self!r} has no components, and so no largest degree")
        return max(degrees)

    @property
    def slices(self) -> tuple[slice, ...]:
        """Where each block lies on the axis."""
        slices, start = [], 0
        for mul, irrep in self:
            slices.append(slice(start, start + mul * irrep.dim))
            start = slices[-1].stop
        return tuple(slices)

    def count(self, irrep: Irrep | str) -> int:
        """How often an irrep occurs, over all blocks.

        >>> Irreps("2x0e + 1o + 3x0e").count("0e")
        5
        """
        wanted = Irrep.parse(irrep) if isinstance(irrep, str) else irrep
        return sum(mul for mul, irrep in self if irrep == wanted)

    def sort(self) -> Irreps:
        """The blocks by degree, odd before even; equal ones keep their order.

        This is another layout: features must be moved along. `simplify` keeps the layout.

        >>> Irreps("1o + 8x0e + 0o").sort()
        Irreps('1x0o + 8x0e + 1x1o')
        """
        return Irreps(sorted(self.blocks, key=lambda block: block[1]))

    def simplify(self) -> Irreps:
        """Neighboring blocks of one irrep become one, and empty blocks go. Nothing moves.

        >>> Irreps("2x0e + 1x0e + 0x2e + 1o + 0e").simplify()
        Irreps('3x0e + 1x1o + 1x0e')
        """
        merged: list[tuple[int, Irrep]] = []
        for mul, irrep in self:
            if merged and merged[-1][1] == irrep:
                merged[-1] = (merged[-1][0] + mul, irrep)
            elif mul > 0:
                merged.append((mul, irrep))
        return Irreps(merged)

    def tensor_product(self, other: Irreps) -> Irreps:
        """All irreps in the product of two sums, sorted and counted. Dimensions multiply.

        >>> a, b = Irreps("2x0e + 1o"), Irreps("1o + 2e")
        >>> a.tensor_product(b)
        Irreps('1x0e + 3x1o + 1x1e + 1x2o + 3x2e + 1x3o')
        >>> a.tensor_product(b).dim == a.dim * b.dim
        True
        """
        products = [
            (m * n, irrep) for m, first in self for n, second in other for irrep in first * second
        ]
        return Irreps(products).sort().simplify()


def _parse(text: str) -> list[tuple[int, Irrep]]:
    if not text.strip():
        return []
    blocks = []
    for term in text.split("+"):
        match = re.fullmatch(r"\s*(?:([0-9]+)\s*x\s*)?([0-9]+[eo])\s*", term)
        if match is None:
            raise ValueError(
                f"cannot read {term.strip()!r} in {text!r}; expected terms joined by +, each a "
                "multiplicity, x, a degree and a parity: '32x0e + 8x1o'"
            )
        blocks.append((int(match[1] or 1), Irrep.parse(match[2])))
    return blocks
