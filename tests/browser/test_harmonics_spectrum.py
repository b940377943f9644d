"""The widget of harmonics shows what Python recorded, however the cloud was turned."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from harmonics_examples import CLOUDS, PIXELS, spectrum
from playwright.sync_api import CDPSession, Locator, Page
from widget_page import COUNT_FRAMES, PHONE, READY, served, started, texts

from equivar.widgets.harmonics_spectrum import shown

LECTURE = "book/08-irreps-and-harmonics.html"
START = (0, 0, 0, 3, -2)
NAMES = list(CLOUDS)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a page with the widget."""
    folder = tmp_path_factory.mktemp("harmonics")
    with served(folder, spectrum().static_bundle()) as url:
        yield url


@pytest.fixture
def widget(page: Page, address: str) -> Locator:
    """Return the widget, started."""
    page.add_init_script(COUNT_FRAMES)
    return started(page, address)


def rest(widget: Locator) -> None:
    widget.locator(".eq-harmonics:not([data-moving])").wait_for()


def where(widget: Locator) -> tuple[int, ...]:
    """Return cloud, axis, angle, degree and order, from buttons and sliders alone."""
    angle, l, m = (int(s.input_value()) for s in widget.get_by_role("slider").all())
    pressed = widget.locator(".clouds button").evaluate_all(
        "(all) => all.findIndex((b) => b.getAttribute('aria-pressed') === 'true')"
    )
    slanted = widget.get_by_role("button", name="Slanted axis").get_attribute("aria-pressed")
    return pressed, int(slanted == "true"), angle // 6, l, m


def check(widget: Locator, at: tuple[int, ...] | None = None) -> None:
    """Hold the page to Python: where it is, and each text there."""
    rest(widget)
    found = where(widget)
    assert at is None or found == at
    state = json.loads(widget.locator("script").text_content() or "")["state"]
    assert texts(widget) == shown(state, found)


def press(widget: Locator, *keys: str) -> None:
    for key in keys:
        widget.get_by_role("application").press(key)


def test_it_starts_where_the_component_will_move(widget: Locator) -> None:
    check(widget, START)
    assert widget.locator(".widget-fallback").count() == 0
    assert texts(widget)["change-3"] == "0"


def test_keys_turn_and_choose(widget: Locator) -> None:
    press(widget, "ArrowRight", "ArrowRight", "ArrowLeft", "ArrowUp", "PageUp")
    check(widget, (0, 0, 1, 4, -1))
    press(widget, "ArrowLeft", "ArrowLeft", *["ArrowDown"] * 9)
    check(widget, (0, 0, 59, 0, 0))  # round the back, and the order lies within the degree
    press(widget, *["ArrowUp"] * 9, *["PageDown"] * 9, "Home")
    check(widget, (0, 0, 0, 6, -6))


def test_the_component_moves_and_the_power_stays(widget: Locator) -> None:
    press(widget, *["ArrowRight"] * 7)
    check(widget, (0, 0, 7, 3, -2))
    found = texts(widget)
    assert float(found["square-change"]) > 0.1
    assert found["sum-change"] in ("0", "< 1e-8")
    assert found["sum"] == "3.889"  # 35/9


def test_sliders_buttons_and_both_axes(widget: Locator) -> None:
    angle, l, m = widget.get_by_role("slider").all()
    angle.fill("90")
    l.fill("6")
    rest(widget)  # orders reach as far as the degree that is drawn
    m.fill("5")
    check(widget, (0, 0, 15, 6, 5))
    assert angle.get_attribute("aria-valuetext") == "90 degrees"
    for k, name in enumerate(NAMES):
        widget.get_by_role("button", name=name, exact=True).click()
        check(widget, (k, 0, 15, 6, 5))
    widget.get_by_role("button", name="Slanted axis").click()
    check(widget, (3, 1, 0, 6, 5))  # both turns begin at the same place
    angle.fill("48")
    check(widget, (3, 1, 8, 6, 5))
    widget.get_by_role("button", name="Reset").click()
    check(widget, START)


