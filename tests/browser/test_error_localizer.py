"""The widget that is broken with switches shows what Python traced, wherever it is taken."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest
from localizer_example import recorded
from playwright.sync_api import Locator, Page
from widget_page import PHONE, READY, served, started

from equivar.plots import PALETTE
from equivar.widgets.breakable import SWITCHES
from equivar.widgets.error_localizer import shown

LECTURE = "book/09-a-euclidean-network.html"
ELEMENTS = ("rotation", "x → y → z", "half turn", "inversion", "shift", "new order")
LAST = 9


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a page with the widget twice."""
    folder = tmp_path_factory.mktemp("localizer")
    bundle = recorded().static_bundle()
    with served(folder, bundle, bundle) as url:
        yield url


@pytest.fixture
def widget(page: Page, address: str) -> Locator:
    """Return the first of two widgets, started."""
    return started(page, address)


def button(widget: Locator, name: str) -> Locator:
    return widget.get_by_role("button", name=name, exact=True)


def where(widget: Locator) -> tuple[int, int, int]:
    """Return switches, element and module, from what is on the page alone."""
    pressed = [button(widget, name).get_attribute("aria-pressed") for name in SWITCHES]
    asked = [button(widget, name).get_attribute("aria-pressed") for name in ELEMENTS]
    assert asked.count("true") == 1
    chosen = widget.locator("[data-chosen]")
    assert chosen.count() == 1
    mask = sum(1 << i for i, on in enumerate(pressed) if on == "true")
    return mask, asked.index("true"), int(chosen.get_attribute("data-at") or -1)


def texts(widget: Locator) -> dict[str, str]:
    return widget.evaluate(
        """(w) => { const all = (s) => [...w.querySelectorAll(`.row ${s}`)]
            .map((c) => c.dataset.value).join(' ');
          return { ...Object.fromEntries([...w.querySelectorAll('[data-shown]')]
            .map((e) => [e.dataset.shown, e.textContent])),
            errors: all('.error'), owns: all('.own') }; }"""
    )


def check(widget: Locator, at: tuple[int, ...] | None = None) -> None:
    """Hold the page to Python: where it is, and each text and mark there."""
    found = where(widget)
    assert at is None or found == at
    state = json.loads(widget.locator("script").text_content() or "")["state"]
    assert texts(widget) == shown(state, found)


def press(widget: Locator, *keys: str) -> None:
    for key in keys:
        widget.get_by_role("application").press(key)


def test_it_starts_with_nothing_broken(widget: Locator) -> None:
    check(widget, (0, 0, LAST))
    assert widget.locator(".widget-fallback").count() == 0
    assert texts(widget)["verdict"] == "no fault seen"


def test_switches_name_the_culprit(widget: Locator) -> None:
    for i, guilty in enumerate(("edges", "mix", "norm", "gate")):
        button(widget, SWITCHES[i]).click()
        check(widget, (1 << i, 0, LAST))
        assert texts(widget)["verdict"] == f"fault in {guilty}"
        assert widget.locator(".row[data-status='breaks it'] .name").text_content() == f"✗ {guilty}"
        button(widget, SWITCHES[i]).click()
    check(widget, (0, 0, LAST))


def test_keys_choose_modules_elements_and_faults(widget: Locator, page: Page) -> None:
    press(widget, "ArrowUp", "ArrowUp", "4")
    check(widget, (8, 0, LAST - 2))
    press(widget, "ArrowRight", "1")
    check(widget, (9, 1, LAST - 2))
    press(widget, *["ArrowRight"] * 9, *["ArrowUp"] * 12)
    check(widget, (9, 5, 0))
    press(widget, "ArrowLeft", "Home", "ArrowDown")
    check(widget, (0, 4, 1))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Mend all"  # keys lead out


def test_everything_can_be_reached_by_buttons(widget: Locator) -> None:
    draw = random.Random(4)
    mask = 0
    for _ in range(10):
        i, g = draw.randrange(4), draw.randrange(6)
        button(widget, SWITCHES[i]).click()
        button(widget, ELEMENTS[g]).click()
        mask ^= 1 << i
        check(widget, (mask, g, LAST))
    button(widget, "Mend all").click()
    assert where(widget)[0] == 0


def test_a_pointer_asks_for_a_module(widget: Locator) -> None:
    button(widget, "ReLU").click()
    widget.locator("[data-at='6'] .name").hover()
    check(widget, (8, 0, 6))
    assert texts(widget)["kind"] == "Activate"


def test_marks_lie_where_their_numbers_say(widget: Locator) -> None:
    press(widget, "3")
    spots = widget.evaluate(
        "(w) => [...w.querySelectorAll('.row .error')]"
        ".map((c) => [Number(c.dataset.value), Number(c.getAttribute('cx'))])"
    )
    spots.sort()
    places = [x for _, x in spots]
    assert places == sorted(places)
    assert places[-1] - places[0] > 200


