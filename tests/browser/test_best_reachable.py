"""The widget of targets shows what Python computes, for each shape, order parameter and target."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page
from widget_page import PHONE, READY, served, started, texts

from equivar.plots import PALETTE
from equivar.widgets import BestReachable
from equivar.widgets.best_reachable import shown

LECTURE = "book/11-curies-principle.html"
WIDER = (80, 0, -80, 0, -80, 0, 80, 0)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a page with the widget twice."""
    folder = tmp_path_factory.mktemp("reach")
    bundle = BestReachable.record().static_bundle()
    with served(folder, bundle, bundle) as url:
        yield url


@pytest.fixture
def widget(page: Page, address: str) -> Locator:
    """Return the first of two widgets, started."""
    return started(page, address)


def state_of(widget: Locator) -> dict:
    return json.loads(widget.locator("script").text_content() or "")["state"]


def where(widget: Locator) -> tuple[int, ...]:
    """Return the place, from what is on the page alone: pressed buttons, drawn corners."""
    pressed = """(w, kind) => [...w.querySelectorAll(`.${kind} button`)]
      .findIndex((b) => b.getAttribute('aria-pressed') === 'true')"""
    which, told = (widget.evaluate(pressed, kind) for kind in ("shapes", "told"))
    points = state_of(widget)["scenes"][which]["points"]
    drawn = widget.locator(".asked").get_attribute("points") or ""
    steps = []
    for pair, point in zip(drawn.split(), points, strict=True):
        x, y = (float(v) / 62 for v in pair.split(","))
        steps += [round(100 * (x - point[0])), round(100 * (-y - point[1]))]
    chosen = widget.locator("[data-chosen]")
    assert chosen.count() == 1
    return which, told, int(chosen.get_attribute("data-corner") or -1), *steps


def check(widget: Locator, at: tuple[int, ...] | None = None) -> None:
    """Hold the page to Python: where it is, and each text there."""
    found = where(widget)
    assert at is None or found == at
    assert texts(widget) == shown(state_of(widget), found)


def press(widget: Locator, *keys: str) -> None:
    for key in keys:
        widget.get_by_role("application").press(key)


def test_it_starts_with_a_square_that_is_to_be_wider(widget: Locator) -> None:
    check(widget, (0, 0, 0, *WIDER))
    assert widget.locator(".widget-fallback").count() == 0
    assert texts(widget)["floor"] == "0.320"


def test_keys_pull_a_corner_and_put_all_back(widget: Locator, page: Page) -> None:
    press(widget, "ArrowUp", "ArrowUp", "ArrowRight")
    check(widget, (0, 0, 0, 90, 20, *WIDER[2:]))
    press(widget, "PageDown", "ArrowLeft", "ArrowDown")
    check(widget, (0, 0, 1, 90, 20, -90, -10, *WIDER[4:]))
    press(widget, *["ArrowLeft"] * 9)
    check(widget, (0, 0, 1, 90, 20, -150, -10, *WIDER[4:]))  # it ends there
    press(widget, "Home", *["PageUp"] * 2)
    check(widget, (0, 0, 0, *[0] * 8))
    assert texts(widget)["reached"] == "all"
    press(widget, *["PageDown"] * 9)
    check(widget, (0, 0, 3, *[0] * 8))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "range"  # keys lead out again


def test_sliders_and_buttons_reach_everything(widget: Locator) -> None:
    draw = random.Random(3)
    for shape in ("square", "rectangle", "triangle", "hexagon", "crooked"):
        widget.get_by_role("button", name=shape, exact=True).click()
        for told in ("nothing", "x² − y²", "noise"):
            widget.get_by_role("button", name=told, exact=True).click()
            name = draw.choice(["wider", "grow", "turn it", "one corner", "slide", "Reset"])
            widget.get_by_role("button", name=name, exact=True).click()
            check(widget)
            for k, (low, high) in enumerate([(0, 2), (-150, 150), (-150, 150)]):
                widget.get_by_role("slider").nth(k).fill(str(draw.randint(low, high)))
            check(widget)
    slider = widget.get_by_role("slider").first
    assert slider.get_attribute("aria-valuetext") == str(where(widget)[2] + 1)


def test_the_right_order_parameter_brings_the_target_into_reach(widget: Locator) -> None:
    for told, floor, answers in (("nothing", "0.320", "2"), ("xy", "0.320", "2"),
                                 ("x² − y²", "0.000", "1")):  # fmt: skip
        widget.get_by_role("button", name=told, exact=True).click()
        assert (texts(widget)["floor"], texts(widget)["answers"]) == (floor, answers)
    drawn = [widget.locator(f".{name}").get_attribute("points") for name in ("asked", "best")]
    assert drawn[0] == drawn[1]


