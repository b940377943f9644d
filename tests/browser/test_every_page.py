"""Every page of the course: asks nobody, complains of nothing, is open to everyone."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from watching import Watch

MODES = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
# axe's preload asks for imported style sheets by itself, at wrong addresses.
AXE = {"resultTypes": ["violations"], "preload": False}


def pages_of(site: Path) -> list[str]:
    """Names of all pages that the theme wrote, and the index."""
    found = [path.relative_to(site) for path in site.rglob("*.html")]
    return sorted(path.as_posix() for path in found if path.parts[0] not in {"_static", "reports"})


def walk_down(page: Page) -> None:
    """Scroll to the end as a reader does, so that all that is lazy wakes up."""
    height = page.evaluate("document.documentElement.scrollHeight")
    for y in range(0, height, 700):
        page.evaluate(f"scrollTo(0, {y})")
        page.wait_for_timeout(30)
    page.wait_for_function(
        "[...document.querySelectorAll('.plotly-figure')].every((f) => 'drawn' in f.dataset)"
        " && [...document.querySelectorAll('equivar-widget')].every((w) => w.dataset.state)"
    )
    page.evaluate("document.fonts.ready")
    page.wait_for_load_state("networkidle")


def faults(page: Page) -> list[str]:
    """What axe finds, one line for each element, and a page that is wider than its window."""
    found = []
    for violation in Axe().run(page, options=AXE).response["violations"]:
        found += [f"{violation['id']}: {node['html'][:200]}" for node in violation["nodes"]]
    over = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return found + [f"the page is {over} px wider than the window"] * (over > 0)


def check_all(browser: Browser, site: Path, url: str, width: int, scheme: str) -> list[str]:
    """Open each page of a site in one mode; list what is wrong, with the page's name."""
    wrong = []
    viewport = {"width": width, "height": 800 if width > 600 else 844}
    context = browser.new_context(viewport=viewport, color_scheme=scheme, reduced_motion="reduce")
    watch = Watch(context)
    page = context.new_page()
    page.set_default_timeout(60_000)
    for name in pages_of(site):
        page.goto(url + name)
        page.wait_for_load_state("networkidle")
        walk_down(page)
        assert (
            name == "index.html"
            or page.evaluate("document.documentElement.dataset.theme") == scheme
        )
        wrong += [f"{name}: {fault}" for fault in faults(page)]
        wrong += [f"{name}: {problem}" for problem in watch.problems]
        watch.problems.clear()
    context.close()
    return wrong


@pytest.mark.site
@pytest.mark.apart
@pytest.mark.parametrize(("width", "scheme"), MODES)
def test_every_page_of_the_course(
    browser: Browser, site: Path, site_url: str, width: int, scheme: str
) -> None:
    assert len(pages_of(site)) >= 4
    wrong = check_all(browser, site, site_url, width, scheme)
    assert not wrong, "\n".join(wrong)


@pytest.mark.site
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_page_of_the_toy_course(
    browser: Browser, toy: Path, toy_url: str, width: int, scheme: str
) -> None:
    wrong = check_all(browser, toy, toy_url, width, scheme)
    # One page of it breaks on purpose; its complaint shows that this test hears complaints.
    heard = [fault for fault in wrong if "toy failure" in fault]
    assert len(heard) == 1
    assert wrong == heard, "\n".join(wrong)
