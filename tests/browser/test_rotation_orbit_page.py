"""The widget is a good guest: of its page, of the reader's screen, and of the browser's time."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page
from widget_examples import ethanol_orbit
from widget_page import COUNT_FRAMES, READY, served

from equivar.widgets.rotation_orbit import shown

PHONE = {"viewport": {"width": 390, "height": 844}}
LECTURE = "book/01-same-molecule-two-answers.html"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a page with two widgets of different content."""
    folder = tmp_path_factory.mktemp("orbits")
    two = [ethanol_orbit(step_degrees=s).static_bundle() for s in (15, 30)]
    with served(folder, *two) as url:
        yield url


@pytest.fixture
def orbits(page: Page, address: str) -> list[Locator]:
    """Return both widgets, started."""
    page.add_init_script(COUNT_FRAMES)
    page.goto(address)
    page.wait_for_function(READY)
    return page.locator("equivar-widget").all()


def test_two_widgets_do_not_disturb_each_other(orbits: list[Locator], page: Page) -> None:
    read = "(w) => [...w.querySelectorAll('[data-shown]')].map((e) => e.textContent)"
    before = [w.evaluate(read) for w in orbits]
    orbits[1].get_by_role("application").press("ArrowRight")
    orbits[1].locator(".eq-orbit:not([data-moving])").wait_for()
    assert orbits[0].evaluate(read) == before[0]
    assert orbits[1].evaluate(read) != before[1]
    assert orbits[1].locator("[data-shown=yaw]").text_content() == "30°"
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids)) > 0


def test_many_moves_make_one_frame(orbits: list[Locator], page: Page) -> None:
    asked = (
        orbits[0]
        .locator(".stage")
        .evaluate(
            """(stage) => {
          const send = (type, x) => stage.dispatchEvent(new PointerEvent(type,
            { pointerId: 1, clientX: 150 + x, clientY: 150, bubbles: true }));
          stage.setPointerCapture = () => {};
          const before = frames_asked;
          send("pointerdown", 0);
          for (let x = 0; x < 40; x++) send("pointermove", x);
          return frames_asked - before;
        }"""
        )
    )
    assert asked == 1


def test_a_widget_at_rest_asks_for_no_frames(orbits: list[Locator], page: Page) -> None:
    orbits[0].get_by_role("application").press("ArrowRight")
    orbits[0].locator(".eq-orbit:not([data-moving])").wait_for()
    before = page.evaluate("frames_asked")
    page.wait_for_timeout(100)
    assert page.evaluate("frames_asked") == before
    assert before > 2  # the way there is animated


def test_cleaning_up_leaves_nothing(orbits: list[Locator], page: Page) -> None:
    """Render by hand with a model that counts, spin, clean up, and poke what is left."""
    found = orbits[0].evaluate(
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
          el.querySelector(".buttons button").click();
          const stage = el.querySelector(".stage");
          end();
          const before = frames_asked;
          await new Promise((done) => setTimeout(done, 120));
          stage.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" }));
          return { subscribed, left: calls.size, children: el.children.length,
            frames: frames_asked - before, listeners: signals.length,
            ended: signals.filter((s) => s?.aborted).length };
        }"""
    )
    assert found["subscribed"] == 1
    assert found["listeners"] == found["ended"] > 5
    assert (found["left"], found["children"], found["frames"]) == (0, 0, 0)


def test_python_can_turn_it_too(orbits: list[Locator], page: Page) -> None:
    """As in Jupyter, where the kernel sets the trait and the page follows, and the other way."""
    found = orbits[0].evaluate(
        """async (w) => {
          const { esm, state } = JSON.parse(w.querySelector("script").textContent);
          const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
          const { render } = (await import(url)).default;
          let follow, saved = 0;
          const model = { get: (k) => state[k], set: (k, v) => { state[k] = v; },
            save_changes: () => saved++, on: (name, f) => { follow = f; }, off() {} };
          const el = document.body.appendChild(document.createElement("div"));
          render({ model, el });
          const rest = async () => {
            do await new Promise(requestAnimationFrame);
            while (el.querySelector("[data-moving]"));
          };
          state.at = [4, 5, 6, 1];
          follow();
          await rest();
          const texts = Object.fromEntries(
            [...el.querySelectorAll("[data-shown]")].map((e) => [e.dataset.shown, e.textContent]));
          const echoes = saved;
          el.querySelector(".stage").dispatchEvent(
            new KeyboardEvent("keydown", { key: "ArrowRight" }));
          await rest();
          return { texts, echoes, saved, at: state.at };
        }"""
    )
    state = json.loads(orbits[0].locator("script").text_content() or "")["state"]
    assert found["texts"] == shown(state, (4, 5, 6, 1))
    assert (found["echoes"], found["saved"]) == (0, 1)
    assert found["at"] == [5, 5, 6, 1]


@pytest.mark.parametrize("watch", [PHONE], indirect=True)
def test_a_telephone_shows_molecule_and_numbers_together(orbits: list[Locator], page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    names = (".stage", "table", ".slider >> nth=0")
    stage, table, slider = (orbits[0].locator(name).bounding_box() for name in names)
    assert stage
    assert table
    assert slider
    assert stage["y"] < table["y"] < slider["y"]
    assert stage["height"] <= 0.6 * 844
    assert table["y"] + table["height"] - stage["y"] < 844
    assert orbits[0].locator(".stage").evaluate("(e) => getComputedStyle(e).touchAction") == "none"
    assert orbits[0].locator("table").evaluate("(e) => getComputedStyle(e).touchAction") == "auto"


def test_a_desk_shows_them_side_by_side(orbits: list[Locator]) -> None:
    stage, table = (orbits[0].locator(name).bounding_box() for name in (".stage", "table"))
    assert stage
    assert table
    assert table["x"] > stage["x"] + stage["width"]
    assert table["y"] < stage["y"] + stage["height"]


def test_numbers_keep_their_places(orbits: list[Locator], page: Page) -> None:
    spots = "(w) => [...w.querySelectorAll('table, .trace, .slider')].map((e) => e.offsetTop)"
    before = orbits[0].evaluate(spots)
    for key in ("ArrowRight", "ArrowDown", "PageUp", "PageUp"):
        orbits[0].get_by_role("application").press(key)
        assert orbits[0].evaluate(spots) == before


@pytest.mark.site
def test_the_lecture_shows_what_python_recorded(page: Page, site_url: str) -> None:
    page.goto(site_url + LECTURE)
    page.wait_for_function(READY)
    orbit = page.locator("equivar-widget", has=page.locator(".eq-orbit")).first
    state = json.loads(orbit.locator("script").text_content() or "")["state"]
    align = "(e) => getComputedStyle(e).textAlign"
    assert orbit.locator("td").first.evaluate(align) == "right"  # the theme did not reach in
    for key, at in (("ArrowRight", (1, 6, 0, 0)), ("ArrowDown", (1, 7, 0, 0))):
        orbit.get_by_role("application").press(key)
        orbit.locator(".eq-orbit:not([data-moving])").wait_for()
        read = orbit.evaluate(
            "(w) => Object.fromEntries([...w.querySelectorAll('[data-shown]')]"
            ".map((e) => [e.dataset.shown, e.textContent]))"
        )
        assert read == shown(state, at)
