"""The quiz directive: what it writes, and what it refuses."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from bs4 import BeautifulSoup, Tag

BAD = """\
# Quizzes

:::{quiz} two right
Which?

- [x] This.

  Yes.
- [x] That.

  Yes.
:::

:::{quiz} no feedback
Which?

- [x] This.

  Yes.
- [ ] The mute one.
:::

:::{quiz} no question
- [x] This.

  Yes.
- [ ] That.

  No.
:::

:::{quiz} no choices
Which?
:::

:::{quiz} one choice without a box
Which?

- [x] This.

  Yes.
- That.

  No.
:::
"""
EXPECTED = [
    "found 2 and 2",
    "'The mute one.' has no feedback",
    "asks its question in a paragraph",
    "found 0",
    "begins with `[ ]` or `[x]`",
]


def quiz_of(toy: Path) -> Tag:
    page = BeautifulSoup((toy / "book" / "02-words.html").read_text(), "html.parser")
    quiz = page.select_one(".quiz")
    assert quiz is not None
    return quiz


def test_mistakes_are_named_with_their_line(
    book: Callable[..., Path], build: Callable[[Path], subprocess.CompletedProcess[str]]
) -> None:
    done = build(book(intro=BAD))
    assert done.returncode == 1
    for message in EXPECTED:
        assert message in done.stdout
    assert done.stdout.count("intro.md:") >= len(EXPECTED)


def test_a_quiz_is_a_group_of_labeled_radio_buttons(toy: Path) -> None:
    quiz = quiz_of(toy)
    radios = quiz.select("fieldset input[type=radio]")
    labels = [label["for"] for label in quiz.select("fieldset label")]
    assert [radio["id"] for radio in radios] == labels
    assert len({radio["name"] for radio in radios}) == 1
    assert "What happens to its energy?" in quiz.select_one("legend").get_text()
    assert "task-list" not in str(quiz)


def test_mathematics_and_glue_work_in_every_part(toy: Path) -> None:
    quiz = quiz_of(toy)
    assert quiz.select("legend span.math")
    assert quiz.select("label span.math")
    assert "-0.25 eV" in " ".join(quiz.select("label")[1].get_text().split())
    assert quiz.select(".quiz-body div.math")


def test_without_javascript_the_answer_is_folded_and_complete(toy: Path) -> None:
    quiz = quiz_of(toy)
    answer = quiz.select_one("details.quiz-answer")
    assert not answer.has_attr("open")
    right = [part.has_attr("data-right") for part in answer.select(".quiz-feedback")]
    assert right == [False, True, False]
    assert "B is right." in answer.get_text()
    assert "The energy is invariant" in " ".join(answer.get_text().split())
    for control in quiz.select("input, button"):
        assert "pst-js-only" in control["class"]
