r"""Clebsch-Gordan coefficients as products of features use them.

$\sqrt{2 l_3 + 1}\, C_{ijk}$: with this factor, factors of unit variance per component make a
product of unit variance per component.
"""

from __future__ import annotations

import math

from torch import Tensor

from equivar._shapes import Float
from equivar.so3 import clebsch_gordan

__all__ = ["coupling"]


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
