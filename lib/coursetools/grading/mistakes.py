"""Which mistake a wrong answer makes: that of a decoy, or one that others make as well.

A decoy is a wrong answer that the set's author has foreseen. The checks are seeded, so who makes a
decoy's mistake gets the decoy's messages and shows the decoy's numbers, whatever the code looks
like. What no decoy explains is grouped by what it showed, by the law that failed, or by its error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from coursetools.grading.results import Check
from coursetools.grading.saying import signature

Signatures = Mapping[str, Mapping[str, str]]  # by decoy, then by the checks that it loses


@dataclass(frozen=True)
class Mistake:
    """One kind of wrong answer to one question.

    Attributes:
        kind: "decoy" where it loses what these decoys lose, in the same way; "like" where that is
            so for one check only; otherwise a kind of `saying.WORDS`.
        decoys: The decoys that it resembles. If several, these checks do not tell them apart.
        checks: The checks that it explains.
        text: What such answers have in common, if no decoy says it.
    """

    kind: str
    decoys: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    text: str = ""


def decoy_signatures(outcomes: Mapping[str, Mapping[str, Check]]) -> dict[str, dict[str, str]]:
    """How each decoy loses each of the checks that it loses; the solution is left out."""
    return {
        decoy: {
            name: signature(check.message, check.shown)
            for name, check in checks.items()
            if not check.passed
        }
        for decoy, checks in outcomes.items()
        if decoy != "solution"
    }


def find_mistakes(
    checks: Sequence[Check],
    decoys: Signatures,
    notes: Collection[str] = (),
    question: Mapping[str, int] = MappingProxyType({}),
) -> Iterator[Mistake]:
    """The mistakes of one submission; none if all checks passed.

    Args:
        checks: What its checks said.
        decoys: The decoys of the set, as `decoy_signatures` has them.
        notes: Remarks on the whole submission that were added to each message.
        question: The number of each check's question; two questions may need what one of them
            answers, and then a decoy loses checks of both. All else counts by question.

    >>> wrong = Check("b", 1, False, "A law does not hold: too long")
    >>> next(find_mistakes([wrong], {"longer": {"b": "law: too long"}})).decoys
    ('longer',)
    """
    left = {
        check.name: signature(check.message, check.shown, tuple(notes))
        for check in checks
        if not check.passed
    }
    while best := _best(left, decoys):
        names = tuple(name for name in left if name in decoys[best[0]])
        yield Mistake("decoy", best, names)
        for name in names:
            del left[name]
    groups: dict[tuple[int, Mistake], list[str]] = {}
    for name, found in left.items():
        similar = tuple(sorted(d for d, lost in decoys.items() if lost.get(name) == found))
        kind, _, text = found.partition(": ")
        if similar:
            mistake = Mistake("like", similar)
        elif kind == "shown":
            mistake = Mistake("differs", text=f"{name}\n{text}")
        else:
            mistake = Mistake(kind, text=text)
        groups.setdefault((question.get(name, 0), mistake), []).append(name)
    for (_, mistake), names_of in groups.items():
        yield Mistake(mistake.kind, mistake.decoys, tuple(names_of), mistake.text)


def _best(left: Mapping[str, str], decoys: Signatures) -> tuple[str, ...]:
    """The decoys that explain most of what is left, each in all that it loses."""
    found: dict[tuple[str, ...], list[str]] = {}
    for decoy, lost in decoys.items():
        if lost and all(left.get(name) == how for name, how in lost.items()):
            found.setdefault(tuple(sorted(lost)), []).append(decoy)
    return tuple(sorted(found[max(found, key=len)])) if found else ()
