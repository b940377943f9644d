r"""From maps that almost fit to a group that is one exactly.

Within a tolerance, "is a symmetry" is not closed under products: two maps may be within it and
their product beyond. And the best fits of noisy points multiply only approximately. Both are
mended here, so that what is found is a finite subgroup of O(3) to the last digit.
"""

from __future__ import annotations

import torch
from torch import Tensor

from equivar._shapes import Float, Int
from equivar.stabilizer.search import fit, misfit

STEPS = 12  # quadratic convergence: from the worst start that converges at all, about 6


def products(permutations: Int[Tensor, "c s"], signs: Float[Tensor, " c"]) -> Int[Tensor, "c c"]:
    r"""Which element is the product of two: (gh)(i) = g(h(i)); -1 where it is not among them.

    Permutations are compared by a hash that a matrix product computes for all pairs at once:
    $\sum_i w_i\, g(h(i)) = \sum_j g(j)\, w_{h^{-1}(j)}$ with random weights w, exact in float64 as
    all numbers are whole and below 2^53.
    """
    n = permutations.shape[1]
    seed = torch.Generator().manual_seed(0)
    w = torch.randint(2**30, (n,), generator=seed).to(permutations.device).to(torch.float64)
    images = permutations.to(torch.float64)
    inverse = permutations.argsort(dim=1)
    # The identity's images start at 1, so that each weight counts.
    codes = signs * (((images + 1) @ w) + 1)
    composed = signs[:, None] * signs * ((images + 1) @ w[inverse].mT + 1)
    order = codes.argsort()
    place = torch.searchsorted(codes[order], composed).clamp(max=len(codes) - 1)
    found = order[place]
    return torch.where(codes[found] == composed, found, -1)


def nearby_homomorphism(
    Q: Float[Tensor, "g 3 3"], table: Int[Tensor, "g g"]
) -> Float[Tensor, "g 3 3"] | None:
    r"""Orthogonal matrices that multiply as the table says, near ones that almost do.

    $Q_g \leftarrow \text{the orthogonal factor of } \frac1n \sum_h Q_{gh} Q_h^T$. Where the $Q_h$
    multiply exactly, each term is $Q_g$, and nothing changes. Otherwise the sum is a mean of n
    estimates of $Q_g$, and the error is squared in each step.

    Returns:
        None when it does not converge, or not to different matrices.

    Source:
        Grove, Karcher and Ruh, Math. Ann. 211, 7 (1974).
    """
    rows = max(1, 2**20 // len(Q))
    for _ in range(STEPS):
        mean = torch.cat(
            [torch.einsum("ghij,hkj->gik", Q[part], Q) / len(Q) for part in table.split(rows)]
        )
        U, _, Vh = torch.linalg.svd(mean)
        new = U @ Vh
        change = float((new - Q).abs().max())
        Q = new
        if change < 1e-14:
            break
    defect = max(
        float((Q[part] - torch.einsum("gij,hjk->ghik", Q[start : start + rows], Q)).abs().max())
        for start, part in zip(range(0, len(Q), rows), table.split(rows), strict=True)
    )
    distinct = torch.linalg.matrix_norm(Q - torch.eye(3).to(Q)) > 1e-3
    return Q if defect < 1e-12 and int(distinct.sum()) == len(Q) - 1 else None


def largest_group(
    r: Float[Tensor, "s 3"],
    permutations: Int[Tensor, "c s"],
    signs: Float[Tensor, " c"],
    tolerance: float,
) -> tuple[Int[Tensor, " g"], Float[Tensor, "g 3 3"], Int[Tensor, "g g"]]:
    """The elements, of those found within a tolerance, that fit best and are a group.

    The tolerance is lowered until what is left is closed under products and has exact matrices
    within the tolerance asked for. The identity fits without error, so it ends there at the latest.

    Returns:
        Which of the elements, their exact matrices, and their multiplication table.
    """
    Q = fit(r, permutations, signs)
    errors = misfit(r, Q, permutations)
    table = products(permutations, signs)
    levels = errors.sort().values
    # Images of one element under the group have equal errors up to rounding: no level parts them.
    gap = 1e-6 * tolerance
    tops = levels[torch.cat([levels[1:] - levels[:-1] > gap, levels.new_ones(1, dtype=torch.bool)])]
    for top in tops.flip(0):
        keep = (errors <= top).nonzero().flatten()
        number = torch.full_like(errors, -1, dtype=torch.int64)
        number[keep] = torch.arange(len(keep)).to(keep)
        inside = table[keep][:, keep]
        smaller = torch.where(inside >= 0, number[inside], -1)
        if bool((smaller < 0).any()):
            continue
        exact = nearby_homomorphism(Q[keep], smaller)
        if exact is not None and bool(
            (misfit(r, exact, permutations[keep]) <= 2 * tolerance).all()
        ):
            return keep, exact, smaller
    raise AssertionError("the identity alone is a group")
