"""The Cayley table on the page of its lecture shows what Python recorded there."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Locator, Page
from widget_page import READY

from equivar.widgets.cayley_table import shown

LECTURE = "book/02-groups-orbits-stabilizers.html"


def texts(widget: Locator) -> dict[str, str]:
    widget.locator(".eq-cayley:not([data-moving])").wait_for()
    return widget.evaluate(
        "(w) => Object.fromEntries([...w.querySelectorAll('[data-shown]')]"
        ".map((e) => [e.dataset.shown, e.textContent]))"
    )


@pytest.mark.site
def test_the_lecture_shows_what_python_recorded(page: Page, site_url: str) -> None:
    page.goto(site_url + LECTURE)
    page.wait_for_function(READY)
    table = page.locator("equivar-widget", has=page.locator(".eq-cayley")).first
    state = json.loads(table.locator("script").text_content() or "")["state"]
    group, picture, h, g = state["at"]
    align = "(e) => getComputedStyle(e).textAlign"
    assert table.locator(".stage td").first.evaluate(align) == "center"  # no theme reached in
    before = texts(table)
    assert before == shown(state, (group, picture, h, g))
    moves = {"ArrowRight": (h + 1, g), "ArrowDown": (h + 1, g + 1), "Home": (0, 0)}
    for key, (first, then) in moves.items():
        table.get_by_role("application").press(key)
        assert texts(table) == shown(state, (group, picture, first, then))
    assert texts(table) != before


@pytest.mark.site
def test_each_picture_of_an_orbit_has_its_names_on_one_line(page: Page, site_url: str) -> None:
    page.goto(site_url + LECTURE)
    page.wait_for_function(READY)
    table = page.locator("equivar-widget", has=page.locator(".eq-cayley")).first
    strip = table.locator(".orbit")
    heights = []
    for name in ("T", "I", "O", "L"):
        table.get_by_role("button", name=name, exact=True).click()
        heights.append(strip.evaluate("(e) => e.offsetHeight"))
        lines = strip.locator(".thumb p").evaluate_all(
            "(all) => all.map((p) => { const r = document.createRange();"
            " r.selectNodeContents(p); return r.getClientRects().length; })"
        )
        assert set(lines) == {1}
    assert len(set(heights)) == 1  # so nothing below it jumps
