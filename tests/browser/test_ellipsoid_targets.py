"""The ellipsoid's widget shows what Python computed, for each shape, pose and nudge."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page
from widget_page import PHONE, READY, served, started, texts

from equivar.plots import PALETTE
from equivar.widgets import EllipsoidTargets
from equivar.widgets.ellipsoid_targets import _unpacked, lobes, shown

LECTURE = "book/12-asking-symmetric-questions.html"
START = (0, 2, 0)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a page with the widget twice."""
    folder = tmp_path_factory.mktemp("ellipsoid")
    bundle = EllipsoidTargets.record().static_bundle()
    with served(folder, bundle, bundle) as url:
        yield url


@pytest.fixture
def widget(page: Page, address: str) -> Locator:
    """Return the first of two widgets, started."""
    return started(page, address)


def state_of(widget: Locator) -> dict:
    return json.loads(widget.locator("script").text_content() or "")["state"]


def check(widget: Locator, at: tuple[int, ...] | None = None) -> None:
    """Hold the page to Python: where it is, each text, and what is drawn."""
    found = tuple(
        int(widget.get_by_role("slider").nth(d).evaluate("(e) => e.value")) for d in range(3)
    )
    assert at is None or found == at
    state = state_of(widget)
    assert texts(widget) == shown(state, found)
    numbers = _unpacked(state)[found]
    drawn = widget.locator("path.arrow").get_attribute("d") or ""
    x, y = (float(v) for v in re.findall(r"-?[\d.]+", drawn.split("L")[1])[:2])
    assert (x, -y) == pytest.approx(tuple(104 * numbers[:2]), abs=0.02)
    outline = widget.locator("path.moment").get_attribute("d") or ""
    mine = re.findall(r"-?[\d.]+", lobes(*numbers[3:6], scale=110.0))
    assert [float(v) for v in re.findall(r"-?[\d.]+", outline)] == pytest.approx(
        [float(v) for v in mine], abs=0.02
    )


def press(widget: Locator, *keys: str) -> None:
    for key in keys:
        widget.get_by_role("application").press(key)


def test_it_starts_with_a_long_ellipsoid(widget: Locator) -> None:
    check(widget, START)
    assert widget.locator(".widget-fallback").count() == 0
    assert texts(widget)["reach-arrow"] == "1.000"


def test_keys_turn_round_and_nudge(widget: Locator, page: Page) -> None:
    press(widget, "ArrowLeft", "ArrowDown", "PageDown")
    check(widget, (1, 3, 1))
    press(widget, *["ArrowRight"] * 4)
    check(widget, (1, 23, 1))  # around and on
    press(widget, *["ArrowUp"] * 3, *["PageUp"] * 3)
    check(widget, (0, 23, 0))  # it ends there
    press(widget, *["ArrowDown"] * 12, *["PageDown"] * 9)
    check(widget, (10, 23, 7))
    press(widget, "Home")
    check(widget, START)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "range"  # keys lead out again


def test_sliders_and_buttons_reach_everything(widget: Locator) -> None:
    draw = random.Random(3)
    for _ in range(6):
        at = tuple(draw.randrange(n) for n in (11, 24, 8))
        for k, value in enumerate(at):
            widget.get_by_role("slider").nth(k).fill(str(value))
        check(widget, at)
    for name, k in (("ellipsoid", 0), ("nearly round", 9), ("sphere", 10)):
        button = widget.get_by_role("button", name=name, exact=True)
        button.click()
        check(widget, (k, *at[1:]))
        assert button.get_attribute("aria-pressed") == "true"
    assert widget.get_by_role("slider").first.get_attribute("aria-valuetext") == "100 %"


def test_near_the_sphere_a_nudge_moves_the_axis_and_not_the_moment(widget: Locator) -> None:
    widget.get_by_role("button", name="sphere", exact=True).click()
    press(widget, "PageDown")
    seen = texts(widget)
    assert float(seen["moved-axis"]) > 0.5 > 0.1 > float(seen["moved-moment"])
    assert (seen["reach-axis"], seen["size-axis"]) == ("1.000", "1.00")


def test_a_pointer_turns_it(widget: Locator, page: Page) -> None:
    box = widget.locator(".stage svg").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x + 60, y)
    page.mouse.down()
    page.mouse.move(x + 43, y - 43, steps=3)
    page.mouse.move(x, y - 60, steps=3)
    page.mouse.up()
    check(widget, (0, 8, 0))  # a quarter turn on
    page.mouse.move(x - 60, y, steps=2)
    check(widget, (0, 8, 0))  # it was let go


