"""Write what a student reads: a page for each exercise set, and one that lists all of them.

A student's code is text here, never markup: everything is escaped, and the page's own policy
forbids scripts, so a page that an instructor opens runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from coursetools.grading.hints import Hint, hints, next_hint
from coursetools.grading.lecture import Lecture
from coursetools.grading.page import points_of, table, text, whole_page
from coursetools.grading.results import Check, Result, write_text
from coursetools.grading.saying import Saying, kind_of, read_message

OVERVIEW = "index"  # no exercise set is called so: they are NN_topic


@dataclass
class Part:
    """One question of an exercise set: its answers, its checks, and what helps with it."""

    heading: str
    answers: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    hints: tuple[Hint, ...] = ()
    section: str | None = None  # of the lecture


def parts_of(pristine: dict[str, Any]) -> list[Part]:
    """The questions of an exercise notebook, in order.

    A question begins with Markdown that has a heading or hints, and ends before the next one.
    """
    parts: list[Part] = []
    for cell in pristine["cells"]:
        metadata = cell["metadata"]
        if cell["cell_type"] == "markdown":
            source = "".join(cell["source"])
            found, own = _headings(source, "##"), hints(source)
            last = parts[-1] if parts else None
            if found or (own and last and last.answers):
                heading = found[-1] if found else (last.heading if last else "")
                parts.append(Part(heading, hints=own))
            elif own and last:  # hints of a question whose heading stood in a cell before
                last.hints += own
        elif metadata.get("role") in ("answer", "check"):
            if not parts:
                parts.append(Part(metadata["name"]))
            if metadata["role"] == "answer":
                parts[-1].answers.append(metadata["name"])
                parts[-1].section = metadata.get("section") or parts[-1].section
            else:
                parts[-1].checks.append(metadata["name"])
    return [part for part in parts if part.answers or part.checks]


def set_title(pristine: dict[str, Any], stem: str) -> str:
    """The title of an exercise set: the first heading of its notebook."""
    markdown = (c for c in pristine["cells"] if c["cell_type"] == "markdown")
    found = [title for cell in markdown for title in _headings("".join(cell["source"]), "# ")]
    return found[0] if found else stem


def write_feedback(
    out: Path, result: Result, pristine: dict[str, Any], lecture: Lecture | None = None
) -> Path:
    """Write `feedback/<student>/<stem>.html` and return its path."""
    path = out / "feedback" / result.student / f"{result.stem}.html"
    write_text(path, page(result, pristine, lecture))
    return path


def page(result: Result, pristine: dict[str, Any], lecture: Lecture | None = None) -> str:
    """The feedback page as HTML.

    Args:
        result: What grading found out.
        pristine: The exercise notebook, for titles, hints and the order of answers and checks.
        lecture: Where the set's lecture is read.
    """
    possible = sum(check.points for check in result.checks)
    title = set_title(pristine, result.stem)
    body = [
        f"<p class='muted'>{text(result.student)} · "
        f"<a href='{OVERVIEW}.html'>your exercises</a></p>",
        f"<h1>{text(title)}</h1>",
        f"<p class='score'><strong>{result.points}</strong> of {possible} "
        f"point{'s' * (possible != 1)}</p>",
    ]
    body += [f"<p class='bad'>{text(problem)}</p>" for problem in result.problems]
    checks = {check.name: check for check in result.checks}
    contents, sections = [], []
    if result.unread:  # nothing below would say more
        return whole_page(f"{result.student}: {title}", body)
    heading = ""
    for number, part in enumerate(parts_of(pristine)):
        own = [checks[name] for name in part.checks if name in checks]
        earned = sum(check.points for check in own if check.passed)
        words = part.heading if part.heading != heading else f"{heading} (continued)"
        heading = part.heading
        score = points_of(earned, sum(check.points for check in own)) if own else ""
        contents.append([f"<a href='#part-{number}'>{text(words)}</a>", score])
        sections.append(f"<h2 id='part-{number}'>{text(words)}</h2><p>{score}</p>")
        for name in part.answers:  # first, since all checks below fail because of it
            sections += _raised(name, result)
        sections += [_check(check) for check in own]
        lost = any(not check.passed for check in own)
        if lost:
            sections += _help(part, own, result, lecture)
        for name in part.answers:
            sections += _answer(name, result, opened=lost)
    if contents:
        body.append(table(["question", "#points"], contents, "Points of each question"))
    return whole_page(f"{result.student}: {title}", body + sections)


def _help(
    part: Part, checks: list[Check], result: Result, lecture: Lecture | None
) -> Iterator[str]:
    """What to do next: a hint, folded, and what to read again."""
    if part.hints:
        blank = [kind_of(check.message) == "unanswered" for check in checks if not check.passed]
        answered = not all(blank) and not any(name in result.answers for name in part.answers)
        passed = sum(check.passed for check in checks)
        chosen = next_hint(part.hints, answered, passed, len(checks) - passed)
        yield _hint(part.hints[chosen], "Next for you: ")
        others = [_hint(hint) for k, hint in enumerate(part.hints) if k != chosen]
        if others:
            yield f"<details><summary>The other hints</summary>{''.join(others)}</details>"
    if lecture is not None:
        words, address = lecture.link(part.section)
        link = f"<a href='{text(address)}' rel='noreferrer'>{text(words)}</a>"
        yield f"<p>Read again in the lecture: {link}</p>"


def _hint(hint: Hint, before: str = "") -> str:
    return f"<details><summary>{before}{text(hint.title)}</summary><p>{hint.html}</p></details>"


def _answer(name: str, result: Result, *, opened: bool) -> list[str]:
    if name not in result.code:
        return [f"<p class='bad'>No answer cell <code>{text(name)}</code> was read.</p>"]
    return [
        f"<details{' open' * opened}><summary>Your answer <code>{text(name)}</code></summary>"
        f"<pre><code>{text(result.code[name])}</code></pre></details>"
    ]


def _raised(name: str, result: Result) -> list[str]:
    if name not in result.answers:
        return []
    return [
        f"<p class='bad'>Your cell <code>{text(name)}</code> did not run to its end:</p>",
        f"<pre>{text(result.answers[name])}</pre>",
    ]


def _check(check: Check) -> str:
    # Words and a sign beside the color, for those who do not see it.
    kind, word = ("good", "✓ Passed") if check.passed else ("bad", "✗ Not passed")
    earned = check.points if check.passed else 0
    message = said(read_message(check.message)) if check.message else ""
    return (
        f"<section class='check {kind}'><h3>{word}: {text(check.name)}, "
        f"{earned} of {check.points}</h3>{message}</section>"
    )


def said(saying: Saying) -> str:
    """What a check said, as HTML: in words first, its numbers folded."""
    if saying.kind not in ("law", "differs"):
        return f"<p>{text(saying.headline)}.</p><pre>{text(saying.rest)}</pre>"
    parts = [f"<p>{text(saying.headline)}{'.' if saying.kind == 'differs' else ':'}</p>"]
    if saying.law:
        parts.append(f"<p><strong>{text(saying.law)}</strong></p>")
    if saying.element:
        parts.append(f"<p>The element of the group:</p><pre>{text(saying.element)}</pre>")
    if saying.size:
        parts.append(f"<p>{text(saying.size[0].upper() + saying.size[1:])}.</p>")
    for expected, yours in saying.pairs:
        parts.append(
            f"<dl class='pair'><dt>expected</dt><dd><code>{text(expected)}</code></dd>"
            f"<dt>yours</dt><dd><code>{text(yours)}</code></dd></dl>"
        )
    if saying.rest and saying.kind == "law" and saying.size:
        parts.append(
            f"<details><summary>The numbers</summary><pre>{text(saying.rest)}</pre></details>"
        )
    elif saying.rest:
        parts.append(f"<pre>{text(saying.rest)}</pre>")
    return "".join(parts)


def write_overview(
    out: Path, student: str, results: Iterable[Result], titles: dict[str, str]
) -> Path:
    """Write `feedback/<student>/index.html`: all that a student handed in, and return its path.

    Args:
        out: The folder of the reports.
        student: Whose results these are.
        results: One for each file that was handed in; only sums are kept of them.
        titles: The title of each exercise set by stem.
    """
    rows, earned, possible = [], 0, 0
    for result in results:
        most = sum(check.points for check in result.checks)
        earned, possible = earned + result.points, possible + most
        name = text(titles.get(result.stem, result.stem))
        if result.checks:
            name = f"<a href='{quote(result.stem)}.html'>{name}</a>"
        for problem in result.problems:
            name += f"<br><span class='bad'>{text(problem)}</span>"
        passed = sum(check.passed for check in result.checks)
        found = [f"{result.points} of {most}", f"{passed} of {len(result.checks)}"]
        rows.append([name, *(found if result.checks else ["–", "–"])])
    body = [
        f"<p class='muted'>{text(student)}</p>",
        "<h1>Your exercises</h1>",
        f"<p class='score'><strong>{earned}</strong> of {possible} points "
        "in what you have handed in</p>",
        table(["exercise", "#points", "#checks"], rows, "Points of each exercise"),
    ]
    path = out / "feedback" / student / f"{OVERVIEW}.html"
    write_text(path, whole_page(f"{student}: your exercises", body))
    return path


def _headings(source: str, mark: str) -> list[str]:
    found = re.findall(rf"^{mark}#* *(.+?)\s*$", source, flags=re.MULTILINE)
    return [words.replace("`", "") for words in found]
