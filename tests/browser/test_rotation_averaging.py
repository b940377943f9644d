"""The widget of averages shows what Python recorded, whatever the reader chooses."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest
from playwright.sync_api import CDPSession, Locator, Page
from widget_page import COUNT_FRAMES, PHONE, READY, served, started, texts

from equivar.plots import PALETTE
from equivar.widgets import RotationAveraging
from equivar.widgets.rotation_averaging import COUNTS, shown

LECTURE = "book/05-what-augmentation-costs.html"
START = (0, COUNTS.index(60), 0, 3)
SPOTS = """(w) => [...w.querySelectorAll('.spot:not([hidden])')]
  .map((c) => [c.cx.baseVal.value, c.cy.baseVal.value])"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a page with the widget twice."""
    folder = tmp_path_factory.mktemp("averaging")
    bundle = RotationAveraging.record().static_bundle()
    with served(folder, bundle, bundle) as url:
        yield url


@pytest.fixture
def widget(page: Page, address: str) -> Locator:
    """Return the first of two widgets, started."""
    page.add_init_script(COUNT_FRAMES)
    return started(page, address)


def where(widget: Locator, draw: int) -> tuple[int, int, int, int]:
    """Return set, count and degree from buttons and sliders alone, with the draw that is known."""
    chosen = widget.locator(".sets button").evaluate_all(
        "(all) => all.findIndex((b) => b.getAttribute('aria-pressed') === 'true')"
    )
    count, degree = (int(s.input_value()) for s in widget.locator("input").all())
    return chosen, count, draw, degree


def check(widget: Locator, at: tuple[int, ...]) -> None:
    state = json.loads(widget.locator("script").text_content() or "")["state"]
    assert where(widget, at[2]) == tuple(at)
    assert texts(widget) == shown(state, at)
    widget.page.evaluate("new Promise(requestAnimationFrame)")
    assert len(widget.evaluate(SPOTS)) == int(texts(widget)["count"])


def test_it_starts_at_sixty_random_rotations(widget: Locator) -> None:
    check(widget, START)
    assert widget.locator(".widget-fallback").count() == 0


def test_buttons_choose_a_set(widget: Locator) -> None:
    for i, name in enumerate(("random", "12 tetrahedron", "24 cube", "60 icosahedron")):
        widget.get_by_role("button", name=name).click()
        check(widget, (i, *START[1:]))
        assert widget.get_by_role("button", name="Draw again").is_disabled() == (i > 0)
    assert texts(widget)["error"] == "0"


def test_sliders_and_keys_reach_every_choice(widget: Locator) -> None:
    count, degree = widget.locator("input").all()
    degree.press("ArrowRight")
    check(widget, (0, START[1], 0, 4))
    count.press("Home")
    check(widget, (0, 0, 0, 4))
    assert texts(widget)["error"] == "1.00"  # one rotation averages nothing
    assert count.get_attribute("aria-valuetext") == "1 rotations"
    draw = random.Random(1)
    for _ in range(8):
        at = (0, draw.randrange(len(COUNTS)), 0, draw.randint(1, 8))
        count.fill(str(at[1]))
        degree.fill(str(at[3]))
        check(widget, at)


def test_another_draw_has_other_numbers_and_comes_round(widget: Locator) -> None:
    before = texts(widget)["error"]
    for draw in (1, 2, 3, 4, 0):
        widget.get_by_role("button", name="Draw again").click()
        check(widget, (0, START[1], draw, 3))
    assert texts(widget)["error"] == before


def test_the_sphere_turns_by_keys_and_by_hand_and_numbers_stay(widget: Locator, page: Page) -> None:
    stage, before, said = widget.get_by_role("application"), widget.evaluate(SPOTS), texts(widget)
    stage.press("ArrowRight")
    page.evaluate("new Promise(requestAnimationFrame)")
    turned = widget.evaluate(SPOTS)
    assert turned != before
    stage.press("ArrowLeft")
    page.evaluate("new Promise(requestAnimationFrame)")
    assert widget.evaluate(SPOTS) == before
    box = stage.bounding_box()
    assert box
    page.mouse.move(box["x"] + 150, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 210, box["y"] + 120, steps=5)
    page.mouse.up()
    page.evaluate("new Promise(requestAnimationFrame)")
    assert widget.evaluate(SPOTS) != before
    assert texts(widget) == said
    rest = widget.evaluate(SPOTS)
    page.mouse.move(box["x"] + 20, box["y"] + 20)  # no button is down any more
    assert widget.evaluate(SPOTS) == rest


