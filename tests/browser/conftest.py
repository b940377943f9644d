"""One browser, one server and the freshly built site for every browser test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from playwright.sync_api import Browser, Page, expect, sync_playwright
from watching import Watch

from coursetools.browser import find, launch_arguments
from coursetools.serve import serving
from coursetools.site.build import SiteError, ensure

ROOT = Path(__file__).resolve().parents[2]
# Long, because it is waited out only by what fails: a busy machine is no reason to fail.
TIMEOUT = 60_000  # milliseconds
expect.set_options(timeout=TIMEOUT)
TOY = ROOT / "tests" / "site" / "fixtures" / "toy"


def built(root: Path, output: Path) -> Path:
    """Folder of the site built from ``root``; it is built where it is missing or stale."""
    (output / "_build").mkdir(exist_ok=True, parents=True)
    # Under xdist one worker builds and the others wait.
    with FileLock(output / "_build" / "site.lock"):
        try:
            return ensure(root, output)
        except SiteError as error:
            pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return one headless Chromium for the whole session."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(find()), args=launch_arguments())
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def site() -> Path:
    """Return the folder of the built course."""
    return built(ROOT, ROOT)


@pytest.fixture(scope="session")
def site_url(site: Path) -> Iterator[str]:
    """Return the address of the built course, with a trailing slash."""
    with serving(site) as url:
        yield url


@pytest.fixture(scope="session")
def toy() -> Path:
    """Return the folder of a built toy course, with one of everything."""
    return built(TOY, ROOT / "_build" / "toy")


@pytest.fixture(scope="session")
def toy_url(toy: Path) -> Iterator[str]:
    """Return the address of the built toy course, with a trailing slash."""
    with serving(toy) as url:
        yield url


@pytest.fixture
def watch(browser: Browser, request: pytest.FixtureRequest) -> Iterator[tuple[Page, Watch]]:
    """Return a page at 1280x800 and its watch; parametrize indirectly with context options."""
    options = {"viewport": {"width": 1280, "height": 800}, **getattr(request, "param", {})}
    context = browser.new_context(**options)
    seen = Watch(context)
    page = context.new_page()
    page.set_default_timeout(TIMEOUT)
    page.set_default_navigation_timeout(TIMEOUT)
    yield page, seen
    context.close()
    assert not seen.problems, "\n".join(seen.problems)


@pytest.fixture
def page(watch: tuple[Page, Watch]) -> Page:
    """Return a page at 1280x800; the test fails where the page asks or complains of anything."""
    return watch[0]
