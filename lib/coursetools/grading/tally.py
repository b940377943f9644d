"""Count a class in one pass: totals, checks, and mistakes with one example each.

What is kept does not grow with the class: histograms, two counts for each check, and for each
question the commonest mistakes. If somebody's class makes more kinds of mistakes than `MOST_KINDS`,
the rarest are forgotten on the way, so counts of rare ones are lower bounds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coursetools.grading.decoys import Outcomes
from coursetools.grading.feedback import Part, parts_of, set_title
from coursetools.grading.mistakes import Mistake, decoy_signatures, find_mistakes
from coursetools.grading.results import Check, Result

MOST_KINDS = 200  # of mistakes kept for each question
MOST_CODE = 1500  # characters of an example
BINS = 20


@dataclass
class Kind:
    """How often a mistake was made, and by whom first."""

    count: int
    student: str
    code: str
    message: str


@dataclass
class Question:
    """One question of a set, with the mistakes made in it."""

    part: Part
    mistakes: dict[Mistake, Kind] = field(default_factory=dict)
    forgotten: int = 0

    def add(self, mistake: Mistake, result: Result, check: Check) -> None:
        """Count a mistake; its first example is kept."""
        kind = self.mistakes.get(mistake)
        if kind is not None:
            kind.count += 1
            return
        if len(self.mistakes) >= 2 * MOST_KINDS:
            ranked = sorted(self.mistakes, key=lambda m: -self.mistakes[m].count)
            for rare in ranked[MOST_KINDS:]:
                self.forgotten += self.mistakes.pop(rare).count
        code = "\n\n".join(result.code[name] for name in self.part.answers if name in result.code)
        shown = code if len(code) <= MOST_CODE else code[:MOST_CODE] + "\n..."
        self.mistakes[mistake] = Kind(1, result.student, shown, check.message[:MOST_CODE])


@dataclass
class SetCount:
    """One exercise set: how many handed it in, with how many points, passing which checks."""

    title: str
    possible: int
    questions: list[Question]
    points: Counter[int] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    worth: dict[str, int] = field(default_factory=dict)

    @property
    def graded(self) -> int:
        """How many submissions of this set could be graded."""
        return self.points.total()


class Statistics:
    """Counts each student's results; to be given to `write_reports` as a reader.

    Args:
        exercises: The exercise notebooks by stem.
        totals: The points of each set by stem.
        outcomes: What the decoys of a set show under the grading seed. Asked for once for each set
            in which somebody failed a check; may be empty.
    """

    def __init__(
        self,
        exercises: Mapping[str, dict[str, Any]],
        totals: Mapping[str, int],
        outcomes: Callable[[str], Outcomes],
    ) -> None:
        self.sets = {
            stem: SetCount(
                set_title(pristine, stem),
                totals[stem],
                [Question(part) for part in parts_of(pristine)],
            )
            for stem, pristine in exercises.items()
        }
        self.students = 0
        self.troubled = 0
        self.fractions: Counter[int] = Counter()  # of what a student handed in, in BINS bins
        self._outcomes = outcomes
        self._decoys: dict[str, dict[str, dict[str, str]]] = {}

    def __call__(self, student: str, results: Sequence[Result]) -> None:
        """Count one student, with all that this student has handed in."""
        earned = possible = 0
        for result in results:
            self.troubled += bool(result.problems)
            if result.checks and result.stem in self.sets and not result.unread:
                self._count(result)
                earned += result.points
                possible += self.sets[result.stem].possible
        if possible:
            self.students += 1
            self.fractions[min(BINS - 1, earned * BINS // possible)] += 1

    def _count(self, result: Result) -> None:
        one = self.sets[result.stem]
        one.points[result.points] += 1
        checks = {check.name: check for check in result.checks}
        for name, check in checks.items():
            one.asked[name] += 1
            one.passed[name] += check.passed
            one.worth[name] = check.points
        if all(check.passed for check in checks.values()):
            return
        if result.stem not in self._decoys:
            self._decoys[result.stem] = decoy_signatures(self._outcomes(result.stem))
        decoys = self._decoys[result.stem]
        place = {name: n for n, q in enumerate(one.questions) for name in q.part.checks}
        for mistake in find_mistakes(list(checks.values()), decoys, result.problems, place):
            first = mistake.checks[0]
            if first in place:
                one.questions[place[first]].add(mistake, result, checks[first])


def middle(counts: Mapping[int, int]) -> tuple[float, int]:
    """Mean and (lower) median of a histogram with something in it.

    >>> middle({0: 1, 4: 2})
    (2.6666666666666665, 4)
    """
    number = sum(counts.values())
    mean = sum(value * count for value, count in counts.items()) / number
    below = 0
    for value in sorted(counts):
        below += counts[value]
        if 2 * below >= number:
            return mean, value
    raise ValueError("an empty histogram has no middle")