@pytest.mark.parametrize("watch", [PHONE], indirect=True)
def test_a_telephone_shows_the_table_below_the_drawing(widget: Locator, page: Page) -> None:
    widget.get_by_role("button", name="sphere", exact=True).tap()
    check(widget, (10, 2, 0))
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    boxes = [widget.locator(s).bounding_box() for s in (".stage", "table", ".slider >> nth=0")]
    tops = [box["y"] for box in boxes if box]
    assert tops == sorted(tops)
    assert tops[1] - tops[0] < 500
    touch = "(e) => getComputedStyle(e).touchAction"
    assert widget.locator(".stage").evaluate(touch) == "pan-y"


def test_numbers_keep_their_places(widget: Locator) -> None:
    spots = "(w) => [...w.querySelectorAll('table, td, .slider, .stage')].map((e) => e.offsetTop)"
    before = widget.evaluate(spots)
    for keys in (["ArrowDown"] * 10, ["PageDown"] * 4, ["ArrowLeft"] * 5):
        press(widget, *keys)
        assert widget.evaluate(spots) == before


@pytest.mark.parametrize("watch", [{"reduced_motion": "reduce"}], indirect=True)
def test_nothing_moves_by_itself(widget: Locator, page: Page) -> None:
    before = widget.locator("svg").inner_html()
    page.wait_for_timeout(500)
    assert widget.locator("svg").inner_html() == before


def test_the_numbers_are_said_once_it_rests(widget: Locator, page: Page) -> None:
    live = widget.locator("[aria-live]")
    page.wait_for_timeout(900)
    assert live.text_content() == ""  # a page that loads says nothing
    widget.get_by_role("button", name="sphere", exact=True).click()
    page.wait_for_function(
        "(e) => e.textContent.includes('Out of reach: 1.000, 1.000, 0.002')",
        arg=live.element_handle(),
    )


def test_colors_follow_the_theme(widget: Locator, page: Page) -> None:
    def rgb(name: str, theme: int) -> str:
        digits = PALETTE[name][theme][1:]
        return f"rgb({', '.join(str(int(digits[i : i + 2], 16)) for i in (0, 2, 4))})"

    stroke = "(e) => getComputedStyle(e).stroke"
    assert widget.locator("path.arrow").evaluate(stroke) == rgb("orange", 0)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert widget.locator("path.arrow").evaluate(stroke) == rgb("orange", 1)
    assert widget.locator("path.moment").evaluate(stroke) == rgb("blue", 1)


def test_python_can_turn_it_too_and_cleaning_up_leaves_nothing(widget: Locator) -> None:
    found = widget.evaluate(
        """async (w) => {
          const { esm, state } = JSON.parse(w.querySelector("script").textContent);
          const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
          const { render } = (await import(url)).default;
          let follow, saved = 0;
          const model = { get: (k) => state[k], set: (k, v) => { state[k] = v; },
            save_changes: () => saved++, on: (name, f) => { follow = f; },
            off: () => { follow = null; } };
          const el = document.body.appendChild(document.createElement("div"));
          const end = render({ model, el });
          state.at = [9, 4, 3];
          follow();
          const moved = el.querySelector("[data-shown=moved-axis]").textContent;
          const echoes = saved;
          el.querySelector(".stage").dispatchEvent(
            new KeyboardEvent("keydown", { key: "ArrowLeft" }));
          const at = state.at;
          end();
          return { moved, echoes, saved, at, children: el.children.length, follow };
        }"""
    )
    assert found["moved"] == shown(state_of(widget), (9, 4, 3))["moved-axis"]
    assert (found["echoes"], found["saved"]) == (0, 1)
    assert found["at"] == [9, 5, 3]
    assert (found["children"], found["follow"]) == (0, None)


def test_two_widgets_do_not_disturb_each_other(widget: Locator, page: Page) -> None:
    press(widget, "ArrowLeft", "ArrowDown")
    check(page.locator("equivar-widget").nth(1), START)


@pytest.mark.site
def test_the_lecture_shows_what_python_found(page: Page, site_url: str) -> None:
    page.goto(site_url + LECTURE)
    page.wait_for_function(READY)
    here = page.locator("equivar-widget", has=page.locator(".eq-ellipsoid")).first
    align = "(e) => getComputedStyle(e).textAlign"
    assert here.locator("td").first.evaluate(align) == "right"  # the theme did not reach in
    for key in ("ArrowDown", "PageDown", "ArrowLeft"):
        press(here, key)
        check(here)
