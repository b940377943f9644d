"""The widget of ties shows what Python found, for each group, tensor, view and component."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page
from widget_page import PHONE, READY, served, started

from equivar.plots import PALETTE
from equivar.widgets import TensorTies
from equivar.widgets.tensor_ties import shown

LECTURE = "book/07-one-equation.html"
TENSORS = ("Elastic", "Piezoelectric", "Any rank 4")
LAST = 32


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a page with the widget twice."""
    folder = tmp_path_factory.mktemp("ties")
    bundle = TensorTies.record().static_bundle()
    with served(folder, bundle, bundle) as url:
        yield url


@pytest.fixture
def widget(page: Page, address: str) -> Locator:
    """Return the first of two widgets, started."""
    return started(page, address)


def where(widget: Locator) -> tuple[int, int, int, int]:
    """Return group, tensor, view and component, from what is on the page alone."""
    group = int(widget.get_by_role("slider").input_value())
    pressed = [
        widget.get_by_role("button", name=name).get_attribute("aria-pressed") for name in TENSORS
    ]
    visible = widget.locator(".cell").evaluate_all(
        "(all) => all.filter((c) => c.style.display !== 'none').length"
    )
    tensor = pressed.index("true")
    whole = visible == (27 if tensor == 1 else 81)
    chosen = widget.locator("[data-chosen]")
    assert chosen.count() == 1
    return group, tensor, int(whole), int(chosen.get_attribute("data-at") or -1)


def texts(widget: Locator) -> dict[str, str]:
    return widget.evaluate(
        """(w) => ({ ...Object.fromEntries([...w.querySelectorAll('[data-shown]')]
          .map((e) => [e.dataset.shown, e.textContent])),
          labels: [...w.querySelectorAll('.cell')].filter((c) => c.style.display !== 'none')
            .map((c) => c.querySelector('text').textContent || '·').join(' ') })"""
    )


def check(widget: Locator, at: tuple[int, ...] | None = None) -> None:
    """Hold the page to Python: where it is, and each text there."""
    found = where(widget)
    assert at is None or found == at
    state = json.loads(widget.locator("script").text_content() or "")["state"]
    assert texts(widget) == shown(state, found)


def press(widget: Locator, *keys: str) -> None:
    for key in keys:
        widget.get_by_role("application").press(key)


def test_it_starts_without_symmetry(widget: Locator) -> None:
    check(widget, (0, 0, 0, 0))
    assert widget.locator(".widget-fallback").count() == 0
    assert texts(widget)["free"] == "21"


def test_keys_choose_components_and_classes(widget: Locator, page: Page) -> None:
    press(widget, "ArrowRight", "ArrowRight", "ArrowDown")
    check(widget, (0, 0, 0, 11))
    press(widget, *["ArrowRight"] * 9, *["ArrowDown"] * 9)
    check(widget, (0, 0, 0, 50))  # it ends at the corner of the 6 x 6 table
    press(widget, "PageDown", "PageDown")
    check(widget, (2, 0, 0, 50))
    press(widget, "End", "PageDown")
    check(widget, (LAST, 0, 0, 50))
    press(widget, "Home", "PageUp", "ArrowUp", "ArrowLeft")
    check(widget, (0, 0, 0, 40))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "range"  # keys lead out again


def test_the_slider_and_the_buttons_reach_everything(widget: Locator) -> None:
    draw = random.Random(4)
    for _ in range(12):
        tensor, group = draw.randrange(3), draw.randrange(LAST + 1)
        widget.get_by_role("button", name=TENSORS[tensor]).click()
        widget.get_by_role("slider").fill(str(group))
        view = widget.get_by_role("button", name="All")
        if tensor < 2 and draw.random() < 0.5:
            view.click()
        press(widget, *draw.choices(["ArrowRight", "ArrowDown"], k=4))
        assert where(widget)[:2] == (group, tensor)
        check(widget)
    slider = widget.get_by_role("slider")
    assert slider.get_attribute("aria-valuetext") == texts(widget)["group"]


def test_a_tensor_without_a_table_shows_all(widget: Locator) -> None:
    widget.get_by_role("button", name="Any rank 4").click()
    check(widget, (0, 2, 1, 0))
    assert widget.get_by_role("button", name="All 81").is_disabled()
    widget.get_by_role("button", name="Elastic").click()
    check(widget, (0, 0, 0, 0))


def test_a_system_is_shown_at_its_fullest(widget: Locator) -> None:
    for system, count in (("cubic", "3"), ("hexagonal", "5"), ("monoclinic", "13"), ("glass", "2")):
        button = widget.get_by_role("button", name=system)
        button.click()
        check(widget)
        assert texts(widget)["free"] == count
        assert button.get_attribute("aria-pressed") == "true"


