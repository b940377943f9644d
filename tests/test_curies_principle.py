"""What lecture 11 keeps in `book/experiments`: exact to rounding, and it sees what is not."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "book" / "experiments"))

import curies_principle as curie

from equivar.stabilizer import images


def test_short_texts() -> None:
    assert curie.short(0.0) == "0"
    assert curie.between([2e-17, 0.0, 3e-16]) == "0 to 3e-16"
    assert curie.between([2e-17]) == "2e-17"
    assert curie.spread([0.1, 0.2, 0.3]) == "0.2 ± 0.1"
    assert curie.spread([1.4e-6]) == "1.4e-06"


def test_it_minimizes_to_the_last_digit() -> None:
    x = torch.tensor([3.0, -2.0], dtype=torch.float64, requires_grad=True)
    loss = curie.minimize(iter([x]), lambda: (x - 1).square().sum() + (x[0] * x[1] - 1) ** 2)
    assert loss < 1e-20


@pytest.mark.parametrize(("name", "symbol"), [("CH4", "Td"), ("SF6", "Oh"), ("NH3", "C3v")])
def test_a_molecule_is_where_its_symmetry_wants_it(name: str, symbol: str) -> None:
    r, symbols, s, _ = curie.molecule(name)
    assert (s.symbol, len(r)) == (symbol, len(symbols))
    moved = images(s, r, "1o", per_point=True)
    torch.testing.assert_close(moved, r.expand_as(moved), atol=1e-14, rtol=0)


def test_springs_of_a_water_molecule_have_three_vibrations() -> None:
    r, _, _, _ = curie.molecule("H2O")
    pairs = torch.triu_indices(3, 3, 1)

    def lengths(x: torch.Tensor) -> torch.Tensor:
        return (x[pairs[0]] - x[pairs[1]]).norm(dim=-1)

    rest = lengths(r)
    stiffness, motions = curie.vibrations(lambda x: (lengths(x) - rest).square().sum(), r)
    assert stiffness.max() == 1
    assert (stiffness > 0.1).all()
    assert motions.shape == (3, 3, 3)
    arms = torch.linalg.cross(r.expand(3, 3, 3), motions).sum(dim=1)
    for rigid in (motions.sum(dim=1), arms):  # nothing moves or turns as a whole
        torch.testing.assert_close(rigid, torch.zeros_like(rigid), atol=1e-12, rtol=0)


def test_pulls_and_twists_are_told_apart() -> None:
    x = torch.tensor([[[1.0, 0, 0], [-1.0, 0, 0]]])
    pull = torch.tensor([[[0.0, 0, 1], [0, 0, 1]]])
    twist = torch.tensor([[[0.0, 1, 0], [0, -1, 0]]])
    assert curie.pull_and_twist(x, pull) == [2.0, 0.0]
    assert curie.pull_and_twist(x, twist) == [0.0, 2.0]


def test_levels_are_counted_as_they_are_drawn() -> None:
    _, axis = plt.subplots()
    values = torch.tensor([1.0, 1.0 + 1e-12, 2.0, 4.0, 4.0, 4.0], dtype=torch.float64)
    assert curie.draw_levels(axis, [("ink", values)]) == [[1, 2, 3]]
    bars = [tuple(line.get_xdata()) for line in axis.lines if line.get_ydata()[0] == 1]
    assert len(bars) == 3
    assert all(one[1] < next_[0] for one, next_ in pairwise(bars))
    plt.close()
