"""What grading writes for people: open to everyone, inert, and asking nobody for anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from watching import Watch

from coursetools.grading.people import write_for_people
from coursetools.grading.results import Check, Result

MODES = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
EVIL = (
    "</code></pre></details><script>document.title = 'run'</script>"
    "<img src='https://example.org/x.png' onerror=\"document.title = 'run'\">"
    "<style>@import 'https://example.org/x.css';</style><form action='https://example.org'>"
)
LAW = (
    "A law does not hold: b moved when the cloud turned by\n[[0.0, -1.0], [1.0, 0.0]]\n"
    "Tensor-likes are not close!\n\nMismatched elements: 3 / 4 (75.0%)\n"
    "Greatest absolute difference: 1.25 at index (0, 1)"
)
DIFFERS = (
    "The code runs, but its result is not the right one.\n  expected: n: shape (9,): "
    + "0.123456  " * 9
    + "\n  yours:    n: shape (9,): "
    + "1.234567  " * 9
)


def cell(kind: str, source: str, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": kind, "source": source, "metadata": metadata}


PRISTINE = {
    "cells": [
        cell("markdown", "# Exercises 90: turning"),
        cell(
            "markdown",
            "## 1. A rotation\n\n<details><summary>Hint 1</summary>Use <code>a @ b</code>: "
            "$x^2$.</details><details><summary>Hint 2</summary>Or so.</details>",
        ),
        cell("code", "", name="rotation", role="answer", section="Orbits"),
        cell("code", "", name="check-law", role="check", points=2),
        cell("code", "", name="check-result", role="check", points=1),
        cell("markdown", "## 2. A count"),
        cell("code", "", name="count", role="answer"),
        cell("code", "", name="check-count", role="check", points=3),
    ]
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of a small class whose code, names and messages are hostile markup."""
    root, out = tmp_path_factory.mktemp("course"), tmp_path_factory.mktemp("out")
    (root / "book").mkdir()
    (root / "book" / "90-turn.md").write_text("# Turning\n\n## Orbits\n")
    name = EVIL.replace("/", "")
    results = []
    for student in ("ada", name):
        checks = (
            Check("check-law", 2, False, LAW + EVIL),
            Check("check-result", 1, False, DIFFERS, ("check> n: 1",)),
            Check("check-count", 3, student == "ada", "" if student == "ada" else EVIL),
        )
        code = {"rotation": EVIL * 3, "count": "x = 1"}
        results.append(Result(student, "90_turn", "", (EVIL,), checks, code, {"rotation": EVIL}))
    totals = {"90_turn": 6}
    write_for_people(
        root, out, results, {"90_turn": PRISTINE}, totals, 1, site="https://e.org", decoys=False
    )
    return out


def faults(page: Page) -> list[str]:
    """What axe finds, and a page that is wider than its window."""
    options = {"resultTypes": ["violations"], "preload": False}
    violations = Axe().run(page, options=options).response["violations"]
    found = [f"{one['id']}: {node['html'][:200]}" for one in violations for node in one["nodes"]]
    over = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return found + [f"the page is {over} px wider than the window"] * (over > 0)


@pytest.mark.parametrize(("width", "scheme"), MODES)
def test_pages_are_open_and_inert(browser: Browser, written: Path, width: int, scheme: str) -> None:
    pages = sorted(written.rglob("*.html"))
    assert len(pages) == 5
    context = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, reduced_motion="reduce"
    )
    watch = Watch(context)
    page = context.new_page()
    for path in pages:
        page.goto(path.as_uri())
        page.wait_for_load_state("networkidle")
        assert page.title() != "run"
        assert not page.locator("script, img, form, iframe, link").count()
        ink = "rgb(31, 35, 40)" if scheme == "light" else "rgb(230, 237, 243)"
        assert page.evaluate("getComputedStyle(document.body).color") == ink
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        assert not faults(page), path.name
    assert not watch.problems
    context.close()


def test_a_student_finds_the_way(browser: Browser, written: Path) -> None:
    page = browser.new_page()
    page.goto((written / "feedback" / "ada" / "index.html").as_uri())
    page.get_by_role("link", name="Exercises 90: turning").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Exercises 90: turning"
    page.get_by_role("link", name="1. A rotation").click()
    hint = page.get_by_text("Next for you: Hint 1")
    assert not page.get_by_text("Use a @ b").is_visible()
    hint.click()
    assert page.get_by_text("Use a @ b").is_visible()
    address = page.get_by_role("link", name="Orbits").get_attribute("href")
    assert address == "https://e.org/book/90-turn.html#orbits"
    page.close()
