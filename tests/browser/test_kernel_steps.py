"""The widget of kernels shows what Python counted, step by step, and plays."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from kernel_steps_example import example
from playwright.sync_api import Locator, Page, expect
from widget_page import PHONE, READY, served, started, texts

from equivar.plots import PALETTE
from equivar.widgets.kernel_steps import shown

LECTURE = "book/13-kernels-for-a-gpu.html"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a page with the widget twice."""
    folder = tmp_path_factory.mktemp("kernels")
    bundle = example().static_bundle()
    with served(folder, bundle, bundle) as url:
        yield url


@pytest.fixture
def widget(page: Page, address: str) -> Locator:
    """Return the first of two widgets, started."""
    return started(page, address)


def where(widget: Locator) -> tuple[int, int, int]:
    """Return kernel, way and step, from the controls alone."""
    groups = widget.locator("fieldset").all()
    chosen = [[r.is_checked() for r in group.get_by_role("radio").all()] for group in groups]
    step = int(widget.get_by_role("slider").input_value())
    return chosen[0].index(True), chosen[1].index(True), step


def check(widget: Locator, at: tuple[int, int, int]) -> None:
    state = json.loads(widget.locator("script").text_content() or "")["state"]
    assert where(widget) == at
    assert texts(widget) == shown(state, at)
    way = state["stories"][at[0]]["ways"][at[1]]
    now = way["steps"][at[2]]
    marked = {*now["at"]} | {("single", element) for _, element in now["single"]}
    assert widget.locator(".cell.is").count() == len(marked)
    sectors = now["sectors"] // (2 if now["kind"] == "atomic" else 1)
    assert widget.locator(".sector.is").count() == sectors
    current = widget.locator("pre [aria-current]")
    assert (current.text_content() or "").strip() == way["source"][now["line"]].strip()
    assert widget.locator(".chip.is").text_content() == str(now["program"])


def test_it_starts_at_the_first_step(widget: Locator) -> None:
    check(widget, (0, 0, 0))
    assert widget.locator(".widget-fallback").count() == 0
    assert widget.get_by_role("button", name="One step back").is_disabled()


def test_every_step_of_every_way_is_what_python_counted(widget: Locator) -> None:
    for kernel, name in enumerate(("copy", "again")):
        widget.get_by_role("radio", name=name).check()
        for way in range(2):
            widget.locator("fieldset").nth(1).get_by_role("radio").nth(way).check()
            for step in range(4):
                widget.get_by_role("slider").fill(str(step))
                check(widget, (kernel, way, step))


def test_buttons_step_on_and_back(widget: Locator) -> None:
    on = widget.get_by_role("button", name="One step on")
    for step in (1, 2, 3):
        on.click()
        check(widget, (0, 0, step))
    assert on.is_disabled()
    widget.get_by_role("button", name="One step back").click()
    check(widget, (0, 0, 2))


def test_keys_reach_everything(widget: Locator) -> None:
    slider = widget.get_by_role("slider")
    slider.press("ArrowRight")
    check(widget, (0, 0, 1))
    slider.press("End")
    check(widget, (0, 0, 3))
    widget.get_by_role("radio", name="near").press("ArrowDown")
    check(widget, (0, 1, 0))
    widget.get_by_role("button", name="One step on").press("Enter")
    check(widget, (0, 1, 1))
    widget.get_by_role("radio", name="copy").press("ArrowDown")
    check(widget, (1, 0, 0))


def test_it_plays_to_the_end_and_again_and_stops(widget: Locator, page: Page) -> None:
    play = widget.get_by_role("button", name="Play")
    play.click()
    expect(widget.get_by_role("button", name="Stop")).to_be_visible()
    expect(widget.locator("[data-shown=step]")).to_have_text("4 of 4")
    expect(play).to_be_visible()
    check(widget, (0, 0, 3))
    play.click()  # from the beginning
    assert where(widget)[2] == 0
    widget.get_by_role("button", name="Stop").click()
    stopped = where(widget)
    page.wait_for_timeout(900)
    check(widget, stopped)


def test_a_hand_on_the_slider_stops_it(widget: Locator, page: Page) -> None:
    widget.get_by_role("button", name="Play").click()
    widget.get_by_role("slider").fill("1")
    check(widget, (0, 0, 1))
    page.wait_for_timeout(900)
    check(widget, (0, 0, 1))
    expect(widget.get_by_role("button", name="Play")).to_be_visible()