def test_a_click_on_a_bar_chooses_it(widget: Locator) -> None:
    box = widget.locator(".bar").nth(16 + 4 + 3).bounding_box()  # degree 4, order 3
    chart = widget.locator(".chart").bounding_box()
    assert box
    assert chart
    x = box["x"] + box["width"] / 2 - chart["x"]
    y = box["y"] - chart["y"]
    widget.locator(".chart").click(position={"x": x, "y": y})
    check(widget, (0, 0, 0, 4, 3))
    assert widget.locator(".bar.one").count() == 1


def test_a_drag_comes_to_rest_on_a_recorded_angle(widget: Locator, page: Page) -> None:
    box = widget.locator(".stage").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 90, y + 30, steps=9)
    assert widget.locator(".eq-harmonics[data-moving]").count() == 1
    page.mouse.up()
    check(widget)
    assert 3 <= where(widget)[2] <= 12


@pytest.mark.parametrize("watch", [PHONE], indirect=True)
def test_a_finger_turns_it_and_the_page_fits_a_telephone(widget: Locator, page: Page) -> None:
    box = widget.locator(".stage").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session: CDPSession = page.context.new_cdp_session(page)

    def finger(kind: str, *at: float) -> None:
        points = [{"x": at[0], "y": at[1], "id": 0}] if at else []
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    finger("touchStart", x, y)
    for step in range(1, 9):
        finger("touchMove", x - 10 * step, y)
    finger("touchEnd")
    check(widget)
    assert 45 < where(widget)[2] < 58
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    touch = widget.locator(".stage").evaluate("(e) => getComputedStyle(e).touchAction")
    assert touch == "pan-y"  # up and down, a finger scrolls the page


def test_the_icosahedron_is_a_ball_up_to_degree_5(widget: Locator) -> None:
    widget.get_by_role("button", name="icosahedron").click()
    press(widget, "ArrowUp", "ArrowUp")
    check(widget, (2, 0, 0, 5, -2))
    canvas = widget.locator(".stage canvas")
    _, chroma = canvas.evaluate(PIXELS)
    assert chroma < 25  # gray all over: nowhere more, nowhere less
    assert texts(widget)["rough"] == "< 1e-8"
    press(widget, "ArrowUp")
    check(widget, (2, 0, 0, 6, -2))
    drawn, chroma = canvas.evaluate(PIXELS)
    assert chroma > 60
    assert drawn > 5000


def test_spin_shows_and_stops(widget: Locator, page: Page) -> None:
    widget.get_by_role("button", name="Spin").click()
    page.wait_for_function("document.querySelector('.eq-harmonics input').value > 20")
    widget.get_by_role("button", name="Stop").click()
    check(widget)
    before = page.evaluate("frames_asked")
    page.wait_for_timeout(100)
    assert page.evaluate("frames_asked") == before  # at rest it asks for none


@pytest.mark.parametrize("watch", [{"reduced_motion": "reduce"}], indirect=True)
def test_nothing_moves_by_itself_for_those_who_asked(widget: Locator, page: Page) -> None:
    before = page.evaluate("frames_asked")
    widget.get_by_role("button", name="Turn 30°").click()
    check(widget, (0, 0, 5, 3, -2))
    assert page.evaluate("frames_asked") - before <= 2


def test_the_numbers_are_said_once_it_rests(widget: Locator, page: Page) -> None:
    live = widget.locator("[aria-live]")
    page.wait_for_timeout(900)
    assert live.text_content() == ""  # a page that loads says nothing
    press(widget, "ArrowRight")
    page.wait_for_function("(e) => e.textContent.includes('6 degrees')", arg=live.element_handle())
    said = live.text_content() or ""
    assert said.startswith("tetrahedron, 6 degrees about the polar axis y. Component 3, -2 squared")
    assert f"Power of degree 3: {texts(widget)['sum']}" in said


