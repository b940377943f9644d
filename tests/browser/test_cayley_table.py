"""The Cayley table shows what Python recorded, whichever elements were chosen and however."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest
from cayley_example import cayley
from playwright.sync_api import Locator, Page
from widget_page import COUNT_FRAMES, PHONE, served, started, texts

from equivar.plots import PALETTE
from equivar.widgets.cayley_table import shown

START = (1, 2, 1, 4)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a page with the same widget twice."""
    folder = tmp_path_factory.mktemp("cayley")
    bundle = cayley().static_bundle()
    with served(folder, bundle, bundle) as url:
        yield url


@pytest.fixture
def table(page: Page, address: str) -> Locator:
    """Return the first of two widgets, started."""
    page.add_init_script(COUNT_FRAMES)
    return started(page, address)


def state(table: Locator) -> dict:
    return json.loads(table.locator("script").text_content() or "")["state"]


def pressed(table: Locator, group: str) -> str:
    return table.get_by_role("group", name=group).locator("[aria-pressed=true]").inner_text()


def where(table: Locator) -> tuple[int, int, int, int]:
    """Return the indices, from the buttons and the sliders alone."""
    scenes = state(table)["scenes"]
    s = [scene["name"] for scene in scenes].index(pressed(table, "Group"))
    p = [q["name"] for q in scenes[s]["pictures"]].index(pressed(table, "Picture"))
    h, g = (int(slider.input_value()) for slider in table.get_by_role("slider").all())
    return s, p, h, g


def drawn(table: Locator, selector: str) -> list[list[float]]:
    """Return where the marks of a picture are, y up."""
    return table.locator(f"{selector} svg g").evaluate_all(
        "(all) => all.map((g) => { const m = g.transform.baseVal[0].matrix; return [m.e, -m.f]; })"
    )


def near(points: list[list[float]]) -> list:
    return [pytest.approx(point, abs=1e-4) for point in points]


def check(table: Locator, at: tuple[int, ...] | None = None) -> None:
    """Hold the page to Python: where it is, each text there, and where each mark is."""
    table.locator(".eq-cayley:not([data-moving])").wait_for()
    found, recorded = where(table), state(table)
    assert at is None or found == at
    assert texts(table) == shown(recorded, found)
    s, p, h, g = found
    scene = recorded["scenes"][s]
    picture, gh = scene["pictures"][p], scene["table"][g][h]
    for n, element in enumerate((0, h, gh)):
        here = drawn(table, f".frame >> nth={n} >>")
        assert here == near(picture["positions"][element])
    for row, name in enumerate(("right", "wrong")):
        for column, way in enumerate(("two", "one")):
            k = picture["member"].index(picture[name][way][g][h])
            here = drawn(table, f".rules tbody tr >> nth={row} >> .thumb >> nth={column} >>")
            assert here == near(picture["positions"][k])


def press(table: Locator, *keys: str) -> None:
    for key in keys:
        table.get_by_role("application").press(key)


def test_it_starts_where_python_says(table: Locator) -> None:
    check(table, START)
    assert table.locator(".widget-fallback").count() == 0
    assert table.locator(".stage td").count() == 64
    assert table.locator(".orbit .thumb").count() == 4


def test_keys_step_through_both_elements(table: Locator) -> None:
    press(table, "ArrowRight", "ArrowDown", "ArrowDown")
    check(table, (1, 2, 2, 6))
    press(table, "ArrowLeft", "ArrowUp")
    check(table, (1, 2, 1, 5))
    press(table, *["ArrowRight"] * 9)
    check(table, (1, 2, 7, 5))
    press(table, "Home")
    check(table, (1, 2, 0, 0))


def test_keys_lead_out_of_the_table_again(table: Locator, page: Page) -> None:
    table.get_by_role("application").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "range"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Control+ArrowRight")  # the browser's own, not ours
    check(table, START)


def test_a_click_chooses_a_product_a_row_or_a_column(table: Locator) -> None:
    table.locator(".stage tbody tr").nth(6).locator("td").nth(3).click()
    check(table, (1, 2, 3, 6))
    table.locator(".stage tbody th").nth(1).click()
    check(table, (1, 2, 3, 1))
    table.locator(".stage thead th").nth(6).click()  # the first is the corner
    check(table, (1, 2, 5, 1))


def test_sliders_and_buttons_reach_every_group_and_picture(table: Locator) -> None:
    draw = random.Random(2)
    for scene in state(table)["scenes"]:
        table.get_by_role("button", name=scene["name"], exact=True).click()
        for picture in draw.sample(scene["pictures"], 2):
            table.get_by_role("button", name=picture["name"], exact=True).click()
            chosen = [draw.randrange(len(scene["labels"])) for _ in range(2)]
            for slider, k in zip(table.get_by_role("slider").all(), chosen, strict=True):
                slider.fill(str(k))
            check(table)
            assert where(table)[2:] == tuple(chosen)
    assert table.get_by_role("slider").first.get_attribute("aria-valuetext") in scene["labels"]


def test_elements_and_pictures_stay_within_a_smaller_group(table: Locator) -> None:
    table.get_by_role("button", name="J", exact=True).click()
    press(table, *["ArrowRight"] * 7)
    table.get_by_role("button", name="C3v", exact=True).click()
    check(table, (2, 2, 5, 4))
    assert table.locator(".stage td").count() == 36


