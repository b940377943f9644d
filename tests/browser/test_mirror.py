"""The mirror shows what Python measured, for each thing, quantity and element."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import CDPSession, Locator, Page
from widget_page import PHONE, READY, served, started, texts

from equivar.plots import PALETTE
from equivar.widgets import Mirror
from equivar.widgets.mirror import shown

LECTURE = "book/10-parity-and-handedness.html"
START = (0, 3, 0, 0)
KINDS = ("Mirror", "Turn", "Inversion")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a page with the widget twice."""
    folder = tmp_path_factory.mktemp("mirror")
    bundle = Mirror.record().static_bundle()
    with served(folder, bundle, bundle) as url:
        yield url


@pytest.fixture
def widget(page: Page, address: str) -> Locator:
    """Return the first of two widgets, started."""
    return started(page, address)


def pressed(widget: Locator, group: str) -> int:
    buttons = widget.get_by_role("group", name=group, exact=True).get_by_role("button")
    states = buttons.evaluate_all("(all) => all.map((b) => b.getAttribute('aria-pressed'))")
    return states.index("true")


def where(widget: Locator) -> tuple[int, int, int, int]:
    """Return thing, quantity, kind and element, from what is on the page alone."""
    groups = [pressed(widget, name) for name in ("Thing", "Quantity", "Element")]
    return groups[0], groups[1], groups[2], int(widget.get_by_role("slider").input_value())


def check(widget: Locator, at: tuple[int, ...] | None = None) -> None:
    """Hold the page to Python: where it is, and each text there."""
    found = where(widget)
    assert at is None or found == at
    state = json.loads(widget.locator("script").text_content() or "")["state"]
    assert texts(widget) == shown(state, found)


def press(widget: Locator, *keys: str) -> None:
    for key in keys:
        widget.get_by_role("application").press(key)


def ends(widget: Locator, tone: str) -> list[list[float]]:
    """Tips of the arrows that are drawn, right and up, in units of the picture."""
    paths = widget.locator(f".arrow.{tone}").evaluate_all(
        "(all) => all.filter((a) => a.style.display !== 'none').map((a) => a.getAttribute('d'))"
    )
    tips = [[float(v) for v in re.findall(r"L(\S+) (\S+)", path)[0]] for path in paths]
    return [[x, -y] for x, y in tips]


def test_it_starts_at_the_wheel(widget: Locator) -> None:
    check(widget, START)
    assert widget.locator(".widget-fallback").count() == 0
    assert texts(widget)["verdict"] == "against the picture"


def test_arrows_are_the_measured_ones(widget: Locator) -> None:
    press(widget, *["ArrowLeft"] * 5)
    check(widget, (0, 3, 0, 5))
    state = json.loads(widget.locator("script").text_content() or "")["state"]
    quantity = state["scenes"][0]["quantities"][3]
    image = quantity["found"][0][5]["value"]
    thing, measured = ends(widget, "m1")
    (picture,) = ends(widget, "m0")
    for tip, value in ((thing, quantity["value"]), (measured, image)):
        assert tip == pytest.approx([88 * quantity["scale"] * v for v in value[:2]], abs=1e-6)
    assert picture == pytest.approx([-v for v in measured], abs=1e-5)  # against the picture
    press(widget, "ArrowUp")
    assert ends(widget, "m0")[0] == pytest.approx(ends(widget, "m1")[1], abs=1e-5)


def test_a_number_is_a_bar_that_turns_over(widget: Locator) -> None:
    widget.get_by_role("button", name="screw").click()
    press(widget, "ArrowUp", "ArrowUp")
    check(widget, (1, 1, 0, 0))
    places = (
        "(all) => all.map((b) => [Number(b.getAttribute('y')), Number(b.getAttribute('height'))])"
    )
    here, there = widget.locator(".bar").evaluate_all(places)
    assert here == [-60, 60]
    assert there == [0, 60]
    assert ends(widget, "m0") == ends(widget, "m1") == []


def test_keys_choose_everything(widget: Locator, page: Page) -> None:
    press(widget, "ArrowRight", "ArrowUp", "PageDown")
    check(widget, (0, 2, 1, 23))  # once around
    press(widget, "PageDown", "PageDown", "ArrowLeft")
    check(widget, (0, 2, 2, 0))  # one inversion
    press(widget, "PageUp", *["ArrowUp"] * 5)
    check(widget, (0, 0, 1, 0))
    press(widget, "Home")
    check(widget, START)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "range"  # keys lead out again


