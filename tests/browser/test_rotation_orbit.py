"""The widget shows what Python recorded, however the molecule was turned."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator

import pytest
import torch
from playwright.sync_api import CDPSession, Locator, Page
from widget_examples import NUMBERS, POSITIONS, ethanol_orbit
from widget_page import COUNT_FRAMES, served, texts

from equivar.plots import PALETTE
from equivar.widgets.molecule_svg import element
from equivar.widgets.recorded import format_error, format_fixed
from equivar.widgets.rotation_orbit import grid_rotations, shown

HOME = (0, 6, 0, 0)
TOUCH = {"has_touch": True, "viewport": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a page with the same widget twice."""
    folder = tmp_path_factory.mktemp("orbit")
    bundle = ethanol_orbit().static_bundle()
    with served(folder, bundle, bundle) as url:
        yield url


@pytest.fixture
def orbit(page: Page, address: str) -> Locator:
    """Return the first of two widgets, started."""
    page.add_init_script(COUNT_FRAMES)
    page.goto(address)
    page.wait_for_function(
        "[...document.querySelectorAll('equivar-widget')].every(w => w.dataset.state === 'ready')"
    )
    return page.locator("equivar-widget").first


def rest(orbit: Locator) -> None:
    orbit.locator(".eq-orbit:not([data-moving])").wait_for()


def where(orbit: Locator) -> tuple[int, int, int, int]:
    """Return the grid index, from the sliders and the button alone."""
    yaw, tilt, roll = (int(s.input_value()) for s in orbit.get_by_role("slider").all())
    mirrored = orbit.get_by_role("button", name="Mirror").get_attribute("aria-pressed") == "true"
    return yaw // 15 % 24, (tilt + 90) // 15, roll // 15 % 24, int(mirrored)


def check(orbit: Locator, at: tuple[int, ...] | None = None) -> None:
    """Hold the page to Python: where it is, and each text there."""
    rest(orbit)
    found = where(orbit)
    assert at is None or found == at
    state = json.loads(orbit.locator("script").text_content() or "")["state"]
    assert texts(orbit) == shown(state, found)


def tried(orbit: Locator) -> int:
    """Return how many points the trace has."""
    line = orbit.locator(".trace .line.m0").first.get_attribute("d") or ""
    return line.count("M") + line.count("L")


def press(orbit: Locator, *keys: str) -> None:
    for key in keys:
        orbit.get_by_role("application").press(key)


def drag(page: Page, orbit: Locator, dx: float, dy: float) -> None:
    box = orbit.locator(".stage").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=12)
    assert orbit.locator(".eq-orbit[data-moving]").count() == 1
    page.mouse.up()


def fingers(session: CDPSession, kind: str, *points: tuple[float, float]) -> None:
    touches = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})


def test_it_starts_at_the_identity(orbit: Locator) -> None:
    check(orbit, HOME)
    assert texts(orbit)["error-0"] == texts(orbit)["error-1"] == "0"
    assert orbit.locator(".widget-fallback").count() == 0
    assert tried(orbit) == 1


def test_keys_step_from_recorded_to_recorded_rotation(orbit: Locator) -> None:
    press(orbit, "ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown", "PageUp")
    check(orbit, (3, 8, 1, 0))
    assert tried(orbit) == 7
    press(orbit, *["ArrowLeft"] * 4, *["ArrowUp"] * 9, "PageDown", "PageDown")
    check(orbit, (23, 0, 23, 0))  # yaw and roll go round, tilt ends
    press(orbit, "Home")
    check(orbit, HOME)


def test_keys_lead_out_of_the_stage_again(orbit: Locator, page: Page) -> None:
    orbit.get_by_role("application").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "range"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Control+ArrowRight")  # the browser's own, not ours
    check(orbit, HOME)


def test_sliders_reach_every_recorded_rotation(orbit: Locator) -> None:
    yaw = orbit.get_by_role("slider", name="Yaw")
    yaw.press("ArrowRight")
    check(orbit, (1, 6, 0, 0))
    assert yaw.get_attribute("aria-valuetext") == "15 degrees"
    draw = random.Random(3)
    for _ in range(10):
        at = (draw.randrange(24), draw.randrange(13), draw.randrange(24))
        for slider, i, low in zip(orbit.get_by_role("slider").all(), at, (0, -90, 0), strict=True):
            degrees = 15 * i + low
            slider.fill(str(degrees - 360 if degrees > 180 else degrees))
        if draw.random() < 0.5:
            orbit.get_by_role("button", name="Mirror").click()
        rest(orbit)
        assert where(orbit)[:3] == at
        check(orbit)


def test_a_drag_moves_and_comes_to_rest_on_a_recorded_rotation(orbit: Locator, page: Page) -> None:
    drag(page, orbit, 130, 40)
    check(orbit)
    yaw, tilt, roll, _ = where(orbit)
    assert 0 < yaw < 12
    assert tilt > 6
    assert roll == 0
    assert tried(orbit) > 4  # all that it passed, not the last alone
    page.keyboard.down("Shift")
    drag(page, orbit, 90, 5)
    page.keyboard.up("Shift")
    check(orbit)
    assert where(orbit)[:2] == (yaw, tilt)


