"""Invariants of degree two and three, and what changes sign under inversion."""

from __future__ import annotations

import pytest
import torch
from strategies import SPECIAL_ORTHOGONALS

from equivar.features import transform
from equivar.measure import equivariance_error
from equivar.spectra import bispectrum, power_spectrum

IRREPS = "2x0e + 2x1o + 1e + 2x2e + 3o"


@pytest.mark.parametrize("name", SPECIAL_ORTHOGONALS)
def test_spectra_are_scalars(name: str):
    R = SPECIAL_ORTHOGONALS[name]
    x = torch.randn(2, 2 + 6 + 3 + 10 + 7, dtype=torch.float64)

    def act(x):
        return transform(IRREPS, R, x)

    _, irreps = bispectrum(IRREPS, x)
    assert irreps.count("0o") > 0
    assert equivariance_error(lambda x: power_spectrum(IRREPS, x), x, act) < 1e-12
    law = equivariance_error(
        lambda x: bispectrum(IRREPS, x)[0], x, act, lambda y: transform(irreps, R, y)
    )
    assert law < 1e-12
    if name.startswith("inverted"):  # control: pseudoscalars are not invariant
        assert equivariance_error(lambda x: bispectrum(IRREPS, x)[0], x, act) > 0.1


def test_the_bispectrum_sees_a_degree_turned_alone():
    x = torch.randn(8, dtype=torch.float64)
    R = SPECIAL_ORTHOGONALS["quarter turn about [1, 1, 1]"]
    y = torch.cat([transform("1o", R, x[:3]), x[3:]])
    torch.testing.assert_close(power_spectrum("1o + 2e", x), power_spectrum("1o + 2e", y))
    (a, _), (b, _) = bispectrum("1o + 2e", x), bispectrum("1o + 2e", y)
    assert (a - b).norm() > 0.1 * a.norm()


def test_no_copies_and_wrong_widths():
    assert power_spectrum("", torch.zeros(3, 0)).shape == (3, 0)
    assert bispectrum("", torch.zeros(3, 0))[0].shape == (3, 0)
    for f in (power_spectrum, bispectrum):
        with pytest.raises(ValueError, match="expected 3 on the last axis"):
            f("1o", torch.zeros(2, 4))
