"""The feature maps' widget shows what Python recorded, however the digit was turned."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator

import numpy as np
import pytest
from maps_examples import PIXELS, digit_maps
from playwright.sync_api import CDPSession, Locator, Page
from widget_page import READY, served, started

from equivar.plots import PALETTE
from equivar.widgets.feature_maps_permute import shown

LECTURE = "book/04-images-turned.html"
TOUCH = {"has_touch": True, "viewport": {"width": 390, "height": 844}}
READ = (
    "(w) => Object.fromEntries([...w.querySelectorAll('[data-shown]')]"
    ".map((e) => [e.dataset.shown, e.textContent]))"
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a page with the widget twice."""
    folder = tmp_path_factory.mktemp("maps")
    bundle = digit_maps().static_bundle()
    with served(folder, bundle, bundle) as url:
        yield url


@pytest.fixture
def maps(page: Page, address: str) -> Locator:
    """Return the first of two widgets, started."""
    return started(page, address)


def state_of(maps: Locator) -> dict:
    return json.loads(maps.locator("script").text_content() or "")["state"]


def check(maps: Locator, frame: int) -> None:
    """Hold the page to Python: each text, and each pixel of each picture."""
    maps.locator(".eq-maps:not([data-moving])").wait_for()
    state, size = state_of(maps), PIXELS**2
    assert maps.get_by_role("slider").input_value() == str(15 * frame)
    assert maps.evaluate(READ) == shown(state, frame)
    drawn = maps.locator(".pixels").evaluate_all(
        "(all) => all.map((g) => [...g.children].map((c) => +c.getAttribute('fill-opacity')))"
    )
    arrays = [(state["image"], 1), *((m["maps"], 4) for m in state["models"])]
    wanted = []
    for text, count in arrays:
        values = np.frombuffer(base64.b64decode(text), dtype=np.uint8).reshape(24, count, size)
        wanted += [values[frame, i] / 255 for i in range(count)]
    np.testing.assert_allclose(np.array(drawn), np.array(wanted), atol=0.0006)


def press(maps: Locator, *keys: str) -> None:
    for key in keys:
        maps.get_by_role("application").press(key)


def middle(maps: Locator) -> tuple[float, float]:
    box = maps.locator(".stage").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_it_starts_upright(maps: Locator) -> None:
    check(maps, 0)
    assert maps.locator(".widget-fallback").count() == 0


def test_keys_turn_it(maps: Locator) -> None:
    press(maps, "ArrowLeft", "ArrowLeft")
    check(maps, 2)
    press(maps, "PageUp")
    check(maps, 8)
    press(maps, "PageDown", "ArrowRight", "ArrowRight", "ArrowRight")
    check(maps, 23)
    press(maps, "Home")
    check(maps, 0)


def test_the_slider_reaches_every_angle(maps: Locator) -> None:
    slider = maps.get_by_role("slider", name="Angle")
    for frame in (6, 13, 23, 1):
        slider.fill(str(15 * frame))
        check(maps, frame)
    assert slider.get_attribute("aria-valuetext") == "15 degrees"


def test_a_drag_turns_it_counter_clockwise_as_the_hand_goes(maps: Locator, page: Page) -> None:
    x, y = middle(maps)
    page.mouse.move(x + 60, y)
    page.mouse.down()
    for degrees in range(0, 91, 5):
        a = math.radians(degrees)
        page.mouse.move(x + 60 * math.cos(a), y - 60 * math.sin(a))
    page.mouse.up()
    check(maps, 6)


@pytest.mark.parametrize("watch", [TOUCH], indirect=True)
def test_a_finger_turns_it_and_not_the_page(maps: Locator, page: Page) -> None:
    x, y = middle(maps)
    session: CDPSession = page.context.new_cdp_session(page)

    def finger(kind: str, *points: dict[str, float]) -> None:
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    finger("touchStart", {"x": x, "y": y + 50})
    for degrees in range(0, 61, 5):
        a = math.radians(degrees - 90)
        finger("touchMove", {"x": x + 50 * math.cos(a), "y": y - 50 * math.sin(a)})
    finger("touchEnd")
    check(maps, 4)
    assert page.evaluate("scrollY") == 0
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_quarter_turn_plays_and_ends_on_the_quarter(maps: Locator) -> None:
    press(maps, "ArrowLeft")
    maps.get_by_role("button", name="Quarter turn").click()
    check(maps, 6)
    maps.get_by_role("button", name="Quarter turn").click()
    check(maps, 12)


