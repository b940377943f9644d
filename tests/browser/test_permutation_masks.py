"""The masks widget shows what Python recorded, however the nodes were put in order."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import CDPSession, Locator, Page
from widget_examples import four_nodes
from widget_page import PHONE, READY, served, started, texts

from equivar.plots import PALETTE
from equivar.widgets.permutation_masks import shown

LECTURE = "book/03-sets-and-graphs.html"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a page with the same widget twice."""
    folder = tmp_path_factory.mktemp("masks")
    bundle = four_nodes().static_bundle()
    with served(folder, bundle, bundle) as url:
        yield url


@pytest.fixture
def masks(page: Page, address: str) -> Locator:
    """Return the first of two widgets, started."""
    return started(page, address)


def state_of(masks: Locator) -> dict:
    return json.loads(masks.locator("script").text_content() or "")["state"]


def chips(masks: Locator) -> str:
    return " ".join(masks.locator(".chip").all_text_contents())


def check(masks: Locator, order: str) -> None:
    """Hold the page to Python: the order that it is in, and each text there."""
    state = state_of(masks)
    at = state["orders"].index(["ABCD".index(name) for name in order.split()])
    assert texts(masks) == shown(state, at)
    assert chips(masks) == order
    assert masks.get_by_role("slider").input_value() == str(at + 1)


def pictures(masks: Locator) -> list[list[str]]:
    """Return for each mask, and for the dense layer, which cells are where: sorted, with shades."""
    return masks.evaluate(
        """(w) => [...w.querySelectorAll('.tile svg, .dense svg')].map((svg) =>
          [...svg.querySelectorAll('.cell')].map((c) =>
            c.style.transform + (c.getAttribute('fill-opacity') ?? '')).sort())"""
    )


def test_it_starts_in_the_first_order(masks: Locator) -> None:
    check(masks, "A B C D")
    assert texts(masks)["error-0"] == texts(masks)["error-1"] == "0"
    assert masks.locator(".widget-fallback").count() == 0


def test_keys_move_a_node_and_stay_with_it(masks: Locator, page: Page) -> None:
    masks.locator(".chip").first.focus()
    page.keyboard.press("ArrowRight")
    check(masks, "B A C D")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    check(masks, "B C D A")
    page.keyboard.press("ArrowRight")  # there is no place beyond the last
    check(masks, "B C D A")
    page.keyboard.press("ArrowLeft")
    check(masks, "B C A D")
    assert page.evaluate("document.activeElement.textContent") == "A"
    page.keyboard.press("Home")
    check(masks, "A B C D")
    page.keyboard.press("Control+ArrowRight")  # the browser's own, not ours
    check(masks, "A B C D")


def test_masks_stay_as_they_are_and_dense_weights_do_not(masks: Locator) -> None:
    before = pictures(masks)
    assert len(before) == 16
    assert sum(map(len, before[:15])) == len(before[15]) == 256
    first = masks.locator(".tile .cell").nth(5).evaluate("(c) => c.style.transform")
    masks.get_by_role("button", name="Reverse").click()
    check(masks, "D C B A")
    after = pictures(masks)
    assert after[:15] == before[:15]
    assert after[15] != before[15]
    assert masks.locator(".tile .cell").nth(5).evaluate("(c) => c.style.transform") != first


def test_the_slider_reaches_every_order(masks: Locator) -> None:
    state = state_of(masks)
    for at, order in enumerate(state["orders"]):
        masks.get_by_role("slider").fill(str(at + 1))
        check(masks, " ".join("ABCD"[i] for i in order))
    spoken = masks.get_by_role("slider").get_attribute("aria-valuetext") or ""
    assert spoken.startswith("order 24 of 24: ")


def test_another_order_meets_them_all(masks: Locator) -> None:
    seen = set()
    for _ in range(24):
        masks.get_by_role("button", name="Another order").click()
        seen.add(chips(masks))
    assert len(seen) == 24
    check(masks, "A B C D")
    masks.get_by_role("button", name="Another order").click()
    masks.get_by_role("button", name="Reset").click()
    check(masks, "A B C D")


def test_a_drag_carries_a_node_along(masks: Locator, page: Page) -> None:
    boxes = [chip.bounding_box() for chip in masks.locator(".chip").all()]
    (x, y), (end, _) = ((b["x"] + b["width"] / 2, b["y"] + 10) for b in (boxes[3], boxes[0]) if b)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(end, y, steps=12)
    assert masks.locator(".chip[data-held]").text_content() == "D"
    page.mouse.up()
    assert masks.locator(".chip[data-held]").count() == 0
    check(masks, "D A B C")
    page.mouse.move(x, y, steps=5)  # the hand is empty again
    check(masks, "D A B C")


def touch(session: CDPSession, kind: str, *points: tuple[float, float]) -> None:
    at = [{"x": x, "y": y} for x, y in points]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})