def test_buttons_and_the_slider_reach_everything(widget: Locator) -> None:
    draw = random.Random(3)
    slider = widget.get_by_role("slider")
    for _ in range(12):
        scene, k, kind, angle = (draw.randrange(n) for n in (3, 4, 3, 24))
        widget.get_by_role("button", name=("wheel", "screw", "H₂O₂")[scene]).click()
        widget.get_by_role("button", name=("0e", "0o", "1o", "1e")[k]).click()
        widget.get_by_role("button", name=KINDS[kind], exact=True).click()
        if kind < 2:
            slider.fill(str(angle))
        assert slider.is_disabled() == (kind == 2)
        check(widget, (scene, k, kind, angle if kind < 2 else 0))
        assert slider.get_attribute("aria-valuetext") == texts(widget)["element"]
    widget.get_by_role("button", name="Reset").click()
    check(widget, START)


def test_a_drag_turns_the_mirror(widget: Locator, page: Page) -> None:
    box = widget.locator(".stage").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 70, y, steps=7)
    page.mouse.up()
    check(widget, (0, 3, 0, 5))
    page.mouse.move(x, y)  # the hand is off
    check(widget, (0, 3, 0, 5))


@pytest.mark.parametrize("watch", [PHONE], indirect=True)
def test_a_finger_turns_it_and_the_verdict_is_in_sight(widget: Locator, page: Page) -> None:
    box = widget.locator(".stage").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session: CDPSession = page.context.new_cdp_session(page)

    def finger(kind: str, *at: float) -> None:
        points = [{"x": at[0], "y": at[1], "id": 0}] if at else []
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    finger("touchStart", x, y)
    for step in range(1, 9):
        finger("touchMove", x - 7 * step, y)
    finger("touchEnd")
    check(widget)
    assert 2 <= where(widget)[3] <= 5
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    touch = widget.locator(".stage").evaluate("(e) => getComputedStyle(e).touchAction")
    assert touch == "pan-y"  # up and down, a finger scrolls the page
    boxes = [widget.locator(s).bounding_box() for s in (".stage", ".slider", ".eq-verdict")]
    tops = [b["y"] for b in boxes if b]
    assert tops == sorted(tops)
    assert tops[2] - tops[0] < 500


def test_numbers_keep_their_places(widget: Locator) -> None:
    spots = "(w) => [...w.querySelectorAll('table, .slider, .stage')].map((e) => e.offsetTop)"
    before = widget.evaluate(spots)
    for name in ("wheel", "screw", "H₂O₂"):
        widget.get_by_role("button", name=name).click()
        for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowDown", "PageDown", "PageUp"):
            press(widget, key)
            assert widget.evaluate(spots) == before


def test_it_is_said_once_it_rests(widget: Locator, page: Page) -> None:
    live = widget.locator("[aria-live]")
    page.wait_for_timeout(900)
    assert live.text_content() == ""  # a page that loads says nothing
    press(widget, "ArrowUp")
    page.wait_for_function(
        "(e) => e.textContent.includes('velocity of one mass as the picture')",
        arg=live.element_handle(),
    )


def test_colors_follow_the_theme(widget: Locator, page: Page) -> None:
    def rgb(name: str, theme: int) -> str:
        digits = PALETTE[name][theme][1:]
        return f"rgb({', '.join(str(int(digits[i : i + 2], 16)) for i in (0, 2, 4))})"

    stroke = "(e) => getComputedStyle(e).stroke"
    measured, picture = widget.locator(".arrow.m1").first, widget.locator(".arrow.m0").last
    for theme, name in enumerate(("light", "dark")):
        page.evaluate(f"document.documentElement.dataset.theme = '{name}'")
        assert measured.evaluate(stroke) == rgb("blue", theme)
        assert picture.evaluate(stroke) == rgb("orange", theme)


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
          state.at = [1, 1, 0, 7];
          follow();
          const verdict = el.querySelector("[data-shown=verdict]").textContent;
          const echoes = saved;
          el.querySelector(".stage").dispatchEvent(
            new KeyboardEvent("keydown", { key: "ArrowLeft" }));
          const at = state.at;
          end();
          return { verdict, echoes, saved, at, children: el.children.length, follow };
        }"""
    )
    assert found["verdict"] == "changes sign"
    assert (found["echoes"], found["saved"]) == (0, 1)
    assert found["at"] == [1, 1, 0, 8]
    assert (found["children"], found["follow"]) == (0, None)


def test_two_widgets_do_not_disturb_each_other(widget: Locator, page: Page) -> None:
    press(widget, "ArrowLeft", "PageDown")
    check(page.locator("equivar-widget").nth(1), START)
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.site
def test_the_lecture_shows_what_python_measured(page: Page, site_url: str) -> None:
    page.goto(site_url + LECTURE)
    page.wait_for_function(READY)
    mirror = page.locator("equivar-widget", has=page.locator(".eq-mirror")).first
    align = "(e) => getComputedStyle(e).textAlign"
    assert mirror.locator("td").first.evaluate(align) == "right"  # the theme did not reach in
    for key in ("ArrowLeft", "ArrowUp", "PageDown"):
        press(mirror, key)
        check(mirror)
