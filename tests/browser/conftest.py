"""One browser, one server and the freshly built site for every browser test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from filelock import FileLock
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from coursetools.browser import find, launch_arguments
from coursetools.serve import serving
from coursetools.site.build import SiteError, ensure

ROOT = Path(__file__).resolve().parents[2]
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


class Watch:
    """What a page does that no page of this course may do."""

    def __init__(self, context: BrowserContext) -> None:
        self.problems: list[str] = []
        self.requests: list[str] = []
        context.on("request", lambda request: self._requested(request.url))
        context.on("requestfailed", lambda request: self._failed(request.url, request.failure))
        context.on("response", lambda r: self._failed(r.url, r.status) if r.status >= 400 else None)
        context.on("console", lambda message: self._said(message.type, message.text))
        context.on("weberror", lambda error: self.problems.append(f"page error: {error.error}"))

    def _requested(self, url: str) -> None:
        self.requests.append(url)
        parts = urlsplit(url)
        local = parts.scheme in {"file", "data", "blob", "about"} or parts.hostname == "127.0.0.1"
        if not local:
            self.problems.append(f"external request: {url}")

    def _failed(self, url: str, why: object) -> None:
        # A page that is left while it loads cancels its requests; that is no fault of the page.
        if why != "net::ERR_ABORTED":
            self.problems.append(f"failed request: {url} ({why})")

    def _said(self, kind: str, text: str) -> None:
        # Warnings are left out: WebGL's driver gives some of its own.
        if kind == "error":
            self.problems.append(f"console {kind}: {text}")


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
    page.set_default_timeout(10_000)
    yield page, seen
    context.close()
    assert not seen.problems, "\n".join(seen.problems)


@pytest.fixture
def page(watch: tuple[Page, Watch]) -> Page:
    """Return a page at 1280x800; the test fails where the page asks or complains of anything."""
    return watch[0]