@pytest.mark.parametrize("watch", [PHONE], indirect=True)
def test_a_telephone_taps_and_sees_the_verdict(widget: Locator, page: Page) -> None:
    button(widget, "LayerNorm").tap()
    widget.locator("[data-at='5'] .band").tap()
    check(widget, (4, 0, 5))
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    boxes = [
        widget.locator(s).first.bounding_box() for s in (".eq-choice", ".eq-verdict", ".stage")
    ]
    tops = [box["y"] for box in boxes if box]
    assert tops == sorted(tops)
    assert boxes[2] is not None
    assert boxes[2]["y"] + boxes[2]["height"] - tops[0] < 760


def test_numbers_keep_their_places(widget: Locator) -> None:
    spots = "(w) => [...w.querySelectorAll('table, .stage, .eq-detail')].map((e) => e.offsetTop)"
    before = widget.evaluate(spots)
    for key in ("1", "2", "3", "4", "ArrowRight", "ArrowUp", "ArrowUp"):
        press(widget, key)
        assert widget.evaluate(spots) == before


@pytest.mark.parametrize("watch", [{"reduced_motion": "reduce"}], indirect=True)
def test_nothing_moves_by_itself_for_those_who_asked(widget: Locator) -> None:
    press(widget, "4")
    style = "(e) => getComputedStyle(e).transitionDuration"
    assert widget.locator(".row .error").first.evaluate(style) == "0s"


def test_the_verdict_is_said_once_it_rests(widget: Locator, page: Page) -> None:
    live = widget.locator("[aria-live]")
    page.wait_for_timeout(900)
    assert live.text_content() == ""  # a page that loads says nothing
    press(widget, "1", "4")
    page.wait_for_function(
        "(e) => e.textContent.includes('fault in edges, gate')", arg=live.element_handle()
    )


def test_colors_follow_the_theme(widget: Locator, page: Page) -> None:
    press(widget, "4")
    fill = "(e) => (e.style.transition = 'none', getComputedStyle(e).fill)"

    def rgb(name: str, theme: int) -> str:
        digits = PALETTE[name][theme][1:]
        return f"rgb({', '.join(str(int(digits[i : i + 2], 16)) for i in (0, 2, 4))})"

    names = ("blue", "red", "orange")
    marks = [widget.locator(f"[data-at='{k}'] .error") for k in (0, 6, 8)]
    assert [m.evaluate(fill) for m in marks] == [rgb(n, 0) for n in names]
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert [m.evaluate(fill) for m in marks] == [rgb(n, 1) for n in names]


def test_two_on_one_page_do_not_disturb_each_other(widget: Locator, page: Page) -> None:
    press(widget, "2", "ArrowUp")
    check(widget, (2, 0, LAST - 1))
    check(page.locator("equivar-widget").nth(1), (0, 0, LAST))


def test_a_notebook_hears_of_it_and_can_take_it_away(widget: Locator, page: Page) -> None:
    found = page.evaluate(
        """async () => {
          const bundle = JSON.parse(document.querySelector("equivar-widget script").textContent);
          const state = { ...bundle.state };
          const url = URL.createObjectURL(new Blob([bundle.esm], { type: "text/javascript" }));
          const { render } = (await import(url)).default;
          let follow, saved = 0;
          const model = { get: (k) => state[k], set: (k, v) => { state[k] = v; },
            save_changes: () => saved++, on: (name, f) => { follow = f; },
            off: () => { follow = null; } };
          const el = document.body.appendChild(document.createElement("div"));
          const end = render({ model, el });
          state.at = [8, 0, 6];
          follow();
          const kind = el.querySelector("[data-shown=kind]").textContent;
          const echoes = saved;
          el.querySelector(".stage").dispatchEvent(new KeyboardEvent("keydown", { key: "1" }));
          const at = state.at;
          end();
          return { kind, echoes, saved, at, children: el.children.length, follow };
        }"""
    )
    assert found["kind"] == "Activate"
    assert (found["echoes"], found["saved"]) == (0, 1)
    assert found["at"] == [9, 0, 6]
    assert (found["children"], found["follow"]) == (0, None)


@pytest.mark.site
def test_the_lecture_shows_what_python_found(page: Page, site_url: str) -> None:
    page.goto(site_url + LECTURE)
    page.wait_for_function(READY)
    widget = page.locator("equivar-widget", has=page.locator(".eq-localizer")).first
    align = "(e) => getComputedStyle(e).textAlign"
    assert widget.locator("td").first.evaluate(align) == "right"  # the theme did not reach in
    for key in ("4", "ArrowUp", "ArrowRight", "Home"):
        press(widget, key)
        check(widget)
