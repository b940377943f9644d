r"""All equivariant linear maps between two representations: a null space.

A linear map $Q$ is equivariant when $\rho_{out}(g)\, Q = Q\, \rho_{in}(g)$ for each element $g$ of
a group. That is a system of linear equations in the entries of $Q$, so its solutions are a vector
space, and a basis of it is everything that a linear layer may learn. It is enough to ask for
generators: if two elements commute with $Q$, so does their product.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from equivar._shapes import Float

__all__ = ["echelon_basis", "intertwiner_basis"]


def intertwiner_basis(
    rho_in: Float[Tensor, "k n n"],
    rho_out: Float[Tensor, "k m m"],
    tolerance: float = 1e-8,
) -> Float[Tensor, "d m n"]:
    r"""An orthonormal basis of the linear maps that commute with a group.

    Solves $\rho_{out}(g_i)\, Q = Q\, \rho_{in}(g_i)$ for all $i$ at once. The same equation with
    the matrices of a Lie algebra in place of those of a group gives the maps that commute with the
    connected group: $e^{tX} Q = Q e^{tX'}$ for all t just when $X Q = Q X'$.

    Its cost grows as $(mn)^3$: it is for understanding and for making tables, not for training.

    Args:
        rho_in: the matrices of k elements on inputs. Generators of the group are enough; with none
            (k = 0) there is no constraint, and all m n maps are found.
        rho_out: the matrices of the same elements on outputs, in the same order.
        tolerance: singular values below this fraction of the largest count as zero. Matrices that
            are themselves good to 1e-7 (float32) need about 1e-5.

    Returns:
        Tensor (d, m, n) in the dtype of `rho_out`; d is the number of free parameters, 0 when only
        the zero map is equivariant. $\sum_{mn} Q^a_{mn} Q^b_{mn} = \delta_{ab}$. The basis is
        unique up to a rotation among its d members.

    Raises:
        ValueError: the two stacks have different lengths, are not square, or hold nan.

    A quarter turn of the plane commutes with two maps, the identity and itself: the real picture of
    multiplication by a complex number. A mirror commutes with one of them only.

    >>> turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
    >>> mirror = torch.tensor([[1.0, 0.0], [0.0, -1.0]], dtype=torch.float64)
    >>> len(intertwiner_basis(turn[None], turn[None]))
    2
    >>> both = torch.stack([turn, mirror])
    >>> basis = intertwiner_basis(both, both)
    >>> torch.testing.assert_close(basis.abs(), torch.eye(2, dtype=torch.float64)[None] / 2**0.5)

    Source:
        Schur's lemma; Finzi, Welling and Wilson, A Practical Method for Constructing Equivariant
        Multilayer Perceptrons, ICML 2021, arXiv:2104.09459.
    """
    for name, rho in {"rho_in": rho_in, "rho_out": rho_out}.items():
        if rho.ndim != 3 or rho.shape[1] != rho.shape[2]:
            raise ValueError(
                f"{name} has shape {tuple(rho.shape)}; expected (elements, size, size), one square "
                "matrix for each group element"
            )
        if not bool(torch.isfinite(rho).all()):
            raise ValueError(f"{name} holds nan or infinity; every entry must be a finite number")
    if len(rho_in) != len(rho_out):
        raise ValueError(
            f"got {len(rho_in)} matrices for inputs and {len(rho_out)} for outputs; expected one "
            "pair for each group element, in the same order"
        )
    n, m = rho_in.shape[-1], rho_out.shape[-1]
    if m * n == 0:
        return rho_out.new_zeros(0, m, n)
    rho_in = rho_in.to(rho_out)
    # Rows of Q one after the other: (A Q) is (A x 1) q, and (Q B) is (1 x B^T) q.
    left = torch.einsum("kab,ij->kaibj", rho_out, torch.eye(n).to(rho_out))
    right = torch.einsum("ab,kji->kaibj", torch.eye(m).to(rho_out), rho_in)
    system = (left - right).reshape(-1, m * n)
    if len(system) < m * n:  # SVD returns as many right vectors as there are rows
        system = torch.cat([system, system.new_zeros(m * n - len(system), m * n)])
    _, singular, vectors = torch.linalg.svd(system, full_matrices=False)
    scale = max(float(singular[0]), 1.0)
    return vectors[singular <= tolerance * scale].reshape(-1, m, n)


def echelon_basis(
    basis: Float[Tensor, "..."], order: Sequence[int] | None = None, tolerance: float = 1e-8
) -> tuple[Float[Tensor, "d n"], tuple[int, ...]]:
    r"""The same space in a basis that can be read: each member has an entry of its own.

    An orthonormal basis of a null space is right and says little: its members are mixed at random.
    Here some entries are free, each member has a 1 at one of them and 0 at the others, and every
    other entry of a vector is a fixed combination of the free ones: $x = \sum_a x_{p_a} E_a$.

    Args:
        basis: (d, ...), linearly independent members; further axes are flattened to n entries.
        order: all entries, 0 to n-1, those that should be free first; None for their own order.
        tolerance: a number below this, relative to the largest of `basis`, counts as zero.

    Returns:
        The new basis (d, n), and the d free entries, in the given order.

    Raises:
        ValueError: the members are linearly dependent, are not finite, or `order` is not a
            permutation of the entries.

    A quarter turn of the plane commutes with $\begin{pmatrix} a & -b \\ b & a \end{pmatrix}$: the
    first row is free, and the second follows.

    >>> turn = torch.tensor([[[0.0, -1.0], [1.0, 0.0]]], dtype=torch.float64)
    >>> echelon, free = echelon_basis(intertwiner_basis(turn, turn))
    >>> free, echelon.round().int().tolist()
    ((0, 1), [[1, 0, 0, 1], [0, 1, -1, 0]])
    """
    if basis.ndim < 1 or not bool(torch.isfinite(basis).all()):
        raise ValueError(
            f"basis has shape {tuple(basis.shape)} or holds nan; expected (d, n), finite numbers"
        )
    n = basis.shape[1:].numel()
    rows = basis.reshape(len(basis), n).clone()
    order = range(n) if order is None else order
    if sorted(order) != list(range(n)):
        raise ValueError(
            f"order names {len(order)} entries; expected each of 0 to {n - 1} once: the entries "
            "of one member of the basis"
        )
    smallest = tolerance * float(rows.abs().max()) if rows.numel() else 0.0
    free: list[int] = []
    for column in order:
        if len(free) == len(rows):
            break
        below = rows[len(free) :, column].abs()
        best = len(free) + int(below.argmax())
        if float(rows[best, column].abs()) <= smallest:
            continue
        rows[[len(free), best]] = rows[[best, len(free)]]
        pivot = rows[len(free)] / rows[len(free), column]
        rows = rows - torch.outer(rows[:, column], pivot)
        rows[len(free)] = pivot
        free.append(column)
    if len(free) < len(rows):
        raise ValueError(
            f"the {len(rows)} members span {len(free)} dimensions; expected linearly independent "
            "members, such as intertwiner_basis returns"
        )
    return torch.where(rows.abs() > tolerance, rows, 0.0), tuple(free)
