r"""Clebsch-Gordan coefficients as products of features use them.

$\sqrt{2 l_3 + 1}\, C_{ijk}$: with this factor, factors of unit variance per component make a
product of unit variance per component.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

from equivar._checks import is_traced
from equivar._shapes import Float
from equivar.so3 import clebsch_gordan

__all__ = ["coupling", "coupling_like"]


def coupling(l1: int, l2: int, l3: int) -> Float[Tensor, "d1 d2 d3"]:
    r"""The normalized coupling of degrees l1 and l2 to l3: $\sqrt{2 l_3 + 1}\, C_{ijk}$.

    Args:
        l1: the degree of the first factor.
        l2: the degree of the second.
        l3: the degree of the product.

    Returns:
        Tensor (2 l1 + 1, 2 l2 + 1, 2 l3 + 1), float64.

    Raises:
        ValueError: a degree is not one that `so3` supports.

    A number times a vector is the vector itself:

    >>> coupling(0, 1, 1)[0].round(decimals=6).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    C = clebsch_gordan(l1, l2, l3)
    return C * math.sqrt(2 * l3 + 1)


# What torch.compiler.assume_constant_result does, without the second that its import takes: the
# compiler takes the table as it is and does not trace how it was made.
coupling._dynamo_marked_constant = True  # type: ignore[attr-defined]


def coupling_like(l1: int, l2: int, l3: int, x: Float[Tensor, "..."]) -> Float[Tensor, "d1 d2 d3"]:
    """The same in the dtype and on the device of what it is multiplied with, kept there.

    A GPU would wait for each copy from the host, and a CUDA graph can record none.

    Args:
        l1: the degree of the first factor.
        l2: the degree of the second.
        l3: the degree of the product.
        x: a tensor; only its dtype and device count.

    >>> coupling_like(0, 1, 1, torch.zeros(2)).dtype
    torch.float32
    """
    if is_traced() or type(x) is not Tensor:
        return coupling(l1, l2, l3).to(x)
    return _kept(l1, l2, l3, x.dtype, x.device)


@cache
def _kept(l1: int, l2: int, l3: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # what is made in that mode could not be used outside of it
        return coupling(l1, l2, l3).to(device, dtype)
