"""The widget of the debate shows what Python recorded, whatever the reader chooses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product

import pytest
from debate_example import WAYS, debate
from playwright.sync_api import Locator, Page
from widget_page import COUNT_FRAMES, PHONE, READY, served, started, texts

from equivar.plots import PALETTE
from equivar.widgets.debate_plane import shown

LECTURE = "book/14-the-debate.html"
START = (1, 0, 0)
DOTS = """(w) => [...w.querySelectorAll('.plane')].map((p) =>
  [...p.querySelectorAll('.point')].map((c) =>
    c.hasAttribute('hidden') ? null : [c.cx.baseVal.value, c.cy.baseVal.value]))"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a page with the widget twice."""
    folder = tmp_path_factory.mktemp("debate")
    bundle = debate().static_bundle()
    with served(folder, bundle, bundle) as url:
        yield url


@pytest.fixture
def widget(page: Page, address: str) -> Locator:
    """Return the first of two widgets, started."""
    page.add_init_script(COUNT_FRAMES)
    return started(page, address)


def where(widget: Locator) -> tuple[int, int, int]:
    """Return way, budget and switch, from the controls alone."""
    chosen = [radio.is_checked() for radio in widget.get_by_role("radio").all()]
    pressed = widget.get_by_role("button", name="Worst").get_attribute("aria-pressed")
    return chosen.index(True), int(widget.get_by_role("slider").input_value()), pressed == "true"


def check(widget: Locator, at: tuple[int, int, int]) -> None:
    state = json.loads(widget.locator("script").text_content() or "")["state"]
    assert where(widget) == at
    assert texts(widget) == shown(state, at)
    for dots in widget.evaluate(DOTS):
        drawn = [dot is not None for dot in dots]
        assert drawn == [way["points"][at[1]] is not None for way in state["ways"]]


def test_it_starts_at_the_smallest_budget(widget: Locator) -> None:
    check(widget, START)
    assert widget.locator(".widget-fallback").count() == 0


def test_every_choice_shows_what_python_recorded(widget: Locator) -> None:
    for way, budget, worst in product(range(3), range(3), range(2)):
        widget.get_by_role("radio", name=list(WAYS)[way]).check()
        widget.get_by_role("slider").fill(str(budget))
        if where(widget)[2] != worst:
            widget.get_by_role("button", name="Worst").click()
        check(widget, (way, budget, worst))


def test_keys_reach_everything(widget: Locator) -> None:
    widget.get_by_role("slider").press("ArrowRight")
    check(widget, (1, 1, 0))
    widget.get_by_role("slider").press("End")
    check(widget, (1, 2, 0))
    widget.get_by_role("radio", name="exact").press("ArrowDown")
    check(widget, (2, 2, 0))
    widget.get_by_role("button", name="Worst").press("Enter")
    check(widget, (2, 2, 1))


def test_a_click_on_a_dot_chooses_its_way(widget: Locator, page: Page) -> None:
    widget.get_by_role("slider").fill("1")
    for plane, dots in enumerate(widget.evaluate(DOTS)):
        for way in (2, 0, 1):
            box = widget.locator(".plane svg").nth(plane).bounding_box()
            assert box
            x, y = (v * box["width"] / 360 for v in dots[way])
            page.mouse.click(box["x"] + x + 2, box["y"] + y + 1)
            check(widget, (way, 1, 0))


def test_only_what_is_not_exact_moves_to_its_worst_rotation(widget: Locator) -> None:
    widget.get_by_role("slider").fill("1")
    before = widget.evaluate(DOTS)
    widget.get_by_role("button", name="Worst").click()
    after = widget.evaluate(DOTS)
    for old, new in zip(before, after, strict=True):
        assert new[1] == old[1]
        assert new[0][0] == old[0][0]
        assert new[0][1] < old[0][1] - 5  # up is more error


def test_no_dot_leaves_its_plane(widget: Locator) -> None:
    for budget in range(3):
        widget.get_by_role("slider").fill(str(budget))
        for dots in widget.evaluate(DOTS):
            for x, y in filter(None, dots):
                assert 46 <= x <= 346
                assert 10 <= y <= 196


@pytest.mark.parametrize("watch", [PHONE], indirect=True)
def test_a_telephone_has_room_for_it(widget: Locator, page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    widget.get_by_role("radio", name="many").tap()
    check(widget, (2, 0, 0))
    for control in widget.locator("button, label").all():
        size = control.bounding_box()
        assert size
        assert size["height"] >= 24


@pytest.mark.parametrize("watch", [{"reduced_motion": "reduce"}], indirect=True)
def test_nothing_moves_by_itself(widget: Locator, page: Page) -> None:
    widget.get_by_role("button", name="Worst").click()
    page.wait_for_timeout(150)
    assert page.evaluate("frames_asked") == 0


def test_the_numbers_are_said(widget: Locator, page: Page) -> None:
    live = widget.locator("[aria-live]")
    assert live.text_content() == ""
    widget.get_by_role("slider").fill("1")
    page.wait_for_function("(p) => p.textContent", arg=live.element_handle())
    assert live.text_content() == "exact after 2 s: error 0.030, at the worst rotation 0.030."


def test_two_widgets_do_not_disturb_each_other(widget: Locator, page: Page) -> None:
    other = page.locator("equivar-widget").nth(1)
    before = texts(other)
    widget.get_by_role("radio", name="many").check()
    assert texts(other) == before
    assert where(other) == START


def test_colors_follow_the_theme(widget: Locator, page: Page) -> None:
    def rgb(name: str, theme: int) -> str:
        digits = PALETTE[name][theme][1:]
        return f"rgb({', '.join(str(int(digits[i : i + 2], 16)) for i in (0, 2, 4))})"

    fill = "(e) => getComputedStyle(e).fill"
    dot = widget.locator(".point").first
    assert dot.evaluate(fill) == rgb("orange", 0)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert dot.evaluate(fill) == rgb("orange", 1)


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
          state.at = [2, 1, 1];
          follow();
          const error = el.querySelector("[data-shown=way-symmetry]").textContent;
          const echoes = saved;
          el.querySelector("button").click();
          const kept = [saved, state.at.join()];
          end();
          return { error, echoes, kept, left: el.children.length, follow };
        }"""
    )
    assert found["error"] == "2e-4"
    assert (found["echoes"], found["kept"]) == (0, [1, "2,1,0"])
    assert (found["left"], found["follow"]) == (0, 0)


@pytest.mark.site
def test_the_lecture_shows_what_python_recorded(page: Page, site_url: str) -> None:
    page.goto(site_url + LECTURE)
    page.wait_for_function(READY)
    widget = page.locator("equivar-widget", has=page.locator(".eq-debate")).first
    slider = widget.get_by_role("slider")
    for key, budget in (("ArrowRight", 1), ("End", 4), ("Home", 0)):
        slider.press(key)
        check(widget, (1, budget, 0))
    widget.get_by_role("radio", name="invariants").check()
    widget.get_by_role("button", name="Worst").click()
    check(widget, (4, 0, 1))
    assert texts(widget)["way-more"] == "+0 %"
