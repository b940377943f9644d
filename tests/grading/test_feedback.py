from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

from coursetools.grading.explain import differs
from coursetools.grading.feedback import page
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
    return page(result, notebook())


def test_nothing_of_a_students_becomes_markup(notebook: Callable[..., dict[str, Any]]) -> None:
    evil, tame = Reader(), Reader()
    text = make(notebook, EVIL)
    evil.feed(text)
    tame.feed(make(notebook, "tame"))
    assert evil.tags == tame.tags
    assert evil.attributes == tame.attributes
    assert "script" not in evil.tags
    assert evil.text.count("<script>alert(1)</script>") == 6
    assert "default-src 'none'" in text


def test_a_page_needs_nothing_from_elsewhere(notebook: Callable[..., dict[str, Any]]) -> None:
    assert not re.search(r"https?://|url\(|@import|src=|href=", make(notebook, "tame"))


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
