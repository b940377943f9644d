"""Representations cut into irreps, over the real numbers."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from equivar._checks import check_finite
from equivar._shapes import Float
from equivar.groups import Group
from equivar.representations.build import character, check_orders, check_representation


def inner_product(a: Float[Tensor, "..."], b: Float[Tensor, "..."]) -> float:
    r"""How many independent linear maps commute with both: the mean of $\chi_a(g) \chi_b(g)$.

    The average over the group projects maps onto those that commute, and the trace of a projection
    is the dimension it projects onto. It is the length of `intertwiner_basis(a, b)`.

    Raises:
        ValueError: their numbers of elements differ.

    >>> from equivar.groups import cyclic
    >>> from equivar.representations import regular
    >>> inner_product(regular(cyclic(3)), regular(cyclic(3)))  # the circulant matrices
    3.0
    """
    check_orders(a, b)
    return float((character(a) * character(b).to(character(a))).mean())


def make_orthogonal(rho: Float[Tensor, "order d d"]) -> Float[Tensor, "order d d"]:
    r"""The same representation in a basis in which all its matrices are orthogonal.

    Averaged over the group, any inner product becomes an invariant one, $M = \frac1{|G|} \sum_g
    \rho(g)^T \rho(g)$, and $M^{1/2} \rho(g) M^{-1/2}$ keeps lengths. An orthogonal one stays as
    it is.

    Args:
        rho: (order, d, d), in any basis.

    Raises:
        ValueError: the matrices are not square, not finite, or have no inverse.

    Source:
        Weyl's unitary trick; Serre, Linear Representations of Finite Groups, section 1.3.

    >>> shear = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [0.0, -1.0]]])
    >>> Q = make_orthogonal(shear)
    >>> torch.testing.assert_close(Q @ Q.mT, torch.eye(2).expand(2, 2, 2))
    """
    _check(rho)
    values, vectors = torch.linalg.eigh((rho.mT @ rho).mean(dim=0))
    if values.numel() and not bool(values[0] > 1e-12 * values[-1]):
        raise ValueError(
            f"the mean of rho^T rho has eigenvalues {values.tolist()}, so every matrix takes some "
            "vector to zero; a group element's has an inverse. Is rho a representation?"
        )
    root = vectors * values.sqrt() @ vectors.mT
    inverse = vectors / values.sqrt() @ vectors.mT
    return root @ rho @ inverse


def multiplicity(rho: Float[Tensor, "..."], irrep: Float[Tensor, "..."]) -> int:
    """How often a real irrep occurs in a representation, from characters alone.

    By Schur's lemma an irrep commutes with 1, 2 or 4 independent real maps: the real numbers, the
    complex ones, or the quaternions, among which the turns of a plane are the complex case.

    Args:
        rho: (order, d, d).
        irrep: (order, k, k), of the same group; irreducible over the real numbers.

    Raises:
        ValueError: their numbers of elements differ, or the result is no whole number, so that one
            of the two is no representation or the second not irreducible.

    >>> from equivar.groups import cyclic
    >>> from equivar.representations import regular, trivial
    >>> multiplicity(regular(cyclic(5)), trivial(cyclic(5)))
    1
    """
    count = inner_product(rho, irrep) / max(inner_product(irrep, irrep), 1e-9)
    if abs(count - round(count)) > 1e-4:
        raise ValueError(
            f"the irrep would occur {count:.4g} times; is it irreducible, and are both "
            "representations of one group, in one order of elements?"
        )
    return round(count)


def irreducible_subspaces(rho: Float[Tensor, "order d d"]) -> list[Float[Tensor, "d k"]]:
    r"""Cut the space into parts that the group keeps and that cannot be cut further.

    The average of a random symmetric matrix, $\frac1{|G|} \sum_g \rho(g) S \rho(g)^T$, commutes
    with the group, so the group keeps each of its eigenspaces. And for a random S two irreps have
    the same eigenvalue only by accident, which has probability zero.

    Args:
        rho: orthogonal matrices; see `make_orthogonal` for others.

    Returns:
        Orthonormal bases as columns, smallest dimension first. On one of them, B, the group acts by
        the irrep `B.mT @ rho @ B`. Where an irrep occurs more than once, the cut between its copies
        is arbitrary, and the same at each call.

    Raises:
        ValueError: the matrices are not square, not finite, or not orthogonal.

    The permutations of three things leave their sum alone, and turn and mirror what is left:

    >>> from equivar.groups import permutations
    >>> from equivar.representations import permutation_representation
    >>> rho = permutation_representation(permutations(3))
    >>> sum_of_all, rest = irreducible_subspaces(rho)
    >>> (sum_of_all[:, 0] * sum_of_all[:, 0].sum()).round().tolist(), rest.shape
    ([1.0, 1.0, 1.0], torch.Size([3, 2]))
    """
    _check(rho)
    d = rho.shape[-1]
    error = (rho @ rho.mT - torch.eye(d).to(rho)).abs().amax() if rho.numel() else 0.0
    if error > 1e-6:
        raise ValueError(
            f"rho rho^T differs from the identity by {float(error):.2g}; expected orthogonal "
            "matrices. make_orthogonal(rho) is the same representation in such a basis"
        )
    S = torch.randn(d, d, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).to(rho)
    return _eigenspaces((rho @ (S + S.mT) @ rho.mT).mean(dim=0) if d else S)


def irreps_of(group: Group) -> list[Float[Tensor, "order k k"]]:
    r"""All irreps of a finite group over the real numbers, found in its regular representation.

    What commutes with multiplying from the left is multiplying from the right, so here a random
    map that commutes is written down at once, with entries $s(g^{-1} h)$. Its eigenspaces are
    irreps, each as often as its dimension over 1, 2 or 4; one of each character is kept.

    Args:
        group: of up to about a thousand elements: it diagonalizes a matrix of that size.

    Returns:
        Orthogonal matrices (order, k, k), the trivial irrep first, then by dimension, then by
        character. Unique up to a change of basis.

    >>> from equivar.groups import cyclic, dihedral
    >>> [irrep.shape[-1] for irrep in irreps_of(dihedral(4))]  # 1 + 1 + 1 + 1 + 4 = 8
    [1, 1, 1, 1, 2]
    >>> [irrep.shape[-1] for irrep in irreps_of(cyclic(4))]  # the turns of a plane are one
    [1, 1, 2]

    Source:
        Dixon, Computing Irreducible Representations of Groups, Math. Comp. 24, 707 (1970).
    """
    s = torch.randn(group.order, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    s = s + s[group.inverses]
    found: list[Tensor] = []
    for B in _eigenspaces(s[group.table[group.inverses]]):
        # Row gh of e_h's image under g: B^T rho(g) B without the matrices of rho.
        irrep = torch.einsum("ghi,hj->gij", B[group.table], B)
        if all(abs(inner_product(irrep, other)) < 0.5 for other in found):
            found.append(irrep)
    return sorted(found, key=_order)


def decompose(
    rho: Float[Tensor, "..."], group: Group
) -> list[tuple[int, Float[Tensor, "order k k"]]]:
    """Which irreps of a group a representation is made of, and how often each occurs.

    Args:
        rho: (order, d, d), in any basis.
        group: what it represents.

    Returns:
        Pairs (multiplicity, irrep), in the order of `irreps_of`, those that occur. Multiplicity
        times dimension adds up to d.

    Raises:
        ValueError: rho is no representation of the group.

    The corners of a square, seen as four numbers: their sum, their checkerboard, and two waves.

    >>> from equivar.groups import dihedral
    >>> from equivar.representations import permutation_representation
    >>> square = dihedral(4)
    >>> corners = torch.tensor([[(k + (-1) ** m * i) % 4 for i in range(4)]
    ...                         for m in range(2) for k in range(4)])
    >>> rho = permutation_representation(corners)
    >>> [(n, irrep.shape[-1]) for n, irrep in decompose(rho, square)]
    [(1, 1), (1, 1), (1, 2)]
    """
    check_representation(rho, group, tolerance=1e-9 if rho.dtype == torch.float64 else 1e-4)
    counts = [(multiplicity(rho.double(), irrep), irrep) for irrep in irreps_of(group)]
    return [(n, irrep) for n, irrep in counts if n]


def _check(rho: Tensor) -> None:
    check_orders(rho)
    check_finite("rho", rho)
    if not len(rho):
        raise ValueError(
            f"rho has shape {tuple(rho.shape)}, no element; a group has one at least, the identity"
        )


def _eigenspaces(symmetric: Float[Tensor, "d d"]) -> list[Float[Tensor, "d k"]]:
    values, vectors = torch.linalg.eigh(symmetric)
    apart = (values[1:] - values[:-1]) > 1e-7 * float(values.abs().max() if len(values) else 0)
    cuts = [0, *(apart.nonzero().flatten() + 1).tolist(), len(values)]
    parts = [vectors[:, a:b] for a, b in itertools.pairwise(cuts) if a < b]
    return sorted(parts, key=lambda B: B.shape[1])


def _order(irrep: Float[Tensor, "order k k"]) -> tuple[int, list[float]]:
    return irrep.shape[-1], (-character(irrep)).round(decimals=6).tolist()