def test_a_pointer_shows_what_is_tied(widget: Locator) -> None:
    widget.get_by_role("button", name="hexagonal").click()
    widget.locator("[data-at='50']").hover()
    check(widget)
    assert texts(widget)["value"] == "(c11 − c12)/2"
    tied = widget.locator(".cell[data-tied]").evaluate_all(
        "(all) => all.filter((c) => c.style.display !== 'none').map((c) => Number(c.dataset.at))"
    )
    assert tied == [0, 1, 9, 10, 50]  # c11, c12, c21, c22, c66 itself


@pytest.mark.parametrize("watch", [PHONE], indirect=True)
def test_a_telephone_taps_and_sees_the_count(widget: Locator, page: Page) -> None:
    widget.locator("[data-at='12']").tap()
    check(widget, (0, 0, 0, 12))
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    boxes = [widget.locator(s).bounding_box() for s in (".stage", ".slider", ".eq-free")]
    tops = [box["y"] for box in boxes if box]
    assert tops == sorted(tops)
    assert tops[2] - tops[0] < 700


def test_numbers_keep_their_places(widget: Locator) -> None:
    spots = "(w) => [...w.querySelectorAll('table, .slider, .stage')].map((e) => e.offsetTop)"
    before = widget.evaluate(spots)
    for group in (0, 9, 17, 25, LAST):
        widget.get_by_role("slider").fill(str(group))
        press(widget, "ArrowDown", "ArrowRight")
        assert widget.evaluate(spots) == before


def test_play_runs_through_the_classes_and_stops(widget: Locator, page: Page) -> None:
    widget.get_by_role("slider").fill(str(LAST - 2))
    widget.get_by_role("button", name="Play").click()
    assert widget.get_by_role("button", name="Stop").count() == 1
    widget.get_by_role("button", name="Play").wait_for()  # it stops at the last by itself
    check(widget, (LAST, 0, 0, 0))
    widget.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('[data-shown=group]').textContent[0] === 'C'")
    widget.get_by_role("button", name="Stop").click()
    check(widget)
    widget.get_by_role("button", name="Reset").click()
    check(widget, (0, 0, 0, 0))


@pytest.mark.parametrize("watch", [{"reduced_motion": "reduce"}], indirect=True)
def test_nothing_moves_by_itself_for_those_who_asked(widget: Locator, page: Page) -> None:
    widget.get_by_role("button", name="Next class").click()
    check(widget, (1, 0, 0, 0))
    page.wait_for_timeout(1000)
    check(widget, (1, 0, 0, 0))
    style = "(e) => getComputedStyle(e).transitionDuration"
    assert widget.locator(".cell").first.evaluate(style) == "0s"


def test_the_count_is_said_once_it_rests(widget: Locator, page: Page) -> None:
    live = widget.locator("[aria-live]")
    page.wait_for_timeout(900)
    assert live.text_content() == ""  # a page that loads says nothing
    press(widget, "End")
    page.wait_for_function(
        "(e) => e.textContent.includes('2 free constants')", arg=live.element_handle()
    )


def test_colors_follow_the_theme(widget: Locator, page: Page) -> None:
    press(widget, "End")
    fill = "(e) => (e.style.transition = 'none', getComputedStyle(e).fill)"

    def rgb(name: str, theme: int) -> str:
        digits = PALETTE[name][theme][1:]
        return f"rgb({', '.join(str(int(digits[i : i + 2], 16)) for i in (0, 2, 4))})"

    first = widget.locator("[data-at='0'] rect")
    assert first.evaluate(fill) == rgb("blue", 0)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert first.evaluate(fill) == rgb("blue", 1)


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
          state.at = [17, 1, 0, 3];
          follow();
          const value = el.querySelector("[data-shown=value]").textContent;
          const echoes = saved;
          el.querySelector(".stage").dispatchEvent(
            new KeyboardEvent("keydown", { key: "ArrowRight" }));
          const at = state.at;
          end();
          return { value, echoes, saved, at, children: el.children.length, follow };
        }"""
    )
    state = json.loads(widget.locator("script").text_content() or "")["state"]
    assert found["value"] == shown(state, (17, 1, 0, 3))["value"] == "e14"
    assert (found["echoes"], found["saved"]) == (0, 1)
    assert found["at"] == [17, 1, 0, 4]
    assert (found["children"], found["follow"]) == (0, None)


def test_two_widgets_do_not_disturb_each_other(widget: Locator, page: Page) -> None:
    press(widget, "End")
    check(page.locator("equivar-widget").nth(1), (0, 0, 0, 0))


@pytest.mark.site
def test_the_lecture_shows_what_python_found(page: Page, site_url: str) -> None:
    page.goto(site_url + LECTURE)
    page.wait_for_function(READY)
    ties = page.locator("equivar-widget", has=page.locator(".eq-ties")).first
    align = "(e) => getComputedStyle(e).textAlign"
    assert ties.locator("td").first.evaluate(align) == "right"  # the theme did not reach in
    for key in ("End", "ArrowDown", "PageUp"):
        press(ties, key)
        check(ties)
