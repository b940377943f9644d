"""Each pitfall of book/pitfalls.md breaks, and each cure holds."""

from __future__ import annotations

import pytest
from page_cells import run_cells

BREAKS = {
    "generic, transpose forgotten",
    "vectors from before the turn",
    "cross product as 1o, inversion",
    "(y, z, x) read as (x, y, z)",
    "ReLU on components",
    "a bias on components",
    "LayerNorm over components",
    "relative",
    "each axis by its own scale",
}
HOLDS = {
    "half turn, transpose forgotten",  # which is the pitfall
    "generic, with transpose",
    "vectors from the positions",
    "cross product as 1o, rotation",  # so is this
    "cross product as 1e, rotation",
    "cross product as 1e, inversion",
    "put in order",
    "IrrepNorm",
    "Gate",
    "all axes by one",
}


@pytest.fixture(scope="module")
def said() -> list[str]:
    """What the cells print."""
    return run_cells("pitfalls.md")[1]


def names(said: list[str], verdict: str) -> set[str]:
    return {line[:34].strip() for line in said if line.endswith(verdict)}


def test_what_breaks_and_what_holds(said: list[str]) -> None:
    assert names(said, "  BREAKS") == BREAKS
    assert names(said, "  holds") == HOLDS


@pytest.mark.parametrize(
    "line",
    [
        "leaking: 1.7e-05, passes a tolerance",  # in both precisions
        "relative error of the zero function: nan",
        "labels left behind            the best linear map misses 100 %",
        "by hand  gradient at zero: [nan, nan, nan]",
        "lengths  gradient at zero: [0.0, 0.0, 0.0]",
        "the frames differ by 2.0",
    ],
)
def test_what_the_text_relies_on(said: list[str], line: str) -> None:
    assert any(line in one for one in said)
