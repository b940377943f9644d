"""The 32 crystal classes: their orders, their systems, and that each is a group and another one."""

from __future__ import annotations

import pytest
import torch

from equivar.data import CRYSTAL_CLASSES, crystal_class
from equivar.representations import inner_product
from equivar.stabilizer import stabilizer

# International Tables for Crystallography A, table 3.2.1.4
ORDERS = (1, 2, 2, 2, 4, 4, 4, 8, 4, 4, 8, 8, 8, 8, 16, 3, 6, 6, 6, 12, 6, 6, 12, 12, 12, 12, 24)
ORDERS = dict(zip(CRYSTAL_CLASSES, (*ORDERS, 12, 24, 24, 24, 48), strict=True))
# Constants of Nye, tables 8 and 9: piezoelectric moduli, elastic constants.
PIEZO = {"C1": 18, "C2": 8, "Cs": 10, "D2": 3, "C2v": 5, "C4": 4, "S4": 4, "D4": 1, "C4v": 3}
PIEZO |= {"D2d": 2, "C3": 6, "D3": 2, "C3v": 4, "C6": 4, "C3h": 2, "D6": 1, "C6v": 3, "D3h": 1}
PIEZO |= {"T": 1, "Td": 1}
ELASTIC = {"triclinic": 21, "monoclinic": 13, "orthorhombic": 9, "hexagonal": 5, "cubic": 3}


@pytest.mark.parametrize("symbol", CRYSTAL_CLASSES)
def test_each_is_a_group_of_the_right_order(symbol: str) -> None:
    g = crystal_class(symbol).matrices
    assert len(g) == ORDERS[symbol]
    torch.testing.assert_close(g @ g.mT, torch.eye(3).double().expand_as(g))
    products = torch.einsum("aij,bjk->abik", g, g).flatten(0, 1)
    nearest = torch.cdist(products.flatten(1), g.flatten(1)).min(dim=1).values
    assert nearest.max() < 1e-6


@pytest.mark.parametrize("symbol", CRYSTAL_CLASSES)
def test_a_cloud_made_by_it_has_its_symbol(symbol: str) -> None:
    # Two orbits of points in general position, in two kinds: one alone has more symmetry at times.
    g = crystal_class(symbol).matrices
    seed = torch.Generator().manual_seed(3)
    r = torch.randn(4, 3, generator=seed).double()
    points = torch.einsum("gij,pj->pgi", g, r)
    kinds = torch.arange(4).repeat_interleave(len(g))
    found = stabilizer(points.flatten(0, 1), kinds)
    names = {"C3i": ("C3i", "S6")}.get(symbol, (symbol,))
    assert found.symbol in names


@pytest.mark.parametrize("symbol", CRYSTAL_CLASSES)
def test_the_textbook_counts_of_constants(symbol: str) -> None:
    crystal = crystal_class(symbol)
    g = crystal.matrices
    trace = g.diagonal(dim1=-2, dim2=-1).sum(-1)
    square = (g @ g).diagonal(dim1=-2, dim2=-1).sum(-1)
    symmetric = (trace**2 + square) / 2  # the character of a strain
    one = torch.ones(len(g), 1, 1).double()
    assert round(inner_product((trace * symmetric)[:, None, None], one)) == PIEZO.get(symbol, 0)
    fourth = (g @ g @ g @ g).diagonal(dim1=-2, dim2=-1).sum(-1)
    of_square = (square**2 + fourth) / 2
    elastic = (symmetric**2 + of_square) / 2
    expected = ELASTIC.get(crystal.system) or (
        7 if len(g) in (3, 4) or symbol in ("C4h", "C3i") else 6
    )
    assert round(inner_product(elastic[:, None, None], one)) == expected


def test_an_unknown_symbol_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no crystal class '32'.*one of C1, Ci"):
        crystal_class("32")