@pytest.mark.parametrize("watch", [{"reduced_motion": "reduce"}], indirect=True)
def test_nothing_plays_for_those_who_asked(maps: Locator) -> None:
    seen = maps.evaluate(
        """(w) => {
          const angles = [];
          const place = w.querySelector("[data-shown=angle]");
          new MutationObserver(() => angles.push(place.textContent))
            .observe(place, { childList: true, characterData: true, subtree: true });
          w.querySelector(".buttons button").click();
          return new Promise((done) => setTimeout(() => done(angles), 600));
        }"""
    )
    assert seen == ["90°"]
    check(maps, 6)


def test_maps_turned_back_show_their_order_alone(maps: Locator) -> None:
    press(maps, "PageUp")
    button = maps.get_by_role("button", name="Turn maps back")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    turned = maps.locator(".maps .pixels").evaluate_all(
        "(all) => all.map((g) => g.getAttribute('transform'))"
    )
    assert set(turned) == {"rotate(90)"}
    assert maps.locator(".stage .pixels").get_attribute("transform") is None
    maps.get_by_role("button", name="Reset").click()
    check(maps, 0)
    assert button.get_attribute("aria-pressed") == "false"


def test_the_numbers_are_said_once_it_rests(maps: Locator, page: Page) -> None:
    live = maps.locator("[aria-live]")
    assert live.text_content() == ""
    press(maps, "PageUp")
    page.wait_for_function(
        "(live) => live.textContent.includes('Turned by 90')", arg=live.element_handle()
    )
    assert f"C4: error {shown(state_of(maps), 6)['error-1']}." in (live.text_content() or "")


def test_two_widgets_do_not_disturb_each_other(maps: Locator, page: Page) -> None:
    other = page.locator("equivar-widget").nth(1)
    press(other, "PageUp")
    check(maps, 0)
    check(other, 6)


def test_colors_follow_the_theme(maps: Locator, page: Page) -> None:
    def rgb(name: str, theme: int) -> str:
        digits = PALETTE[name][theme][1:]
        return f"rgb({', '.join(str(int(digits[i : i + 2], 16)) for i in (0, 2, 4))})"

    fill = "(e) => getComputedStyle(e).fill"
    pixel = maps.locator(".m1 .pixels rect").first
    assert pixel.evaluate(fill) == rgb("blue", 0)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert pixel.evaluate(fill) == rgb("blue", 1)
    assert maps.locator(".stage .pixels rect").first.evaluate(fill) == rgb("ink", 1)


def test_cleaning_up_leaves_nothing(maps: Locator) -> None:
    found = maps.evaluate(
        """async (w) => {
          const { esm, state } = JSON.parse(w.querySelector("script").textContent);
          const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
          const { render } = (await import(url)).default;
          const calls = new Set();
          let follow;
          const model = { get: (k) => state[k], set: (k, v) => { state[k] = v; }, save_changes() {},
            on: (name, f) => { calls.add(f); follow = f; }, off: (name, f) => calls.delete(f) };
          const el = document.body.appendChild(document.createElement("div"));
          const end = render({ model, el });
          state.at = 5;
          follow();
          const angle = el.querySelector("[data-shown=angle]").textContent;
          end();
          return { angle, left: calls.size, children: el.children.length };
        }"""
    )
    assert found == {"angle": "75°", "left": 0, "children": 0}


@pytest.mark.site
def test_the_lecture_shows_what_python_recorded(page: Page, site_url: str) -> None:
    """The trained networks' maps; a quarter turn leaves nothing of the group's, and its order."""
    page.goto(site_url + LECTURE)
    page.wait_for_function(READY)
    maps = page.locator("equivar-widget", has=page.locator(".eq-maps"))
    for keys, frame in ((("ArrowLeft",), 1), (("PageUp",), 7), (("ArrowRight",), 6)):
        press(maps, *keys)
        check(maps, frame)
    state = state_of(maps)
    plain, group = (model["errors"][6] for model in state["models"])
    assert group < 1e-5 < 0.1 < plain
    assert state["models"][1]["order"][6] == [3, 0, 1, 2]
    assert maps.locator("[data-shown=from-1-1]").text_content() == "was e"
