"""Write `summary.html` for the instructor: how a class did, and what it gets wrong.

It names decoys and shows students' code, so it is no page to publish.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from coursetools.grading.decoys import Background
from coursetools.grading.drawing import histogram, rail
from coursetools.grading.hints import formatted
from coursetools.grading.mistakes import Mistake
from coursetools.grading.page import table, text, whole_page
from coursetools.grading.results import write_text
from coursetools.grading.saying import WORDS, read_message
from coursetools.grading.tally import BINS, Kind, Question, SetCount, Statistics, middle

MOST_HARD = 15
MOST_COMMON = 10
MOST_OF_QUESTION = 6
MOST_DECOYS = 4


def write_summary(out: Path, statistics: Statistics, backgrounds: Mapping[str, Background]) -> Path:
    """Write `summary.html` and return its path.

    Args:
        out: The folder of the reports.
        statistics: The class, counted.
        backgrounds: What the author of each set wrote about wrong answers.
    """
    path = out / "summary.html"
    write_text(path, whole_page("The class", _body(statistics, backgrounds), wide=True))
    return path


def _body(statistics: Statistics, backgrounds: Mapping[str, Background]) -> Iterator[str]:
    graded = {stem: one for stem, one in statistics.sets.items() if one.graded}
    files = sum(one.graded for one in graded.values())
    yield "<h1>The class</h1>"
    yield (
        f"<p>{statistics.students} student{'s' * (statistics.students != 1)}, {files} exercise "
        f"set{'s' * (files != 1)} graded, {statistics.troubled} file"
        f"{'s' * (statistics.troubled != 1)} with problems (the last column of "
        "<a href='grades.csv'>grades.csv</a>).</p>"
    )
    if not graded:
        yield "<p>Nothing could be graded yet.</p>"
        return
    yield "<h2>Points</h2><div class='plots'>"
    if len(graded) > 1:
        _, median = middle(statistics.fractions)
        about = f"Of what each student handed in: the median is in {_percent(median)}"
        plot = histogram(statistics.fractions, BINS - 1, about, _percent)
        yield f"<figure>{plot}<figcaption>{text(about)}</figcaption></figure>"
    for stem, one in graded.items():
        yield _distribution(stem, one)
    yield "</div><h2>The hardest checks</h2>"
    yield _hardest(graded)
    yield "<h2>The commonest wrong answers</h2>"
    yield from _commonest(graded)
    for stem, one in graded.items():
        yield from _set(stem, one, backgrounds.get(stem, Background()))


def _percent(twentieth: int) -> str:
    return f"{100 * twentieth // BINS} to {100 * (twentieth + 1) // BINS} %"


def _distribution(stem: str, one: SetCount) -> str:
    mean, median = middle(one.points)
    about = (
        f"{one.title}: {one.graded} handed in, mean {mean:.1f}, median {median} of {one.possible}"
    )
    plot = histogram(one.points, one.possible, about)
    return (
        f"<figure>{plot}<figcaption><a href='#{text(stem)}'>{text(one.title)}</a>: {one.graded} "
        f"handed in, mean {mean:.1f}, median {median} of {one.possible}</figcaption></figure>"
    )


def _hardest(graded: Mapping[str, SetCount]) -> str:
    shares = [
        (one.passed[name] / asked, stem, name, asked)
        for stem, one in graded.items()
        for name, asked in one.asked.items()
    ]
    rows = []
    for share, stem, name, asked in sorted(shares)[:MOST_HARD]:
        one = graded[stem]
        rows.append(
            [
                f"<code>{text(name)}</code>",
                f"{100 * share:.0f} % {rail(share)}",
                f"{one.passed[name]} of {asked}",
                str(one.worth[name]),
                f"<a href='#{text(stem)}'>{text(one.title)}</a>",
            ]
        )
    heading = ["check", "#share", "#passed", "#points", "exercise set"]
    return table(heading, rows, "The checks that fewest passed")


def _commonest(graded: Mapping[str, SetCount]) -> Iterator[str]:
    found = [
        (kind.count, stem, number, mistake)
        for stem, one in graded.items()
        for number, question in enumerate(one.questions)
        for mistake, kind in question.mistakes.items()
        if mistake.kind != "unanswered"
    ]
    found.sort(key=lambda row: (-row[0], row[1], row[2]))
    if not found:
        yield "<p>There are none.</p>"
        return
    rows = []
    for count, stem, number, mistake in found[:MOST_COMMON]:
        heading = graded[stem].questions[number].part.heading
        rows.append(
            [f"<a href='#{text(stem)}-{number}'>{text(heading)}</a>", _words(mistake), str(count)]
        )
    yield table(["question", "wrong answer", "#students"], rows, "The commonest wrong answers")
    blank = sum(
        kind.count
        for one in graded.values()
        for question in one.questions
        for mistake, kind in question.mistakes.items()
        if mistake.kind == "unanswered"
    )
    yield f"<p>Not counted here: questions left blank, {blank} times.</p>"


def _set(stem: str, one: SetCount, background: Background) -> Iterator[str]:
    yield f"<h2 id='{text(stem)}'>{text(one.title)}</h2>"
    if all(one.passed[name] == asked for name, asked in one.asked.items()):
        yield "<p>Everybody passed every check.</p>"
    for number, question in enumerate(one.questions):
        if question.mistakes:
            yield f"<h3 id='{text(stem)}-{number}'>{text(question.part.heading)}</h3>"
            yield from _question(question, stem, background)
            for name in question.part.answers:
                if name in background.discussions:
                    yield (
                        f"<details><summary>What the solution says about <code>{text(name)}</code>"
                        f"</summary><p class='lines'>{formatted(background.discussions[name])}</p>"
                        "</details>"
                    )


def _question(question: Question, stem: str, background: Background) -> Iterator[str]:
    ranked = sorted(question.mistakes.items(), key=lambda item: -item[1].count)
    for mistake, kind in ranked[:MOST_OF_QUESTION]:
        checks = ", ".join(f"<code>{text(name)}</code>" for name in mistake.checks)
        yield (
            f"<section class='kind'><p><strong>{kind.count}</strong> student"
            f"{'s' * (kind.count != 1)}: {_words(mistake)} <span class='muted'>({checks})</span>"
            "</p>"
        )
        if mistake.kind != "unanswered":
            yield _example(kind, stem)
        for name in mistake.decoys[:MOST_DECOYS]:
            if name in background.decoys:
                yield (
                    f"<details><summary>The decoy <code>{text(name)}</code></summary>"
                    f"<pre><code>{text(background.decoys[name])}</code></pre></details>"
                )
        yield "</section>"
    rest = ranked[MOST_OF_QUESTION:]
    others = sum(kind.count for _, kind in rest) + question.forgotten
    if others:
        yield f"<p class='muted'>{others} more, each of another kind or a rarer one.</p>"


def _example(kind: Kind, stem: str) -> str:
    page = f"feedback/{quote(kind.student)}/{quote(stem)}.html"
    return (
        f"<details><summary>For example, by {text(kind.student)}</summary>"
        f"<pre>{text(kind.message)}</pre><pre><code>{text(kind.code)}</code></pre>"
        f"<p><a href='{page}'>The whole feedback</a></p></details>"
    )


def _words(mistake: Mistake) -> str:
    names = " or ".join(f"<code>{text(name)}</code>" for name in mistake.decoys[:MOST_DECOYS])
    if mistake.kind == "decoy":
        return f"as the decoy {names}"
    if mistake.kind == "like":
        return f"in this check alone as the decoy {names}"
    if mistake.kind == "unanswered":
        return "not answered"
    if mistake.kind == "differs":
        return "another result, the same for all of them"
    if mistake.kind == "law":
        saying = read_message(f"A law does not hold: {mistake.text}")
        return f"<q>{text(saying.law[:300])}</q>"
    if mistake.kind == "error":
        return f"<code class='said'>{text(mistake.text[:200])}</code>"
    return text(WORDS.get(mistake.kind, mistake.kind))