def test_nothing_moves_by_itself_and_the_step_is_said(widget: Locator, page: Page) -> None:
    live = widget.locator("[aria-live]")
    page.wait_for_timeout(900)
    check(widget, (0, 0, 0))
    assert live.text_content() == ""
    widget.get_by_role("radio", name="far").check()
    page.wait_for_function("(p) => p.textContent", arg=live.element_handle())
    assert live.text_content() == "Program 0 loads 3 numbers of x: 3 sectors, 1 would do."


def test_what_was_touched_before_stays_marked(widget: Locator) -> None:
    widget.get_by_role("slider").fill("3")
    kinds = widget.locator(".cell").evaluate_all(
        "(all) => all.map((c) => c.getAttribute('class')).filter((c) => c !== 'cell')"
    )
    assert kinds.count("cell load was") == 6 + 1  # of x, and the index
    assert kinds.count("cell store was") == 3
    assert kinds.count("cell store is") == 3


@pytest.mark.parametrize("watch", [PHONE], indirect=True)
def test_a_telephone_has_room_for_it(widget: Locator, page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    widget.get_by_role("radio", name="far").tap()
    widget.get_by_role("button", name="One step on").tap()
    check(widget, (0, 1, 1))
    for control in widget.locator("button, label").all():
        size = control.bounding_box()
        assert size
        assert size["height"] >= 24


def test_two_widgets_do_not_disturb_each_other(widget: Locator, page: Page) -> None:
    other = page.locator("equivar-widget").nth(1)
    before = texts(other)
    widget.get_by_role("radio", name="far").check()
    assert texts(other) == before
    assert where(other) == (0, 0, 0)


def test_colors_follow_the_theme(widget: Locator, page: Page) -> None:
    def rgb(name: str, theme: int) -> str:
        digits = PALETTE[name][theme][1:]
        return f"rgb({', '.join(str(int(digits[i : i + 2], 16)) for i in (0, 2, 4))})"

    fill = "(e) => getComputedStyle(e).fill"
    cell = widget.locator(".cell.load.is").first
    assert cell.evaluate(fill) == rgb("blue", 0)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert cell.evaluate(fill) == rgb("blue", 1)


def test_python_can_choose_too_and_cleaning_up_leaves_nothing(widget: Locator) -> None:
    found = widget.evaluate(
        """async (w) => {
          const { esm, state } = JSON.parse(w.querySelector("script").textContent);
          const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
          const { render } = (await import(url)).default;
          let follow, saved = 0;
          const model = { get: (k) => state[k], set: (k, v) => { state[k] = v; },
            save_changes: () => saved++, on: (n, f) => { follow = f; },
            off: () => { follow = 0; } };
          const el = document.body.appendChild(document.createElement("div"));
          const end = render({ model, el });
          state.at = [0, 1, 2];
          follow();
          const far = el.querySelector("[data-shown=far]").textContent;
          const echoes = saved;
          el.querySelectorAll("button")[2].click();
          const kept = [saved, state.at.join()];
          el.querySelector(".play").click();
          end();
          const stopped = saved;
          await new Promise((done) => setTimeout(done, 900));
          return { far, echoes, kept, left: el.children.length, follow, more: saved - stopped };
        }"""
    )
    assert found["far"] == "10 sectors, 320 bytes"
    assert (found["echoes"], found["kept"]) == (0, [1, "0,1,3"])
    assert (found["left"], found["follow"], found["more"]) == (0, 0, 0)


@pytest.mark.site
def test_the_lecture_shows_what_python_counted(page: Page, site_url: str) -> None:
    page.goto(site_url + LECTURE)
    page.wait_for_function(READY)
    widget = page.locator("equivar-widget", has=page.locator(".eq-kernel")).first
    slider = widget.get_by_role("slider")
    slider.press("ArrowRight")
    assert where(widget) == (0, 0, 1)
    state = json.loads(widget.locator("script").text_content() or "")["state"]
    for kernel in range(3):
        widget.locator("fieldset").first.get_by_role("radio").nth(kernel).check()
        for way in range(2):
            widget.locator("fieldset").nth(1).get_by_role("radio").nth(way).check()
            slider.press("End")
            at = (kernel, way, len(state["stories"][kernel]["ways"][way]["steps"]) - 1)
            assert where(widget) == at
            assert texts(widget) == shown(state, at)
    align = "(e) => getComputedStyle(e).textAlign"
    assert widget.locator("td[data-shown]").first.evaluate(align) == "right"  # not the theme's
