"""The widget of the four roads shows what Python recorded, whatever road and turn are chosen."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from four_roads_example import MODELS, four_roads
from playwright.sync_api import Locator, Page
from widget_page import COUNT_FRAMES, READY, served, started

from equivar.plots import PALETTE
from equivar.widgets.four_roads import shown

NAMES = list(MODELS)
TOUCH = {"has_touch": True, "viewport": {"width": 390, "height": 844}}
START = (1, 36, 0)
LECTURE = "book/06-four-roads.html"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a page with the same widget twice."""
    folder = tmp_path_factory.mktemp("roads")
    bundle = four_roads().static_bundle()
    with served(folder, bundle, bundle) as url:
        yield url


@pytest.fixture
def roads(page: Page, address: str) -> Locator:
    """Return the first of two widgets, started."""
    page.add_init_script(COUNT_FRAMES)
    return started(page, address)


def where(roads: Locator) -> tuple[int, int, int]:
    """Return road, angle and mirror, from the controls alone."""
    chosen = [radio.is_checked() for radio in roads.get_by_role("radio").all()]
    degrees = int(roads.get_by_role("slider").input_value())
    flip = roads.get_by_role("button", name="Mirror").get_attribute("aria-pressed") == "true"
    return chosen.index(True), (degrees + 180) // 5, int(flip)


def check(roads: Locator, at: tuple[int, int, int]) -> None:
    """Hold the page to Python: where it is, and each text there."""
    assert where(roads) == at
    state = json.loads(roads.locator("script").text_content() or "")["state"]
    found = roads.evaluate(
        "(w) => Object.fromEntries([...w.querySelectorAll('[data-shown]')]"
        ".map((e) => [e.dataset.shown, e.textContent]))"
    )
    assert found == shown(state, at)
    assert roads.locator("tr.road th").text_content() == NAMES[at[0]]


def press(roads: Locator, *keys: str) -> None:
    for key in keys:
        roads.get_by_role("application").press(key)


def test_it_starts_on_the_first_road_at_the_identity(roads: Locator) -> None:
    check(roads, START)
    assert roads.locator(".widget-fallback").count() == 0
    assert roads.locator(".mark").count() == len(NAMES)


def test_keys_turn_and_go_round(roads: Locator) -> None:
    press(roads, *["ArrowRight"] * 3)
    check(roads, (1, 39, 0))
    press(roads, *["ArrowLeft"] * 4)
    check(roads, (1, 35, 0))
    press(roads, *["ArrowLeft"] * 36)
    check(roads, (1, 71, 0))  # past half a turn, from the other side
    press(roads, "Home")
    check(roads, START)


def test_every_road_and_its_mirror(roads: Locator) -> None:
    roads.get_by_role("slider").fill("70")
    for i, name in enumerate(NAMES):
        roads.get_by_role("radio", name=name, exact=True).check()
        check(roads, (i, 50, 0))
        roads.get_by_role("button", name="Mirror").click()
        check(roads, (i, 50, 1))
        roads.get_by_role("button", name="Mirror").click()
    roads.get_by_role("button", name="Reset").click()
    check(roads, (2, 36, 0))


def test_radios_answer_to_arrow_keys(roads: Locator, page: Page) -> None:
    roads.get_by_role("radio", name="distances").focus()
    page.keyboard.press("ArrowDown")
    check(roads, (2, 36, 0))


def test_a_dot_of_the_map_chooses_its_road(roads: Locator) -> None:
    roads.locator(".mark .reach").nth(2).click()
    check(roads, (2, 36, 0))
    assert roads.locator(".mark[data-chosen]").count() == 1
    assert roads.locator(".name").text_content() == NAMES[2]


def test_dots_lie_where_their_errors_say(roads: Locator) -> None:
    places = roads.locator(".mark .point").evaluate_all(
        "(dots) => dots.map((c) => [c.cx.baseVal.value, c.cy.baseVal.value])"
    )
    by_name = dict(zip(NAMES, places, strict=True))
    assert by_name["distances"][0] < by_name["quarter turns"][0] < by_name["nothing"][0]
    assert by_name["distances"][1] > by_name["quarter turns"][1] > by_name["nothing"][1]


def test_a_drag_turns(roads: Locator, page: Page) -> None:
    box = roads.locator(".stage").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + box["width"] / 4, y, steps=8)
    page.mouse.up()
    check(roads, (1, 46, 0))  # a width is 200 degrees


