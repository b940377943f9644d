"""Listen to a browser: requests that leave, requests that fail, complaints of a page."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext


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
        # Chromium says "csp" of a script that it may not preload because JavaScript is off.
        if why not in {"net::ERR_ABORTED", "csp"}:
            self.problems.append(f"failed request: {url} ({why})")

    def _said(self, kind: str, text: str) -> None:
        # Warnings are left out: WebGL's driver gives some of its own.
        if kind == "error":
            self.problems.append(f"console {kind}: {text}")
