"""Whether a check showed what the solution shows: the same words, and numbers that are close.

Numbers are shown rounded, at six digits unless the author says otherwise. Two right answers can
differ in the last of them: a value may lie between two roundings, and one that was computed in
single precision, or on a GPU, in another order, is off by a few units. So a number may be off by
one unit of the last digit shown, and by ten where six or more are shown; against the largest number
of the same result, since that is what rounding errors are relative to. Integers must be equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf|nan)(?![\w.])")
PRECISION = re.compile(r" (?:float16|bfloat16|float32|complex64) \(expected float64\)")
DIGITS = 6


def agree(shown: list[str], reference: list[str]) -> bool:
    """Whether the lines of a check agree with those of the solution.

    Args:
        shown: What the answer's check showed, with marks.
        reference: What the solution's showed.

    >>> agree(["check> a: 0.333334"], ["check> a: 0.333333"])
    True
    >>> agree(["check> a: 0.3334"], ["check> a: 0.333333"]), agree(["check> n: 3"], ["check> n: 4"])
    (False, False)
    >>> agree(["check> a: 0.4"], ["check> a: 0.5"])
    False
    """
    shown = [PRECISION.sub("", line) for line in shown]
    reference = [PRECISION.sub("", line) for line in reference]
    if shown == reference:
        return True
    # Equal but for digits is about as long; endless lines would keep the patterns below busy.
    if len(shown) != len(reference) or any(
        len(ours) > 4 * len(theirs) + 100 for ours, theirs in zip(shown, reference, strict=True)
    ):
        return False
    if [NUMBER.sub("#", line) for line in shown] != [NUMBER.sub("#", line) for line in reference]:
        return False
    blocks = zip(_blocks(shown), _blocks(reference), strict=True)
    return all(_close(ours, theirs) for ours, theirs in blocks)


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    """The numbers of each result: a line that begins at the mark, and the indented ones below."""
    block: list[str] = []
    for line in lines:
        if not line.startswith("check>   ") and block:
            yield block
            block = []
        block += NUMBER.findall(line)
    yield block


def _close(ours: list[str], theirs: list[str]) -> bool:
    if len(ours) != len(theirs):
        return False
    decimals = max((_decimals(text) for text in ours + theirs), default=0)
    if decimals == 0:
        return ours == theirs
    finite = [abs(float(t)) for t in theirs if "n" not in t]
    largest = max(finite, default=0.0)
    whole = len(str(int(largest))) if largest >= 1 else 1
    # A number of fewer decimals may have lost zeros, so its last digit says nothing.
    allowed = 10.01 * 10.0 ** -max(decimals, DIGITS + 1 - whole)
    for a, b in zip(ours, theirs, strict=True):
        same = a == b or ("n" not in a + b and abs(float(a) - float(b)) <= allowed)
        if not same:
            return False
    return True


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])
