from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from coursetools.grading.explain import differs
from coursetools.grading.feedback import page, parts_of, write_overview
from coursetools.grading.lecture import Lecture
from coursetools.grading.results import Check, Result

EVIL = "</code></pre><script>alert(1)</script><img src=x onerror=alert(2)>'\"&\ud800"


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


LECTURE = Lecture("Turning", "https://example.org/book/90-turn.html", {"Count": "count"})
HINTS = "".join(
    f"<details><summary>Hint {k}</summary>help {k} with <code>a < b</code></details>\n\n"
    for k in (1, 2, 3)
)


def with_hints(notebook: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """The exercise notebook with hints for its last question, and its section of a lecture."""
    pristine = notebook()
    for cell in pristine["cells"]:
        if "".join(cell["source"]) == "## Count a stabilizer":
            cell["source"] = "## Count a stabilizer\n\n" + HINTS
        if cell["metadata"].get("name") == "count":
            cell["metadata"]["section"] = "Count"
    return pristine


def make(notebook: Callable[..., dict[str, Any]], evil: str) -> str:
    result = Result(
        student=evil,
        stem="90_turn",
        digest="",
        problems=(evil,),
        checks=(Check("check-rotation", 2, True, ""), Check("check-rotate", 1, False, evil)),
        code={"rotation": evil, "count": "x = 1 < 2"},
        answers={"rotation": evil},
    )
    return page(result, notebook(), LECTURE)


def test_nothing_of_a_students_becomes_markup(notebook: Callable[..., dict[str, Any]]) -> None:
    evil, tame = Reader(), Reader()
    text = make(notebook, EVIL)
    evil.feed(text)
    tame.feed(make(notebook, "tame"))
    assert evil.tags == tame.tags
    assert evil.attributes == tame.attributes
    assert "script" not in evil.tags
    assert evil.text.count("<script>alert(1)</script>") == 6  # title, name, problem, check, code
    assert "default-src 'none'" in text


def test_a_page_needs_nothing_from_elsewhere(notebook: Callable[..., dict[str, Any]]) -> None:
    made = make(notebook, "tame")
    assert not re.search(r"url\(|@import|src=|<link|<script|<style[^>]+href", made)
    linked = set(re.findall(r"href='([^'#]*)", made))  # what is only there when one follows it
    assert linked == {"", "index.html", LECTURE.address}


def test_a_page_says_points_code_and_what_each_check_said(
    notebook: Callable[..., dict[str, Any]],
) -> None:
    reader = Reader()
    reader.feed(make(notebook, "tame"))
    assert "2 of 3 points" in reader.text
    assert "Turn it" in reader.text
    assert "✓ Passed: check-rotation, 2 of 2" in reader.text
    assert "✗ Not passed: check-rotate, 0 of 1" in reader.text
    assert "x = 1 < 2" in reader.text
    assert "No answer cell rotate was read" in reader.text


def test_a_difference_is_told_line_by_line() -> None:
    said = differs(
        ["check> R: shape (2,): 1  2", "check> n: 3"], ["check> R: shape (1, 2)", "check>   1  nan"]
    )
    assert "expected: n: 3" in said
    assert "nan means not a number" in said
    assert "The shapes differ" in said
    assert "showed nothing" in differs(["check> n: 3"], [])
    assert len(differs(["check> 1"] * 9000, ["check> 2"] * 9000)) < 4000


@pytest.mark.parametrize(
    ("message", "passed", "first"),
    [
        ("Not answered yet. Your turn: write `count`.", False, "Hint 1"),
        ("A law does not hold: the count is of divisors", False, "Hint 2"),
        ("", True, None),
    ],
)
def test_the_next_hint_depends_on_how_far_the_answer_is(
    notebook: Callable[..., dict[str, Any]], message: str, passed: bool, first: str | None
) -> None:
    result = Result("ada", "90_turn", "", (), (Check("check-count", 3, passed, message),))
    made = page(result, with_hints(notebook), LECTURE)
    offered = re.findall(r"Next for you: (Hint \d)", made)
    assert offered == ([first] if first else [])
    if first:
        assert "help 3 with <code>a &lt; b</code>" in made
        assert "href='https://example.org/book/90-turn.html#count' rel='noreferrer'>Count<" in made
    else:
        assert "Read again" not in made


def test_a_law_and_its_element_are_set_apart(notebook: Callable[..., dict[str, Any]]) -> None:
    message = (
        "A law does not hold: lengths changed under the rotation\n[[0.0, 1.0],\n [-1.0, 0.0]]\n"
        "Tensor-likes are not close!\n\nMismatched elements: 3 / 4 (75.0%)\n"
        "Greatest absolute difference: 1.234567 at index (0, 1)"
    )
    result = Result("ada", "90_turn", "", (), (Check("check-rotation", 2, False, message),))
    made = page(result, notebook())
    assert "<strong>lengths changed under the rotation</strong>" in made
    assert "The element of the group:</p><pre>[[0.0, 1.0],\n [-1.0, 0.0]]</pre>" in made
    assert "3 of 4 numbers are off, the largest by 1.23." in made


def test_questions_follow_the_notebook(notebook: Callable[..., dict[str, Any]]) -> None:
    parts = parts_of(with_hints(notebook))
    assert [part.heading for part in parts] == [
        "A rotation matrix",
        "Rotate points",
        "Count a stabilizer",
    ]
    assert [len(part.hints) for part in parts] == [0, 0, 3]
    assert parts[2].answers == ["count"]
    assert parts[2].checks == ["check-count"]
    assert parts[2].section == "Count"


def test_the_overview_adds_up_and_links(tmp_path: Path) -> None:
    done = Result("ada", "90_turn", "", (), (Check("a", 2, True, ""), Check("b", 1, False, "no")))
    stray = Result("ada", EVIL, "", (EVIL,))
    made = write_overview(tmp_path, "ada", [done, stray], {"90_turn": "Turn it"}).read_text()
    assert "<strong>2</strong> of 3 points" in made
    assert "<a href='90_turn.html'>Turn it</a>" in made
    assert "<script>" not in made
    assert EVIL not in made
    assert made.count("<td class='number'>–</td>") == 2


def test_a_file_that_cannot_be_read_is_told_once(notebook: Callable[..., dict[str, Any]]) -> None:
    why = "The file is empty."
    checks = (Check("check-rotation", 2, False, why), Check("check-count", 3, False, why))
    made = page(Result("ada", "90_turn", "", (why,), checks), with_hints(notebook), LECTURE)
    assert made.count(why) == 1
    assert "Hint" not in made
    assert "<strong>0</strong> of 5 points" in made


def test_why_a_cell_did_not_run_comes_before_what_follows_from_it(
    notebook: Callable[..., dict[str, Any]],
) -> None:
    lost = Check("check-count", 3, False, "name 'count' is not defined")
    result = Result("ada", "90_turn", "", (), (lost,), {"count": "x("}, {"count": "SyntaxError"})
    made = page(result, notebook())
    assert made.index("SyntaxError") < made.index("is not defined")