def test_a_pointer_pulls_a_corner(widget: Locator, page: Page) -> None:
    box = widget.locator(".handle").nth(1).locator(".knob").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    unit = widget.locator("svg").evaluate("(e) => e.getBoundingClientRect().width / 340 * 62")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 0.5 * unit, y - 0.3 * unit, steps=3)
    page.mouse.up()
    check(widget)
    at = where(widget)
    assert at[:5] == (0, 0, 1, 80, 0)
    assert at[5:7] == (pytest.approx(-30, abs=3), pytest.approx(30, abs=3))
    page.mouse.move(x, y, steps=2)
    check(widget, at)  # it was let go


@pytest.mark.parametrize("watch", [PHONE], indirect=True)
def test_a_telephone_shows_the_floor_below_the_drawing(widget: Locator, page: Page) -> None:
    widget.locator(".handle").nth(2).locator(".knob").tap()
    check(widget, (0, 0, 2, *WIDER))
    widget.get_by_role("button", name="turn it").tap()
    check(widget)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    boxes = [
        widget.locator(s).bounding_box()
        for s in (".stage", ".eq-floor", ".told", ".slider >> nth=0")
    ]
    tops = [box["y"] for box in boxes if box]
    assert tops == sorted(tops)
    assert tops[1] - tops[0] < 500
    touch = "(e) => getComputedStyle(e).touchAction"
    assert widget.locator(".handle").first.evaluate(touch) == "none"
    assert widget.locator(".stage").evaluate(touch) == "pan-y"


def test_numbers_keep_their_places(widget: Locator) -> None:
    spots = "(w) => [...w.querySelectorAll('table, .slider, .stage')].map((e) => e.offsetTop)"
    before = widget.evaluate(spots)
    for shape, told in (("hexagon", "noise"), ("triangle", "turn"), ("crooked", "nothing")):
        widget.get_by_role("button", name=shape, exact=True).click()
        widget.get_by_role("button", name=told, exact=True).click()
        press(widget, "ArrowUp", "ArrowRight")
        assert widget.evaluate(spots) == before


@pytest.mark.parametrize("watch", [{"reduced_motion": "reduce"}], indirect=True)
def test_nothing_moves_by_itself(widget: Locator, page: Page) -> None:
    before = widget.locator("svg").inner_html()
    page.wait_for_timeout(500)
    assert widget.locator("svg").inner_html() == before


def test_the_floor_is_said_once_it_rests(widget: Locator, page: Page) -> None:
    live = widget.locator("[aria-live]")
    page.wait_for_timeout(900)
    assert live.text_content() == ""  # a page that loads says nothing
    widget.get_by_role("button", name="slide").click()
    page.wait_for_function(
        "(e) => e.textContent.includes('floor 0.640 of 0.640')", arg=live.element_handle()
    )


def test_colors_follow_the_theme(widget: Locator, page: Page) -> None:
    def rgb(name: str, theme: int) -> str:
        digits = PALETTE[name][theme][1:]
        return f"rgb({', '.join(str(int(digits[i : i + 2], 16)) for i in (0, 2, 4))})"

    stroke = "(e) => getComputedStyle(e).stroke"
    assert widget.locator(".best").evaluate(stroke) == rgb("green", 0)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert widget.locator(".best").evaluate(stroke) == rgb("green", 1)


def test_python_can_pull_it_too_and_cleaning_up_leaves_nothing(widget: Locator) -> None:
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
          state.at = [2, 2, 1, 30, 30, 0, 50, -50, 0];
          follow();
          const floor = el.querySelector("[data-shown=floor]").textContent;
          const echoes = saved;
          el.querySelector(".stage").dispatchEvent(
            new KeyboardEvent("keydown", { key: "ArrowRight" }));
          const at = state.at;
          end();
          return { floor, echoes, saved, at, children: el.children.length, follow };
        }"""
    )
    at = (2, 2, 1, 30, 30, 0, 50, -50, 0)
    assert found["floor"] == shown(state_of(widget), at)["floor"]
    assert (found["echoes"], found["saved"]) == (0, 1)
    assert found["at"] == [2, 2, 1, 30, 30, 10, 50, -50, 0]
    assert (found["children"], found["follow"]) == (0, None)


def test_two_widgets_do_not_disturb_each_other(widget: Locator, page: Page) -> None:
    press(widget, "Home")
    check(page.locator("equivar-widget").nth(1), (0, 0, 0, *WIDER))


@pytest.mark.site
def test_the_lecture_shows_what_python_found(page: Page, site_url: str) -> None:
    page.goto(site_url + LECTURE)
    page.wait_for_function(READY)
    reach = page.locator("equivar-widget", has=page.locator(".eq-reach")).first
    align = "(e) => getComputedStyle(e).textAlign"
    assert reach.locator("td").first.evaluate(align) == "right"  # the theme did not reach in
    for key in ("ArrowUp", "PageDown", "ArrowLeft"):
        press(reach, key)
        check(reach)
