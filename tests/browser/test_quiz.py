"""A quiz asks before it tells: by pointer, by keyboard, with and without a memory."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.site


@pytest.fixture
def quiz(page: Page, toy_url: str) -> Locator:
    page.goto(toy_url + "book/02-words.html")
    return page.locator(".quiz")


def test_nothing_is_told_before_the_commitment(quiz: Locator) -> None:
    expect(quiz.locator(".quiz-body")).to_be_hidden()
    for feedback in quiz.locator(".quiz-feedback").all():
        expect(feedback).to_be_hidden()
    quiz.get_by_role("button", name="Commit").click()
    expect(quiz.get_by_role("status")).to_contain_text("Choose an answer first")
    expect(quiz.locator(".quiz-body")).to_be_hidden()


def test_a_wrong_answer_by_pointer_gets_its_own_feedback(quiz: Locator) -> None:
    quiz.get_by_text("It depends on the").click()
    quiz.get_by_role("button", name="Commit").click()
    status = quiz.get_by_role("status")
    expect(status).to_contain_text("C is not what happens")
    expect(status.get_by_text("There is no axis that nature prefers.")).to_be_visible()
    expect(status.get_by_text("Nature has no preferred direction.")).to_be_hidden()
    expect(quiz.locator(".quiz-body")).to_be_visible()
    expect(quiz.locator(".quiz-choice[data-chosen]")).to_contain_text("axis")


def test_the_right_answer_by_keyboard_is_remembered_and_can_be_cleared(
    page: Page, quiz: Locator
) -> None:
    quiz.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(quiz.get_by_role("button", name="Commit")).to_be_focused()
    page.keyboard.press("Enter")
    expect(quiz.get_by_role("status")).to_contain_text("B is right")
    page.reload()
    expect(quiz.get_by_role("status")).to_contain_text("B is right")
    expect(quiz.get_by_role("radio").nth(1)).to_be_checked()
    quiz.get_by_role("button", name="Clear my answer").click()
    expect(quiz.locator(".quiz-body")).to_be_hidden()
    expect(quiz.get_by_role("radio").first).to_be_focused()
    page.reload()
    expect(quiz.locator(".quiz-body")).to_be_hidden()


def test_it_works_where_storage_is_refused(page: Page, toy_url: str) -> None:
    refuse = "Storage.prototype.{} = () => {{ throw new DOMException('no', 'SecurityError'); }};"
    page.goto(toy_url + "book/02-words.html")
    page.evaluate(
        "".join(refuse.format(name) for name in ("getItem", "setItem", "removeItem")) + "0"
    )
    quiz = page.locator(".quiz")
    quiz.get_by_role("radio").nth(1).check()
    quiz.get_by_role("button", name="Commit").click()
    expect(quiz.get_by_role("status")).to_contain_text("B is right")
    quiz.get_by_role("button", name="Clear my answer").click()
    expect(quiz.locator(".quiz-body")).to_be_hidden()


def test_the_group_is_named_by_its_question(quiz: Locator) -> None:
    expect(quiz.get_by_role("group", name="What happens to its energy?")).to_be_visible()
