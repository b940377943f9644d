"""Features are split, joined and turned as their irreps say."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from strategies import irreps_text, orthogonals
from torch import Tensor

from equivar.features import invariant_norms, join, representation, split, transform
from equivar.irreps import Irreps
from equivar.measure import equivariance_error


@given(irreps_text(), orthogonals())
def test_the_whole_matrix_does_what_transform_does(text: str, R: Tensor):
    x = torch.randn(3, Irreps(text).dim, dtype=torch.float64)
    turned = transform(text, R, x)
    torch.testing.assert_close(turned, x @ representation(text, R).mT, rtol=0, atol=1e-12)
    torch.testing.assert_close(transform(text, R.mT, turned), x, rtol=0, atol=1e-12)


@given(irreps_text(), orthogonals())
def test_norms_are_invariant(text: str, R: Tensor):
    x = torch.randn(3, Irreps(text).dim, dtype=torch.float64)
    norms = invariant_norms(text, x)
    assert norms.shape == (3, Irreps(text).num_irreps)
    torch.testing.assert_close(invariant_norms(text, transform(text, R, x)), norms)


@given(irreps_text())
def test_split_and_join_are_inverse(text: str):
    x = torch.randn(2, Irreps(text).dim)
    blocks = split(text, x)
    if blocks:
        assert torch.equal(join(blocks), x)


def test_a_wrong_parity_is_seen():
    x, inversion = torch.randn(5, 3, dtype=torch.float64), -torch.eye(3, dtype=torch.float64)

    def error(irreps: str) -> Tensor:
        return equivariance_error(
            lambda x: x, x, lambda x: -x, lambda y: transform(irreps, inversion, y)
        )

    assert error("1o") < 1e-14
    assert error("1e") > 0.1


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"expected 4 on the last axis, for 1x0e \+ 1x1o"):
        split("0e + 1o", torch.zeros(2, 5))
    with pytest.raises(ValueError, match="orthogonal"):
        transform("1o", 2 * torch.eye(3), torch.zeros(2, 3))
    with pytest.raises(ValueError, match="cannot read"):
        transform("1x", torch.eye(3), torch.zeros(2, 3))