def touch(session: CDPSession, kind: str, *points: tuple[float, float]) -> None:
    session.send(
        "Input.dispatchTouchEvent",
        {"type": kind, "touchPoints": [{"x": x, "y": y, "id": 0} for x, y in points]},
    )


@pytest.mark.parametrize("watch", [PHONE], indirect=True)
def test_a_telephone_turns_it_and_shows_the_number_below(widget: Locator, page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    box, number = (widget.locator(name).bounding_box() for name in (".stage", "[data-shown=error]"))
    assert box
    assert number
    assert 0 < number["y"] - box["y"] - box["height"] < 60
    before = widget.evaluate(SPOTS)
    x, y = box["x"] + 100, box["y"] + 100
    session = page.context.new_cdp_session(page)
    touch(session, "touchStart", (x, y))
    for step in range(1, 8):
        touch(session, "touchMove", (x + 10 * step, y))
    touch(session, "touchEnd")
    page.evaluate("new Promise(requestAnimationFrame)")
    assert widget.evaluate(SPOTS) != before
    for button in widget.locator("button").all():
        size = button.bounding_box()
        assert size
        assert size["height"] >= 24


@pytest.mark.parametrize("watch", [{"reduced_motion": "reduce"}], indirect=True)
def test_nothing_moves_by_itself(widget: Locator, page: Page) -> None:
    widget.get_by_role("button", name="60 icosahedron").click()
    page.evaluate("new Promise(requestAnimationFrame)")
    before = page.evaluate("frames_asked")
    page.wait_for_timeout(150)
    assert page.evaluate("frames_asked") == before


def test_the_numbers_are_said(widget: Locator, page: Page) -> None:
    live = widget.locator("[aria-live]")
    assert live.text_content() == ""
    widget.get_by_role("button", name="24 cube").click()
    page.wait_for_function("(p) => p.textContent", arg=live.element_handle())
    assert live.text_content() == "24 rotations of the cube leave 0 of degree 3."


def test_two_widgets_do_not_disturb_each_other(widget: Locator, page: Page) -> None:
    other = page.locator("equivar-widget").nth(1)
    before = texts(other)
    widget.get_by_role("button", name="12 tetrahedron").click()
    assert texts(other) == before


def test_colors_follow_the_theme(widget: Locator, page: Page) -> None:
    def rgb(name: str, theme: int) -> str:
        digits = PALETTE[name][theme][1:]
        return f"rgb({', '.join(str(int(digits[i : i + 2], 16)) for i in (0, 2, 4))})"

    fill = "(e) => getComputedStyle(e).fill"
    spot = widget.locator(".spot").first
    assert spot.evaluate(fill) == rgb("orange", 0)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert spot.evaluate(fill) == rgb("orange", 1)
    widget.get_by_role("button", name="60 icosahedron").click()
    assert spot.evaluate(fill) == rgb("blue", 1)


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
          state.at = [3, 2, 0, 6];
          follow();
          const error = el.querySelector("[data-shown=error]").textContent;
          const echoes = saved;
          el.querySelector(".sets button").click();
          const kept = [saved, state.at.join()];
          end();
          return { error, echoes, kept, left: el.children.length, follow };
        }"""
    )
    assert found["error"] == "0.28"
    assert (found["echoes"], found["kept"]) == (0, [1, "0,2,0,6"])
    assert (found["left"], found["follow"]) == (0, 0)


@pytest.mark.site
def test_the_lecture_shows_what_python_recorded(page: Page, site_url: str) -> None:
    page.goto(site_url + LECTURE)
    page.wait_for_function(READY)
    widget = page.locator("equivar-widget", has=page.locator(".eq-averaging")).first
    count, degree = widget.locator("input").all()
    for slider, key, at in (
        (degree, "ArrowRight", (0, START[1], 0, 4)),
        (degree, "End", (0, START[1], 0, 8)),
        (count, "ArrowLeft", (0, START[1] - 1, 0, 8)),
        (count, "End", (0, len(COUNTS) - 1, 0, 8)),
    ):
        slider.press(key)
        check(widget, at)
    widget.get_by_role("button", name="60 icosahedron").press("Enter")
    check(widget, (3, len(COUNTS) - 1, 0, 8))
