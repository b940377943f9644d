"""Honest answers that differ in rounding agree; everything else does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from coursetools.checks import MARK, lines
from coursetools.grading.compare import agree


def shown(value: object, digits: int = 6) -> list[str]:
    return [MARK + line for line in lines("value", value, digits)]


arrays = st.lists(
    st.floats(-1e4, 1e4, allow_nan=False).filter(lambda x: abs(x) > 1e-3), min_size=1, max_size=6
).map(np.array)


@given(arrays)
def test_single_precision_agrees_with_double(x: np.ndarray) -> None:
    assert agree(shown(torch.from_numpy(x).float()), shown(x))


@given(arrays, st.floats(-1, 1))
def test_rounding_errors_agree_on_both_sides_of_a_tie(x: np.ndarray, off: float) -> None:
    assert agree(shown(x * (1 + 1e-13 * off)), shown(x))


@given(arrays, st.integers(0, 5), st.sampled_from([-1, 1]))
def test_a_number_that_is_off_in_the_fourth_digit_does_not(
    x: np.ndarray, which: int, sign: int
) -> None:
    y = x.copy()
    y[which % len(y)] += sign * 3e-4 * np.abs(x).max()
    assert not agree(shown(y), shown(x))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (3, 4),
        (0.5, 0.4),
        ([0.5, 1.0], [0.5, 2.0]),
        (0.123, 0.124),
        (float("nan"), 0.5),
        (float("inf"), float("-inf")),
        ([1.0, 2.0], [[1.0, 2.0]]),
        ({"a": 0.25}, {"b": 0.25}),
        ("left", "right"),
        (None, 0.0),
        (1e7, 2e7),
    ],
)
def test_different_results_do_not_agree(ours: object, theirs: object) -> None:
    assert not agree(shown(ours), shown(theirs))
    assert agree(shown(theirs), shown(theirs))


def test_more_digits_are_held_to_more_digits() -> None:
    assert not agree(shown(0.123456789, 9), shown(0.123456889, 9))
    assert agree(shown(0.123456789, 9), shown(0.123456788, 9))


def test_a_missing_or_an_added_line_is_seen() -> None:
    two = shown([0.5]) + shown([0.25])
    assert not agree(two[:1], two)
    assert not agree([*two, two[0]], two)
    assert not agree([], two)
