"""A page with widgets as the site makes them, served; and what can be read from it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page

from coursetools.serve import serving

HOST = Path(__file__).resolve().parents[1] / "lib/coursetools/site/assets/equivar-widget.js"
READY = "[...document.querySelectorAll('equivar-widget')].every(w => w.dataset.state === 'ready')"
PHONE = {"has_touch": True, "viewport": {"width": 390, "height": 844}}
COUNT_FRAMES = """window.frames_asked = 0; const ask = requestAnimationFrame;
window.requestAnimationFrame = (f) => (window.frames_asked++, ask(f));"""


@contextmanager
def served(folder: Path, *bundles: dict[str, Any]) -> Iterator[str]:
    """The address of a page with these widgets, one below the other."""
    (folder / "index.html").write_text(page_of(*bundles), "utf-8")
    shutil.copy(HOST, folder)
    with serving(folder) as url:
        yield url


def started(page: Page, address: str) -> Locator:
    """The first widget of a page, once all of them have started."""
    page.goto(address)
    page.wait_for_function(READY)
    return page.locator("equivar-widget").first


def texts(widget: Locator) -> dict[str, str]:
    """What the widget says, by name."""
    said: dict[str, str] = widget.evaluate(
        "(w) => Object.fromEntries([...w.querySelectorAll('[data-shown]')]"
        ".map((e) => [e.dataset.shown, e.textContent]))"
    )
    return said


def page_of(*bundles: dict[str, Any]) -> str:
    """A page as the site makes them: the widgets and their host, and nothing beside them."""
    boxes = []
    for bundle in bundles:
        content = {key: bundle[key] for key in ("esm", "css", "state")}
        text = json.dumps(content).replace("<", "\\u003c")
        boxes.append(
            f'<equivar-widget><div class="widget-fallback">{bundle["fallback"]}</div>'
            f'<script type="application/json">{text}</script></equivar-widget>'
        )
    return (
        '<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        "<title>Widgets</title><body><main><h1>Widgets</h1>"
        f'{"".join(boxes)}</main><script src="equivar-widget.js"></script></body></html>'
    )
