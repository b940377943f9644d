"""What an equivariant model can output at all for an input of a given symmetry."""

from __future__ import annotations

import torch
from torch import Tensor

from equivar._checks import check_orthogonal
from equivar._shapes import Float
from equivar.intertwiners import intertwiner_basis
from equivar.irreps import Irrep, Irreps
from equivar.so3 import check_degree, generators, wigner_d
from equivar.stabilizer.find import Stabilizer


def invariant_subspace(
    symmetry: Stabilizer | Float[Tensor, "..."], irreps: Irreps | Irrep | str
) -> Float[Tensor, "k d"]:
    r"""An orthonormal basis of the features that every element of a symmetry leaves as they are.

    If g x = x then f(x) = f(g x) = g f(x): an equivariant function answers from this subspace, for
    any weights. What is outside it cannot be learned for this input, and adds to the error of every
    equivariant model. It is again a null space: a fixed feature is an equivariant map from the
    trivial representation, $D(g) v = v$, and for turns by any angle about an axis u the derivative
    at angle zero says it all, $(u \cdot X) v = 0$. So infinite groups are handled exactly.

    Args:
        symmetry: what `stabilizer` found, or orthogonal matrices (g, 3, 3); generators of a group
            are enough, and with none (g = 0) all is allowed.
        irreps: the layout of the features.

    Returns:
        Tensor (k, irreps.dim) in the dtype of the matrices, rows orthonormal; k is 0 where symmetry
        forbids everything. Unique up to a rotation among its rows. Each copy of an irrep has rows
        of its own.

    Raises:
        ValueError: matrices are not orthogonal or not (g, 3, 3), or a degree is above
            `so3.MAX_DEGREE`.

    Methane has no dipole (1o) and no quadrupole (2e). It has one octupole (3o): the sign of xyz.

    >>> from equivar.data import small_molecules
    >>> from equivar.stabilizer import stabilizer
    >>> methane = next(m for m in small_molecules() if m.name == "CH4")
    >>> tetrahedron = stabilizer(methane.positions, methane.symbols)
    >>> [len(invariant_subspace(tetrahedron, irrep)) for irrep in ("0e", "1o", "2e", "3o")]
    [1, 0, 0, 1]
    >>> invariant_subspace(tetrahedron, "3o").abs().round().tolist()
    [[0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]]

    Source:
        Curie's principle, J. Phys. Theor. Appl. 3, 393 (1894). For equivariant networks: Smidt,
        Geiger and Miller, Phys. Rev. Research 3, L012002 (2021), arXiv:2007.02005.
    """
    if isinstance(symmetry, Stabilizer):
        matrices, axes = symmetry.matrices, symmetry.axes
    else:
        _check_matrices(symmetry)
        matrices, axes = symmetry, symmetry[:0, 0]
    irreps = Irreps(irreps)
    rows, start = [matrices.new_zeros(0, irreps.dim)], 0
    fixed = {irrep: fixed_by(matrices, axes, irrep) for _, irrep in irreps}
    for mul, irrep in irreps:
        for _ in range(mul):
            rest = irreps.dim - start - irrep.dim
            rows.append(torch.nn.functional.pad(fixed[irrep], (start, rest)))
            start += irrep.dim
    return torch.cat(rows)


def describe(symmetry: Stabilizer, irreps: Irreps | Irrep | str = "1o + 2e + 3o") -> str:
    """One sentence: how many components of each irrep a symmetry allows.

    Args:
        symmetry: what `stabilizer` found.
        irreps: those to speak of; the copies of one are counted once.

    Raises:
        ValueError: as `invariant_subspace`.

    >>> from equivar.stabilizer import stabilizer
    >>> square = torch.tensor([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])
    >>> describe(stabilizer(square))
    'D4h allows 0 components of 1o, 1 of 2e, 0 of 3o'
    """
    counts = [
        (len(invariant_subspace(symmetry, irrep)), irrep)
        for irrep in dict.fromkeys(irrep for _, irrep in Irreps(irreps))
    ]
    if not counts:
        return f"{symmetry.symbol} was asked about no irreps"
    first = "component" if counts[0][0] == 1 else "components"
    told = [
        f"{n} {first} of {irrep}" if i == 0 else f"{n} of {irrep}"
        for i, (n, irrep) in enumerate(counts)
    ]
    return f"{symmetry.symbol} allows {', '.join(told)}"


def fixed_by(
    matrices: Float[Tensor, "g 3 3"], axes: Float[Tensor, "a 3"], irrep: Irrep
) -> Float[Tensor, "k d"]:
    """A basis of what matrices, and all turns about axes, leave in place: rows (k, d).

    >>> about_z = torch.tensor([[0.0, 0.0, 1.0]])
    >>> fixed_by(torch.zeros(0, 3, 3), about_z, Irrep(1, -1)).abs().round().tolist()
    [[0.0, 0.0, 1.0]]
    """
    # In float64, and with a tolerance for matrices that are good to float32: the singular values
    # that are not zero are at least 1 for a whole group.
    check_degree(irrep.l)
    D = wigner_d(irrep, matrices)
    turns = torch.einsum("ax,xij->aij", axes, generators(irrep.l).to(axes))
    unmoved = torch.cat([matrices.new_ones(len(D), 1, 1), matrices.new_zeros(len(turns), 1, 1)])
    exact = matrices.dtype == torch.float64
    basis = intertwiner_basis(unmoved, torch.cat([D, turns]), tolerance=1e-8 if exact else 1e-4)
    return basis.squeeze(-1)


def _check_matrices(matrices: Tensor) -> None:
    if not isinstance(matrices, Tensor) or matrices.ndim != 3 or matrices.shape[1:] != (3, 3):
        given = f"shape {tuple(matrices.shape)}" if isinstance(matrices, Tensor) else repr(matrices)
        raise ValueError(
            f"got {given}; expected matrices (g, 3, 3) or the result of stabilizer(positions, "
            "labels). For a cloud of points, find its stabilizer first"
        )
    check_orthogonal(matrices)
