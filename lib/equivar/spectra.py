r"""Invariants of degree two and three: the power spectrum and the bispectrum.

The coefficients of a function on the sphere turn by Wigner D. Products of two copies of one irrep
contract to a scalar by the dot product, products of three by a Clebsch-Gordan coefficient.
"""

from __future__ import annotations

import torch
from torch import Tensor

from equivar._shapes import Float
from equivar.irreps import Irrep, Irreps
from equivar.so3 import clebsch_gordan

__all__ = ["bispectrum", "power_spectrum"]


def _copies(irreps: Irreps, x: Tensor) -> list[tuple[Irrep, Tensor]]:
    if not x.ndim or x.shape[-1] != irreps.dim:
        raise ValueError(
            f"coefficients have shape {tuple(x.shape)}; expected {irreps.dim} on the last axis, "
            f"for {irreps}"
        )
    return [
        (irrep, x[..., where.start + i * irrep.dim : where.start + (i + 1) * irrep.dim])
        for (mul, irrep), where in zip(irreps, irreps.slices, strict=True)
        for i in range(mul)
    ]


def power_spectrum(
    irreps: Irreps | str, coefficients: Float[Tensor, "..."]
) -> Float[Tensor, "..."]:
    """The dot product of every two copies of one irrep.

    All invariants of degree two. They forget how different degrees are turned against each other:
    a function and its other one, with a degree turned alone, have the same power spectrum.

    Args:
        irreps: the layout.
        coefficients: (..., irreps.dim).

    Returns:
        Tensor (..., n), one even scalar for each pair of copies i <= j of an equal irrep.

    Raises:
        ValueError: the coefficients have another width.

    >>> power_spectrum("0e + 2x1o", torch.tensor([2.0, 1.0, 0.0, 0.0, 3.0, 4.0, 0.0])).tolist()
    [4.0, 1.0, 3.0, 25.0]

    Source:
        Bartok, Kondor and Csanyi, Phys. Rev. B 87, 184115 (2013), section II.
    """
    copies = _copies(Irreps(irreps), coefficients)
    values = [
        (a * b).sum(dim=-1)
        for i, (first, a) in enumerate(copies)
        for second, b in copies[i:]
        if first == second
    ]
    return torch.stack(values, dim=-1) if values else coefficients[..., :0]


def bispectrum(
    irreps: Irreps | str, coefficients: Float[Tensor, "..."]
) -> tuple[Float[Tensor, "..."], Irreps]:
    r"""Every three copies contracted to a number, $\sum_{ijk} C_{ijk}\, a_i b_j c_k$.

    It sees how degrees are turned against each other, as the power spectrum does not. Where the
    product of the parities is odd, the number is a pseudoscalar: the inversion changes its sign, so
    it tells mirror images apart, and an invariant of O(3) may use its square only.

    Args:
        irreps: the layout.
        coefficients: (..., irreps.dim).

    Returns:
        Tensor (..., n), one number for each triple of copies i <= j <= k whose degrees can couple,
        without those that vanish since they change sign when equal copies swap; and the irreps of
        the numbers, 0e or 0o.

    Raises:
        ValueError: the coefficients have another width.

    The triple product of three vectors is one:

    >>> values, irreps = bispectrum("3x1o", torch.eye(3).flatten())
    >>> irreps, round(values.item() * 6**0.5, 5)
    (Irreps('1x0o'), 1.0)

    Source:
        Kakarala, The bispectrum as a source of phase-sensitive invariants, J. Math. Imaging Vis.
        44, 341 (2012); Bartok, Kondor and Csanyi, Phys. Rev. B 87, 184115 (2013).
    """
    copies = _copies(Irreps(irreps), coefficients)
    values, parities = [], []
    for i, (first, a) in enumerate(copies):
        for j, (second, b) in enumerate(copies[i:], start=i):
            for k, (third, c) in enumerate(copies[j:], start=j):
                total = first.l + second.l + third.l
                fits = abs(first.l - second.l) <= third.l <= first.l + second.l
                if not fits or (total % 2 and (i == j or j == k)):
                    continue
                C = clebsch_gordan(first.l, second.l, third.l).to(coefficients)
                values.append(torch.einsum("ijk,...i,...j,...k->...", C, a, b, c))
                parities.append((1, Irrep(0, first.p * second.p * third.p)))
    if not values:
        return coefficients[..., :0], Irreps()
    return torch.stack(values, dim=-1), Irreps(parities).simplify()
