r"""Wigner D matrices of all degrees, fast: harmonics of a few fixed points, turned.

`so3.wigner_d` is the form to read; tests hold these equal to it.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

from equivar._shapes import Float
from equivar.kernels.harmonics import harmonics
from equivar.so3 import check_degree, check_orthogonal, spherical_harmonics

__all__ = ["wigner_d_all"]


def wigner_d_all(lmax: int, R: Float[Tensor, "..."], form: str = "auto") -> tuple[Tensor, ...]:
    r"""The matrices of all degrees from 0 to lmax that turn spherical harmonics.

    $Y^l(R r) = D^l(R)\, Y^l(r)$; inversion is $(-1)^l$.

    Args:
        lmax: the largest degree.
        R: rotations, reflections, inversions, (..., 3, 3).
        form: "torch", "numba" or "auto".

    Returns:
        lmax + 1 tensors (..., 2l+1, 2l+1), each contiguous, in the dtype and on the device of R.

    Raises:
        ValueError: lmax is not a degree from 0 to `so3.MAX_DEGREE`, R is not orthogonal, or the
            form does not exist.

    >>> half_turn = torch.diag(torch.tensor([-1.0, -1.0, 1.0]))  # about z
    >>> [D.diag().round().tolist() for D in wigner_d_all(1, half_turn)]
    [[1.0], [-1.0, -1.0, 1.0]]
    """
    check_degree(lmax, "lmax")
    check_orthogonal(R)
    if form not in ("auto", "torch", "numba"):
        raise ValueError(f"form is {form!r}; expected 'auto', 'torch' or 'numba'")
    P, inverses = _points(lmax)
    turned = P.to(R) @ R.mT
    Y = harmonics(lmax, turned, normalize=False, form=form)
    degrees = Y.split([2 * l + 1 for l in range(lmax + 1)], dim=-1)
    return tuple(Y_l.mT @ m.to(R) for Y_l, m in zip(degrees, inverses, strict=True))


@cache
def _points(lmax: int) -> tuple[Tensor, list[Tensor]]:
    n = 3 * lmax + 3
    i = torch.arange(n, dtype=torch.float64) + 0.5
    y, phi = 1 - i / n, i * math.pi * (3 - math.sqrt(5))
    r = (1 - y * y).sqrt()
    P = torch.stack([r * phi.sin(), y, r * phi.cos()], dim=-1)
    Y = spherical_harmonics(lmax, P)
    return P, [
        torch.linalg.pinv(Y_l.mT) for Y_l in Y.split([2 * l + 1 for l in range(lmax + 1)], dim=-1)
    ]