@pytest.mark.parametrize("watch", [PHONE], indirect=True)
def test_a_finger_carries_a_node_along(masks: Locator, page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    boxes = [chip.bounding_box() for chip in masks.locator(".chip").all()]
    (x, y), (end, _) = ((b["x"] + b["width"] / 2, b["y"] + 10) for b in (boxes[0], boxes[2]) if b)
    session = page.context.new_cdp_session(page)
    touch(session, "touchStart", (x, y))
    for step in range(1, 11):
        touch(session, "touchMove", (x + (end - x) * step / 10, y))
    touch(session, "touchEnd")
    check(masks, "B C A D")
    assert page.evaluate("scrollY") == 0


def test_the_stored_table_is_where_python_puts_it(masks: Locator) -> None:
    masks.get_by_role("slider").fill("10")
    state = state_of(masks)
    order = state["orders"][9]
    found = masks.evaluate(
        """(w) => [...w.querySelectorAll('.numbers .slide:has(.entry)')]
          .map((g) => [...g.style.transform.match(/-?[0-9.]+/g).map((v) => v / 26),
                       Number(g.textContent)])"""
    )
    stored = {(row, column): value for column, row, value in found}
    for i, j in stored:
        assert stored[i, j] == state["table"][order[int(i)]][order[int(j)]]
    assert len(stored) == 16


def test_two_widgets_do_not_disturb_each_other(masks: Locator, page: Page) -> None:
    other = page.locator("equivar-widget").nth(1)
    other.get_by_role("button", name="Reverse").click()
    check(masks, "A B C D")
    check(other, "D C B A")


def test_the_numbers_are_said_once_it_rests(masks: Locator, page: Page) -> None:
    live = masks.locator("[aria-live]")
    page.wait_for_timeout(900)  # longer than it waits before it speaks
    assert live.text_content() == ""  # a page that loads says nothing
    masks.get_by_role("button", name="Reverse").click()
    page.wait_for_function("(e) => e.textContent.includes('D C B A')", arg=live.element_handle())
    assert f"15 maps: error {texts(masks)['error-1']}" in (live.text_content() or "")


@pytest.mark.parametrize("watch", [{"reduced_motion": "reduce"}], indirect=True)
def test_nothing_slides_for_those_who_asked(masks: Locator) -> None:
    cell = masks.locator(".dense .cell").first
    assert cell.evaluate("(e) => getComputedStyle(e).transitionDuration") == "0s"


def test_cells_slide_for_all_others(masks: Locator) -> None:
    cell = masks.locator(".dense .cell").first
    assert cell.evaluate("(e) => getComputedStyle(e).transitionDuration") == "0.35s"


def test_colors_follow_the_theme(masks: Locator, page: Page) -> None:
    def rgb(name: str, theme: int) -> str:
        digits = PALETTE[name][theme][1:]
        return f"rgb({', '.join(str(int(digits[i : i + 2], 16)) for i in (0, 2, 4))})"

    cells = [masks.locator(f"{part} .cell").first for part in (".dense", ".tile")]
    for theme, name in enumerate(("light", "dark")):
        page.evaluate(f"document.documentElement.dataset.theme = '{name}'")
        found = [cell.evaluate("(e) => getComputedStyle(e).fill") for cell in cells]
        assert found == [rgb("orange", theme), rgb("blue", theme)]


def test_python_can_set_the_order_and_cleaning_up_leaves_nothing(masks: Locator) -> None:
    found = masks.evaluate(
        """async (w) => {
          const { esm, state } = JSON.parse(w.querySelector("script").textContent);
          const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
          const { render } = (await import(url)).default;
          const calls = new Set();
          let saved = 0;
          const model = { get: (k) => state[k], set: (k, v) => { state[k] = v; },
            save_changes: () => saved++,
            on: (_, f) => calls.add(f), off: (_, f) => calls.delete(f) };
          const el = document.body.appendChild(document.createElement("div"));
          const signals = [], real = EventTarget.prototype.addEventListener;
          EventTarget.prototype.addEventListener = function (type, f, options) {
            signals.push(options?.signal);
            return real.call(this, type, f, options);
          };
          const end = render({ model, el });
          EventTarget.prototype.addEventListener = real;
          state.at = 11;
          calls.forEach((f) => f());
          const order = el.querySelector("[data-shown=order]").textContent;
          const echoes = saved;
          el.querySelectorAll(".buttons button")[2].click();
          const subscribed = calls.size;
          end();
          return { order, echoes, saved, at: state.at, subscribed, left: calls.size,
            children: el.children.length, listeners: signals.length,
            ended: signals.filter((s) => s?.aborted).length };
        }"""
    )
    state = state_of(masks)
    assert found["order"] == shown(state, 11)["order"]
    assert (found["echoes"], found["saved"], found["at"]) == (0, 1, 0)
    assert (found["subscribed"], found["left"], found["children"]) == (1, 0, 0)
    assert found["listeners"] == found["ended"] > 5


@pytest.mark.site
def test_the_lecture_shows_what_python_recorded(page: Page, site_url: str) -> None:
    page.goto(site_url + LECTURE)
    page.wait_for_function(READY)
    masks = page.locator("equivar-widget", has=page.locator(".eq-masks")).first
    assert masks.locator("td").first.evaluate("(e) => getComputedStyle(e).textAlign") == "right"
    masks.get_by_role("button", name="Reverse").click()
    check(masks, "D C B A")
    masks.locator(".chip").first.focus()
    for order in ("C D B A", "C B D A"):  # D walks to the right
        page.keyboard.press("ArrowRight")
        check(masks, order)
