"""Cartesian tensors that a group leaves as they are: Neumann's principle as a null space."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from equivar._checks import check_count, check_orthogonal
from equivar._shapes import Float
from equivar.intertwiners import intertwiner_basis

MAX_RANK = 5  # the system has 3^rank columns


def invariant_tensors(
    matrices: Float[Tensor, "k 3 3"], rank: int, symmetric: Sequence[Sequence[int]] = ()
) -> Float[Tensor, "..."]:
    r"""An orthonormal basis of the tensors that every element of a group leaves as they are.

    A property of a crystal has at least the symmetry of the crystal (Neumann's principle), so
    its tensor T is fixed: $R_{ia} R_{jb} \dots T_{ab \dots} = T_{ij \dots}$. That is the equation
    of an equivariant map from the trivial representation, and d is the number of constants that
    someone has to measure. A symmetry of the indices, such as $T_{ij} = T_{ji}$, is one more
    linear equation of the same kind.

    Args:
        matrices: orthogonal; generators of the group are enough, and with none all is allowed.
            Two rotations about different axes by angles that are no fractions of a turn stand for
            all of SO(3).
        rank: the number of indices, 0 to 5.
        symmetric: permutations of the indices that change nothing: (1, 0) for a symmetric tensor
            of rank 2; (0, 2, 1) for a piezoelectric one; (1, 0, 2, 3) and (2, 3, 0, 1) for an
            elastic one.

    Returns:
        Tensor (d, 3, ..., 3) in the dtype of the matrices; d is 0 where symmetry forbids
        everything. Unique up to a rotation among its members; `echelon_basis` makes one to read.

    Raises:
        ValueError: matrices are not orthogonal, the rank is not from 0 to 5, or an entry of
            `symmetric` is not a permutation of the indices.

    A piece of glass has two elastic constants, and a crystal with a center cannot be piezoelectric:

    >>> from equivar.rotations import random_rotations
    >>> any_two = random_rotations(2, generator=torch.Generator().manual_seed(0)).double()
    >>> len(invariant_tensors(any_two, 4, symmetric=[(1, 0, 2, 3), (2, 3, 0, 1)]))
    2
    >>> inversion = -torch.eye(3, dtype=torch.float64)[None]
    >>> len(invariant_tensors(inversion, 3, symmetric=[(0, 2, 1)]))
    0

    Source:
        Nye, Physical Properties of Crystals (1985), chapter I.5 and appendix B.
    """
    check_orthogonal(matrices, "matrices")
    check_count("rank", rank)
    if matrices.ndim != 3 or rank > MAX_RANK:
        raise ValueError(
            f"got matrices of shape {tuple(matrices.shape)} and rank {rank}; expected (k, 3, 3) "
            f"and a rank up to {MAX_RANK}"
        )
    for permutation in symmetric:
        if sorted(permutation) != list(range(rank)):
            raise ValueError(
                f"got {permutation!r} in symmetric; expected a permutation of the indices 0 to "
                f"{rank - 1} of a tensor of rank {rank}"
            )
    size = 3**rank
    rho = matrices.new_ones(len(matrices), 1, 1)
    for _ in range(rank):
        rho = torch.einsum("gij,gkl->gikjl", rho, matrices).flatten(3, 4).flatten(1, 2)
    places = torch.arange(size, device=matrices.device).reshape((3,) * rank)
    swaps = [torch.eye(size).to(rho)[places.permute(*p).flatten()] for p in symmetric]
    system = torch.cat([rho, *(swap[None] for swap in swaps)])
    exact = matrices.dtype == torch.float64
    basis = intertwiner_basis(
        system.new_ones(len(system), 1, 1), system, tolerance=1e-8 if exact else 1e-4
    )
    return basis.reshape(len(basis), *(3,) * rank)