def test_swap_shows_the_other_product_and_reset_the_identity(table: Locator) -> None:
    before = texts(table)
    table.get_by_role("button", name="Swap g and h").click()
    check(table, (1, 2, 4, 1))
    assert (texts(table)["product"], texts(table)["reverse"]) == (
        before["reverse"],
        before["product"],
    )
    table.get_by_role("button", name="Reset").click()
    check(table, (1, 2, 0, 0))


def test_the_table_marks_stabilizer_and_coset(table: Locator) -> None:
    fixes = table.locator(".stage tbody th.fixes").all_inner_texts()
    assert " ".join(fixes) == texts(table)["stabilizer"]
    same = set(table.locator(".stage td.same").all_inner_texts())
    assert same == set(texts(table)["coset"].split())
    assert table.locator(".stage td.same").count() == 8 * len(same)
    assert table.locator(".orbit .chosen p").inner_text() == texts(table)["coset"]


@pytest.mark.parametrize("watch", [PHONE], indirect=True)
def test_a_telephone_taps_and_sees_table_and_pictures(table: Locator, page: Page) -> None:
    table.locator(".stage tbody tr").nth(2).locator("td").nth(5).tap()
    check(table, (1, 2, 5, 2))
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    stage, steps, slider = (
        table.locator(name).bounding_box() for name in (".stage", ".steps", ".slider >> nth=0")
    )
    assert stage
    assert steps
    assert slider
    assert stage["y"] < steps["y"] < slider["y"]
    assert steps["y"] + steps["height"] - stage["y"] < 844
    cell = table.locator(".stage td").first.bounding_box()
    assert cell
    assert min(cell["width"], cell["height"]) >= 24


@pytest.mark.parametrize("watch", [{"reduced_motion": "reduce"}], indirect=True)
def test_nothing_moves_for_those_who_asked(table: Locator, page: Page) -> None:
    before = page.evaluate("frames_asked")
    press(table, "ArrowRight", "ArrowDown")
    check(table, (1, 2, 2, 5))
    assert page.evaluate("frames_asked") == before


def test_marks_move_and_then_ask_for_no_frames(table: Locator, page: Page) -> None:
    before = page.evaluate("frames_asked")
    press(table, "ArrowRight")
    check(table)
    moved = page.evaluate("frames_asked")
    assert moved > before + 2
    page.wait_for_timeout(100)
    assert page.evaluate("frames_asked") == moved


def test_what_was_chosen_is_said_once(table: Locator, page: Page) -> None:
    live = table.locator("[aria-live]")
    page.wait_for_timeout(900)
    assert live.text_content() == ""  # a page that loads says nothing
    press(table, "ArrowRight", "ArrowLeft")
    page.wait_for_function("(live) => live.textContent !== ''", arg=live.element_handle())
    said = texts(table)
    assert live.text_content() == (
        f"First r, then s: r3s. Orbit 4 times stabilizer 2 is 8. Error with the inverse 0, "
        f"without it {said['error-0']}."
    )


def test_two_widgets_do_not_disturb_each_other(table: Locator, page: Page) -> None:
    other = page.locator("equivar-widget").nth(1)
    press(table, "Home")
    check(table, (1, 2, 0, 0))
    check(other, START)


def test_python_can_choose_too_and_cleaning_up_leaves_nothing(table: Locator) -> None:
    found = table.evaluate(
        """async (w) => {
          const { esm, state } = JSON.parse(w.querySelector("script").textContent);
          const url = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
          const { render } = (await import(url)).default;
          let follow, saved = 0, left = 1;
          const model = { get: (k) => state[k], set: (k, v) => { state[k] = v; },
            save_changes: () => saved++, on: (name, f) => { follow = f; }, off: () => left-- };
          const el = document.body.appendChild(document.createElement("div"));
          const end = render({ model, el });
          state.at = [0, 3, 2, 1];
          follow();
          const texts = Object.fromEntries(
            [...el.querySelectorAll("[data-shown]")].map((e) => [e.dataset.shown, e.textContent]));
          const echoes = saved;
          el.querySelector(".stage").dispatchEvent(
            new KeyboardEvent("keydown", { key: "ArrowRight" }));
          const at = state.at;
          end();
          return { texts, echoes, saved, at, left, children: el.children.length };
        }"""
    )
    assert found["texts"] == shown(state(table), (0, 3, 2, 1))
    assert (found["echoes"], found["saved"], found["at"]) == (0, 1, [0, 3, 3, 1])
    assert (found["left"], found["children"]) == (0, 0)


def test_colors_follow_the_theme(table: Locator, page: Page) -> None:
    def colors() -> list[str]:
        return [
            table.locator(".frame .mark").first.evaluate("(e) => getComputedStyle(e).fill"),
            table.locator(".eq-panel").evaluate("(e) => getComputedStyle(e).backgroundColor"),
        ]

    def rgb(name: str, theme: int) -> str:
        digits = PALETTE[name][theme][1:]
        return f"rgb({', '.join(str(int(digits[i : i + 2], 16)) for i in (0, 2, 4))})"

    assert colors() == [rgb("blue", 0), rgb("paper", 0)]
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert colors() == [rgb("blue", 1), rgb("paper", 1)]