def test_what_is_drawn_turns_as_python_turns_it(orbit: Locator) -> None:
    press(orbit, *["ArrowRight"] * 2, "ArrowDown", *["PageUp"] * 3)
    check(orbit, (2, 7, 3, 0))
    reach = float(
        (POSITIONS.norm(dim=-1) + torch.tensor([element(int(z))[1] for z in NUMBERS])).max()
    )
    feet = orbit.locator(".foot").evaluate_all(
        "(feet) => feet.flatMap((c) => [c.cx.baseVal.value, c.cy.baseVal.value])"
    )
    oxygen = grid_rotations(15)[2, 7, 3] @ POSITIONS[int(NUMBERS.argmax())].double()
    x, y = (97 / reach * oxygen[:2]).tolist()
    assert feet == pytest.approx([x, 0, 0, -y], abs=0.02)


@pytest.mark.parametrize("watch", [TOUCH], indirect=True)
def test_fingers_turn_and_twist(orbit: Locator, page: Page) -> None:
    box = orbit.locator(".stage").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = page.context.new_cdp_session(page)
    fingers(session, "touchStart", (x, y))
    for step in range(1, 9):
        fingers(session, "touchMove", (x - 10 * step, y - 6 * step))
    fingers(session, "touchEnd")
    check(orbit)
    yaw, tilt, roll, _ = where(orbit)
    assert yaw > 12
    assert tilt < 6
    assert roll == 0
    assert page.evaluate("scrollY") == 0  # the finger turned the molecule, not the page
    fingers(session, "touchStart", (x - 60, y), (x + 60, y))
    for step in range(1, 10):
        a = math.radians(6 * step)  # clockwise, for y points down
        c, s = 60 * math.cos(a), 60 * math.sin(a)
        fingers(session, "touchMove", (x - c, y - s), (x + c, y + s))
    fingers(session, "touchEnd")
    check(orbit)
    assert where(orbit)[2] in range(19, 23)  # about -54 degrees


def test_the_mirror_inverts_and_inverts_back(orbit: Locator) -> None:
    press(orbit, "ArrowRight", "ArrowDown")
    rest(orbit)
    before = texts(orbit)
    orbit.get_by_role("button", name="Mirror").click()
    check(orbit, (1, 7, 0, 1))
    for c in "xyz":
        assert float(texts(orbit)[c].replace("−", "-")) == -float(before[c].replace("−", "-"))
    orbit.get_by_role("button", name="Mirror").click()
    check(orbit, (1, 7, 0, 0))


def test_reset_forgets_the_trace(orbit: Locator) -> None:
    orbit.get_by_role("button", name="Mirror").click()
    press(orbit, *["ArrowRight"] * 60)
    rest(orbit)
    assert tried(orbit) == 48  # the newest of 62
    assert orbit.get_by_text("62 rotations tried").count() == 1
    orbit.get_by_role("button", name="Reset").click()
    check(orbit, HOME)
    assert tried(orbit) == 1


def test_spin_shows_and_stops(orbit: Locator, page: Page) -> None:
    orbit.get_by_role("button", name="Spin").click()
    page.wait_for_function("document.querySelector('.line.m0').getAttribute('d').length > 80")
    orbit.get_by_role("button", name="Stop").click()
    check(orbit)
    assert orbit.get_by_role("button", name="Spin").count() == 1


@pytest.mark.parametrize("watch", [{"reduced_motion": "reduce"}], indirect=True)
def test_nothing_moves_by_itself_for_those_who_asked(orbit: Locator, page: Page) -> None:
    before = page.evaluate("frames_asked")
    orbit.get_by_role("button", name="Try 24").click()
    check(orbit)
    assert tried(orbit) == 25
    assert page.evaluate("frames_asked") - before <= 2


def test_javascript_writes_numbers_as_python_does(orbit: Locator, page: Page) -> None:
    values = [0.0, -0.0, 0.125, 0.375, 2.5, 1.005, 9.5e-8, 9.6e-8, 0.00095, 0.00996, 0.0996, 1e-8]
    values += [random.Random(1).uniform(-3, 3) * 10.0 ** -(n % 11) for n in range(300)]
    got = orbit.evaluate(
        """async (w, values) => {
          const { esm } = JSON.parse(w.querySelector("script").textContent);
          const all = new Blob([esm, "export { fixed, relative };"], { type: "text/javascript" });
          const { fixed, relative } = await import(URL.createObjectURL(all));
          return values.map((v) => [fixed(v, 2), fixed(v, 3), relative(Math.abs(v))]);
        }""",
        values,
    )
    assert got == [[format_fixed(v, 2), format_fixed(v, 3), format_error(abs(v))] for v in values]


def test_the_numbers_are_said_once_it_rests(orbit: Locator, page: Page) -> None:
    live = orbit.locator("[aria-live]")
    page.wait_for_timeout(900)  # longer than it waits before it speaks
    assert live.text_content() == ""  # a page that loads says nothing
    press(orbit, "ArrowRight", "ArrowRight")
    page.wait_for_function(
        "(live) => live.textContent.includes('yaw 30')", arg=live.element_handle()
    )
    said = live.text_content() or ""
    assert said.startswith("yaw 30, tilt 0, roll 0 degrees. ")
    assert f"error {texts(orbit)['error-0']}." in said


def test_colors_follow_the_theme(orbit: Locator, page: Page) -> None:
    def colors() -> list[str]:
        return [
            orbit.locator(".line.m0").first.evaluate("(e) => getComputedStyle(e).stroke"),
            orbit.locator(".eq-panel").evaluate("(e) => getComputedStyle(e).backgroundColor"),
        ]

    def rgb(name: str, theme: int) -> str:
        digits = PALETTE[name][theme][1:]
        return f"rgb({', '.join(str(int(digits[i : i + 2], 16)) for i in (0, 2, 4))})"

    assert colors() == [rgb("orange", 0), rgb("paper", 0)]
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert colors() == [rgb("orange", 1), rgb("paper", 1)]
