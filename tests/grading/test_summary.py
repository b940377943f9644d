"""The summary of a class: counts, mistakes by the decoy that they resemble, and an inert page."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from coursetools.grading.decoys import Outcomes, cached_outcomes, read_background
from coursetools.grading.mistakes import find_mistakes
from coursetools.grading.people import write_for_people
from coursetools.grading.results import Check, Result
from coursetools.grading.tally import MOST_KINDS, Statistics

from .conftest import STEM

SEED = 4711
LAW = "A law does not hold: "
TOTALS = {STEM: 6}


@pytest.fixture(scope="module")
def outcomes(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What the decoys of the small set show, kept."""
    return cached_outcomes(course, STEM, SEED, tmp_path_factory.mktemp("decoys"))


def as_decoy(student: str, decoy: str, outcomes: Outcomes, **code: str) -> Result:
    return Result(student, STEM, "", (), tuple(outcomes[decoy].values()), code)


def test_what_decoys_show_is_kept_until_the_seed_changes(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcomes: Outcomes
) -> None:
    runs: list[int] = []

    def run(root: Path, stem: str, seed: int, *_: Any) -> Outcomes:
        runs.append(seed)
        return outcomes

    monkeypatch.setattr("coursetools.grading.decoys.decoy_outcomes", run)
    for seed in (1, 1, 2, 2):
        assert cached_outcomes(course, STEM, seed, tmp_path) == outcomes
    assert runs == [1, 2]
    (tmp_path / f"{STEM}.json").write_text('{"digest')
    assert cached_outcomes(course, STEM, 2, tmp_path) == outcomes
    assert runs == [1, 2, 2]


def test_a_mistake_is_known_by_what_it_shows_whatever_the_code(outcomes: Outcomes) -> None:
    assert not any(check.passed for check in list(outcomes["transposed"].values())[:2])
    tally = Statistics({STEM: {"cells": []}}, TOTALS, lambda _: outcomes)
    assert tally.sets[STEM].graded == 0
    for decoy in ("transposed", "reflection", "count-smaller"):
        checks = list(outcomes[decoy].values())
        lost = {d: _lost(outcomes, d) for d in outcomes if d != "solution"}
        found = list(find_mistakes(checks, lost))
        assert [(one.kind, one.decoys) for one in found] == [("decoy", (decoy,))]


def _lost(outcomes: Outcomes, decoy: str) -> dict[str, str]:
    from coursetools.grading.mistakes import decoy_signatures

    return decoy_signatures(outcomes)[decoy]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ({"a": LAW + "long", "b": LAW + "far"}, [("decoy", ("both",))]),
        ({"a": LAW + "long"}, [("decoy", ("first", "twin"))]),
        ({"a": LAW + "long", "b": LAW + "near"}, [("decoy", ("first", "twin")), ("law", ())]),
        ({"b": LAW + "far"}, [("like", ("both",))]),
        (
            {"a": "Not answered yet. Your turn", "b": "NameError: f"},
            [("unanswered", ()), ("error", ())],
        ),
        ({"a": "TypeError: x", "b": "TypeError: x"}, [("error", ())]),
        ({"a": LAW + "long\nNo answer cell"}, [("decoy", ("first", "twin"))]),
        ({}, []),
    ],
)
def test_decoys_explain_what_they_can(
    messages: dict[str, str], expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    decoys = {
        "first": {"a": "law: long"},
        "twin": {"a": "law: long"},
        "both": {"a": "law: long", "b": "law: far"},
    }
    checks = [Check(name, 1, name not in messages, messages.get(name, "")) for name in "ab"]
    found = find_mistakes(checks, decoys, ["No answer cell"])
    assert [(mistake.kind, mistake.decoys) for mistake in found] == expected


def test_rounding_makes_no_new_mistake() -> None:
    decoys = {"d": {"a": "law: off by 1.235e-05"}}
    check = Check("a", 1, False, LAW + "off by 0.0000123456789")
    assert next(find_mistakes([check], decoys)).decoys == ("d",)


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)


EVIL = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>"


def summary(
    course: Path, out: Path, notebook: Callable[..., Any], results: Sequence[Result]
) -> str:
    write_for_people(course, out, results, {STEM: notebook()}, TOTALS, SEED, site="https://e.org")
    return (out / "summary.html").read_text(encoding="utf-8")


def test_the_page_counts_and_names_decoys(
    course: Path,
    tmp_path: Path,
    notebook: Callable[..., Any],
    outcomes: Outcomes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("coursetools.grading.people.cached_outcomes", lambda *_: outcomes)
    results = [as_decoy(f"s{k}", "transposed", outcomes, rotation=EVIL) for k in range(3)]
    results += [as_decoy(EVIL.replace("/", ""), "count-smaller", outcomes)]
    results += [as_decoy("t", "solution", outcomes), Result("u", "notes", "", (EVIL,))]
    unread = Check("check-count", 3, False, "no JSON")
    results += [Result("v", STEM, "", ("no JSON",), (unread,))]  # tells nothing of the check
    made = summary(course, tmp_path, notebook, results)
    reader = Reader()
    reader.feed(made)
    assert "script" not in reader.tags
    assert "img" not in reader.tags
    assert "default-src 'none'" in made
    assert "5 students, 5 exercise sets graded, 2 files with problems" in made
    assert "5 handed in, mean 3.6, median 3 of 6" in made
    assert "<strong>3</strong> students: as the decoy <code>transposed</code>" in made
    assert re.search(r"<code>check-rotation</code></th><td class='number'>40 % ", made)
    assert read_background(course, STEM).decoys["transposed"][:12] == "def rotation"
    assert "The answer to the last one is the greatest common divisor." in made
    assert (tmp_path / "feedback" / "s0" / f"{STEM}.html").is_file()
    assert (tmp_path / "feedback" / "s0" / "index.html").is_file()
    assert not (tmp_path / "feedback" / "u").exists()
    assert (tmp_path / "feedback" / "v" / f"{STEM}.html").is_file()
    assert "no JSON" not in made


def test_decoys_that_cannot_run_do_not_stop_the_reports(
    course: Path,
    tmp_path: Path,
    notebook: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: Any) -> Outcomes:
        raise OSError("no more disk")

    monkeypatch.setattr("coursetools.grading.people.cached_outcomes", fail)
    checks = (Check("check-count", 3, False, "TypeError: no"),)
    made = summary(course, tmp_path, notebook, [Result("ada", STEM, "", (), checks)])
    assert "<code class='said'>TypeError: no</code>" in made
    assert "decoys could not be run: no more disk" in capsys.readouterr().err


def test_a_class_in_which_everybody_is_wrong_in_another_way_stays_small(
    notebook: Callable[..., Any],
) -> None:
    def students(number: int) -> Iterator[Result]:
        for k in range(number):
            check = Check("check-count", 3, False, f"ValueError: {k}")
            yield Result(f"s{k}", STEM, "", (), (check,), {"count": f"{k:04d}" * 300})

    def peak(number: int) -> int:
        tally = Statistics({STEM: notebook()}, TOTALS, lambda _: {})
        tracemalloc.start()
        for result in students(number):
            tally(result.student, [result])
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert tally.sets[STEM].graded == number
        (question,) = (q for q in tally.sets[STEM].questions if q.mistakes)
        assert question.forgotten + sum(k.count for k in question.mistakes.values()) == number
        assert len(question.mistakes) <= 2 * MOST_KINDS
        return found

    assert peak(5000) < peak(1000) * 1.2