@pytest.mark.parametrize("watch", [TOUCH], indirect=True)
def test_a_finger_turns_sideways(roads: Locator, page: Page) -> None:
    box = roads.locator(".stage").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = page.context.new_cdp_session(page)
    for kind, dx in (("touchStart", 0), ("touchMove", -30), ("touchMove", -60), ("touchEnd", 0)):
        touches = [] if kind == "touchEnd" else [{"x": x + dx, "y": y, "id": 0}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
    road, angle, _ = where(roads)
    assert angle < 36
    check(roads, (road, angle, 0))
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_two_widgets_do_not_disturb_each_other(roads: Locator, page: Page) -> None:
    other = page.locator("equivar-widget").nth(1)
    other.get_by_role("radio", name="quarter turns").check()
    check(roads, START)
    check(other, (2, 36, 0))


def test_nothing_moves_by_itself(roads: Locator, page: Page) -> None:
    before = page.evaluate("frames_asked")
    press(roads, "ArrowRight")
    page.wait_for_timeout(100)
    assert page.evaluate("frames_asked") == before


def test_the_numbers_are_said_once_it_rests(roads: Locator, page: Page) -> None:
    live = roads.locator("[aria-live]")
    assert live.text_content() == ""
    press(roads, "ArrowRight", "ArrowRight")
    page.wait_for_function(
        "(live) => live.textContent.includes('10 degrees')", arg=live.element_handle()
    )
    assert (live.text_content() or "").startswith("distances, 10 degrees: answer ")


def test_colors_follow_the_theme(roads: Locator, page: Page) -> None:
    def stroke() -> str:
        return roads.locator(".line.road").evaluate("(e) => getComputedStyle(e).stroke")

    def rgb(name: str, theme: int) -> str:
        digits = PALETTE[name][theme][1:]
        return f"rgb({', '.join(str(int(digits[i : i + 2], 16)) for i in (0, 2, 4))})"

    assert stroke() == rgb("blue", 0)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert stroke() == rgb("blue", 1)


def test_cleaning_up_leaves_nothing(roads: Locator) -> None:
    found = roads.evaluate(
        """async (w) => {
          const { esm, state } = JSON.parse(w.querySelector("script").textContent);
          const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
          const { render } = (await import(url)).default;
          const calls = new Set();
          const model = { get: (k) => state[k], set() {}, save_changes() {},
            on: (name, f) => calls.add(f), off: (name, f) => calls.delete(f) };
          const el = document.body.appendChild(document.createElement("div"));
          const end = render({ model, el });
          const subscribed = calls.size;
          end();
          return [subscribed, calls.size, el.children.length];
        }"""
    )
    assert found == [1, 0, 0]


@pytest.mark.site
def test_the_lecture_shows_what_python_recorded(page: Page, site_url: str) -> None:
    page.goto(site_url + LECTURE)
    page.wait_for_function(READY)
    roads = page.locator("equivar-widget", has=page.locator(".eq-roads")).first
    state = json.loads(roads.locator("script").text_content() or "")["state"]
    align = "(e) => getComputedStyle(e).textAlign"
    assert roads.locator("td[data-shown]").first.evaluate(align) == "right"  # not the theme's
    road, angle, mirror = state["at"]
    for key, at in (
        ("ArrowRight", (road, angle + 1, mirror)),
        ("ArrowLeft", (road, angle, mirror)),
        ("ArrowLeft", (road, angle - 1, mirror)),
    ):
        roads.get_by_role("application").press(key)
        read = roads.evaluate(
            "(w) => Object.fromEntries([...w.querySelectorAll('[data-shown]')]"
            ".map((e) => [e.dataset.shown, e.textContent]))"
        )
        assert read == shown(state, at)
    named = {r["name"]: r for r in state["roads"]}
    exact = [max(map(abs, named[name]["errors"][0])) for name in ("distances", "vectors")]
    assert max(exact) < 1e-9 < max(named["cube average"]["errors"][0])
    for i, dot in enumerate(roads.locator(".mark .point").all()):  # some lie close together
        dot.scroll_into_view_if_needed()
        box = dot.bounding_box()
        assert box
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert where(roads) == (i, angle - 1, mirror)
