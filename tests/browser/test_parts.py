"""The parts of a page at work: figures, quizzes, the widget host, both themes, no JavaScript."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from watching import Watch

from equivar.plots import PALETTE

pytestmark = pytest.mark.site
NO_SCRIPT = pytest.mark.parametrize("watch", [{"java_script_enabled": False}], indirect=True)
DARK = pytest.mark.parametrize("watch", [{"color_scheme": "dark"}], indirect=True)


def rgb(color: str) -> str:
    red, green, blue = (int(color[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"


def test_plotly_is_fetched_once_and_only_when_a_figure_comes_near(
    watch: tuple[Page, Watch], toy_url: str
) -> None:
    page, seen = watch
    page.goto(toy_url + "book/01-outputs.html")
    page.wait_for_load_state("networkidle")
    assert not [url for url in seen.requests if "plotly.min.js" in url]
    figures = page.locator(".plotly-figure")
    for k in range(2):
        figures.nth(k).scroll_into_view_if_needed()
        expect(figures.nth(k)).to_have_attribute("data-drawn", "light")
        expect(figures.nth(k).locator(".plotly-fallback")).to_be_hidden()
    assert len([url for url in seen.requests if "plotly.min.js" in url]) == 1


def test_figures_follow_the_theme(page: Page, toy_url: str) -> None:
    page.goto(toy_url + "book/01-outputs.html")
    bars = page.locator(".plotly-figure").nth(1)
    bars.scroll_into_view_if_needed()
    expect(bars).to_have_attribute("data-drawn", "light")
    bar = bars.locator(".bars path").first
    expect(bar).to_have_css("fill", rgb(PALETTE["orange"][0]))
    picture = page.locator("#fig-turn img")
    expect(picture.first).to_be_visible()
    expect(picture.last).to_be_hidden()
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    expect(bars).to_have_attribute("data-drawn", "dark")
    expect(bar).to_have_css("fill", rgb(PALETTE["orange"][1]))
    expect(picture.first).to_be_hidden()
    expect(picture.last).to_be_visible()


def test_a_figure_is_as_wide_as_its_column(page: Page, toy_url: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(toy_url + "book/01-outputs.html")
    figure = page.locator(".plotly-figure").nth(1)
    figure.scroll_into_view_if_needed()
    expect(figure).to_have_attribute("data-drawn", "light")
    drawing = figure.locator("svg.main-svg").first.bounding_box()
    column = figure.bounding_box()
    assert drawing is not None
    assert column is not None
    assert abs(drawing["width"] - column["width"]) < 2


@DARK
def test_the_first_paint_is_in_the_reader_s_theme(watch: tuple[Page, Watch], toy_url: str) -> None:
    page, seen = watch
    page.route("**/*.js*", lambda route: route.fulfill(body=""))  # only the page's own lines run
    page.goto(toy_url + "book/intro.html")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("body")).to_have_css("background-color", rgb(PALETTE["paper"][1]))
    seen.problems.clear()  # of scripts that miss the emptied ones


def test_a_widget_runs_without_a_kernel(page: Page, toy_url: str) -> None:
    page.goto(toy_url + "book/01-outputs.html")
    widget = page.locator("equivar-widget")
    expect(widget).to_have_attribute("data-state", "ready")
    expect(widget.locator("output")).to_have_text("count 3 </script>")
    widget.locator("input").press("ArrowRight")
    expect(widget.locator("output")).to_have_text("count 4 </script>")
    expect(widget.locator(".widget-fallback")).to_have_count(0)


def test_a_widget_that_fails_keeps_its_picture(watch: tuple[Page, Watch], toy_url: str) -> None:
    page, seen = watch
    page.goto(toy_url + "book/03-broken-widget.html")
    widget = page.locator("equivar-widget")
    expect(widget).to_have_attribute("data-state", "failed")
    expect(widget.locator("[role=img]")).to_be_visible()
    expect(widget.locator(".widget-note")).to_be_visible()
    assert "toy failure" in seen.problems[0]
    seen.problems.clear()


def test_pages_work_from_a_folder(page: Page, toy: Path) -> None:
    page.goto((toy / "book" / "01-outputs.html").as_uri())
    expect(page.locator("equivar-widget")).to_have_attribute("data-state", "ready")
    figure = page.locator(".plotly-figure").first
    figure.scroll_into_view_if_needed()
    expect(figure).to_have_attribute("data-drawn", "light")
    page.goto((toy / "book" / "02-words.html").as_uri())
    expect(page.locator("mjx-container").first).to_be_visible()


def test_mathematics_is_drawn_and_is_no_stop_of_the_tab_key(page: Page, toy_url: str) -> None:
    page.goto(toy_url + "book/02-words.html")
    expect(page.locator("mjx-container").first).to_be_visible()
    assert page.locator("mjx-container:not([display])[tabindex]").count() == 0
    assert page.locator("mjx-assistive-mml math").count() > 3
    wide = page.locator("mjx-container[display]").last
    expect(wide).to_have_attribute("tabindex", "0")  # it scrolls, so the keyboard must reach it


@NO_SCRIPT
def test_without_javascript_pages_show_pictures_and_answers(page: Page, toy_url: str) -> None:
    page.goto(toy_url + "book/01-outputs.html")
    for picture in (
        "#fig-turn .only-light",
        ".plotly-fallback .only-light",
        ".widget-fallback svg",
    ):
        page.locator(picture).first.scroll_into_view_if_needed()
        expect(page.locator(picture).first).to_be_visible()
    expect(page.locator(".only-dark").first).to_be_hidden()
    words = page.locator(".plotly-figure").nth(1).locator("noscript p")
    assert "Three bars" in words.evaluate("(node) => node.innerText")
    page.goto(toy_url + "book/02-words.html")
    quiz = page.locator(".quiz")
    expect(quiz.locator(".quiz-choice")).to_have_count(3)
    expect(quiz.locator("input, button").first).to_be_hidden()
    expect(quiz.locator(".quiz-body")).to_be_hidden()
    quiz.locator("summary").click()
    expect(quiz.locator(".quiz-body")).to_be_visible()


@NO_SCRIPT
def test_without_javascript_the_course_shows_its_pictures(
    page: Page, site: Path, site_url: str
) -> None:
    shown = 0
    for path in sorted((site / "book").glob("*.html")):
        page.goto(f"{site_url}book/{path.name}")
        pictures = page.locator(
            ".bd-article :is(.themed-picture .only-light, .widget-fallback svg)"
        )
        for k in range(pictures.count()):
            pictures.nth(k).scroll_into_view_if_needed()
            expect(pictures.nth(k)).to_be_visible()
        shown += pictures.count()
        for widget in page.locator("equivar-widget").all():
            expect(widget.locator(".widget-fallback")).to_be_visible()
    assert shown


def test_a_word_of_the_glossary_shows_its_meaning(page: Page, toy_url: str) -> None:
    page.goto(toy_url + "book/02-words.html")
    card = page.locator(".glossary-card")
    word, other = page.locator("p a", has=page.locator(".std-term", has_text="orbit")).all()
    expect(card).to_be_hidden()
    word.hover()
    expect(card).to_have_text("All that one input becomes under a group.")
    card.hover()  # the pointer may go to the card, which stays
    page.wait_for_timeout(300)
    expect(card).to_be_visible()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    other.focus()
    expect(card).to_be_visible()
    expect(other).to_have_attribute("aria-describedby", "glossary-card")
    other.blur()
    expect(card).to_be_hidden()


@pytest.mark.parametrize(
    "watch", [{"viewport": {"width": 390, "height": 844}, "has_touch": True}], indirect=True
)
def test_the_first_tap_shows_the_meaning_and_the_second_follows(page: Page, toy_url: str) -> None:
    page.goto(toy_url + "book/02-words.html")
    word = page.locator("p a", has=page.locator(".std-term", has_text="orbit")).first
    word.tap()
    card = page.locator(".glossary-card").bounding_box()
    assert card is not None
    assert card["x"] >= 0
    assert card["x"] + card["width"] <= 390
    assert not page.url.endswith("#term-orbit")
    word.tap()
    page.wait_for_url("**/02-words.html#term-orbit")


@NO_SCRIPT
def test_without_a_script_the_meaning_is_the_title(watch: tuple[Page, Watch], toy_url: str) -> None:
    page, _ = watch
    page.goto(toy_url + "book/02-words.html")
    word = page.locator("p a", has=page.locator(".std-term", has_text="orbit")).first
    expect(word).to_have_attribute("title", "All that one input becomes under a group.")