def test_the_canvas_follows_the_theme(widget: Locator, page: Page) -> None:
    ball = "(c) => [...c.getContext('2d').getImageData(280, 60, 1, 1).data]"
    press(widget, *["ArrowDown"] * 3)
    rest(widget)
    middle = ball.replace("280, 60", "300, 300")
    light = widget.locator(".stage canvas").evaluate(middle)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(
        f"([canvas, old]) => String(({middle})(canvas)) !== old",
        arg=[widget.locator(".stage canvas").element_handle(), ",".join(map(str, light))],
    )


def test_cleaning_up_leaves_nothing(widget: Locator) -> None:
    found = widget.evaluate(
        """async (w) => {
          const { esm, state } = JSON.parse(w.querySelector("script").textContent);
          const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
          const { render } = (await import(url)).default;
          const calls = new Set();
          const model = { get: (k) => state[k], set() {}, save_changes() {},
            on: (name, f) => calls.add(f), off: (name, f) => calls.delete(f) };
          const el = document.body.appendChild(document.createElement("div"));
          const signals = [], real = EventTarget.prototype.addEventListener;
          EventTarget.prototype.addEventListener = function (type, f, options) {
            signals.push(options?.signal);
            return real.call(this, type, f, options);
          };
          const end = render({ model, el });
          EventTarget.prototype.addEventListener = real;
          const subscribed = calls.size;
          el.querySelector(".buttons:not(.clouds) button").click();
          end();
          const before = frames_asked;
          document.documentElement.dataset.theme = "dark";
          await new Promise((done) => setTimeout(done, 120));
          return { subscribed, left: calls.size, children: el.children.length,
            listeners: signals.length, ended: signals.filter((s) => s?.aborted).length };
        }"""
    )
    assert found["subscribed"] == 1
    assert found["listeners"] == found["ended"] > 5
    assert (found["left"], found["children"]) == (0, 0)


def test_python_can_turn_it_too(widget: Locator) -> None:
    found = widget.evaluate(
        """async (w) => {
          const { esm, state } = JSON.parse(w.querySelector("script").textContent);
          const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
          const { render } = (await import(url)).default;
          let follow, saved = 0;
          const model = { get: (k) => state[k], set: (k, v) => { state[k] = v; },
            save_changes: () => saved++, on: (name, f) => { follow = f; }, off() {} };
          const el = document.body.appendChild(document.createElement("div"));
          render({ model, el });
          state.at = [3, 1, 40, 2, -1];
          follow();
          do await new Promise(requestAnimationFrame);
          while (el.querySelector("[data-moving]"));
          const texts = Object.fromEntries(
            [...el.querySelectorAll("[data-shown]")].map((e) => [e.dataset.shown, e.textContent]));
          return { texts, saved, at: state.at };
        }"""
    )
    state = json.loads(widget.locator("script").text_content() or "")["state"]
    assert found["texts"] == shown(state, (3, 1, 40, 2, -1))
    assert (found["saved"], found["at"]) == (0, [3, 1, 40, 2, -1])


@pytest.mark.site
def test_the_lecture_shows_what_python_recorded(page: Page, site_url: str) -> None:
    page.goto(site_url + LECTURE)
    page.wait_for_function(READY)
    widget = page.locator("equivar-widget", has=page.locator(".eq-harmonics")).first
    align = "(e) => getComputedStyle(e).textAlign"
    assert widget.locator("td[data-shown]").first.evaluate(align) == "right"  # not the theme's
    press(widget, "ArrowRight", "ArrowUp")
    check(widget, (0, 0, 1, 4, -2))
    widget.get_by_role("button", name="icosahedron").click()
    press(widget, "ArrowUp", "ArrowUp", "ArrowRight")
    over = "(w) => w.querySelector('.detail').scrollWidth - w.querySelector('.detail').clientWidth"
    assert widget.evaluate(over) <= 0  # the widest numbers stay within the column
