r"""Matrices that multiply as the elements of a finite group do.

A representation gives each element g a matrix $\rho(g)$ so that $\rho(g)\rho(h) = \rho(gh)$. It is
a tensor (order, d, d), in the element order of a `Group`. What a layer's inputs and outputs are,
and so which linear maps it may have, is said by two representations: see `intertwiners`.
"""

from equivar.representations.build import (
    character,
    check_representation,
    direct_sum,
    dual,
    permutation_representation,
    regular,
    tensor_product,
    trivial,
)
from equivar.representations.irreducible import (
    decompose,
    inner_product,
    irreducible_subspaces,
    irreps_of,
    make_orthogonal,
    multiplicity,
)

__all__ = [
    "character",
    "check_representation",
    "decompose",
    "direct_sum",
    "dual",
    "inner_product",
    "irreducible_subspaces",
    "irreps_of",
    "make_orthogonal",
    "multiplicity",
    "permutation_representation",
    "regular",
    "tensor_product",
    "trivial",
]
