"""Whether a page is inert: no scripts, no handlers, nothing fetched."""

from __future__ import annotations

from html.parser import HTMLParser

from coursetools.grading.page import POLICY

HARMLESS = {
    *("html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "a", "pre"),
    *("code", "details", "summary", "section", "strong", "em", "div", "table", "thead", "tbody"),
    *("tr", "th", "td", "dl", "dt", "dd", "ul", "ol", "li", "br", "span", "q"),
}


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))


def assert_inert(page: str) -> None:
    """Every tag is a harmless one, no attribute is a handler, and the policy forbids the rest."""
    parser = _Tags()
    parser.feed(page)
    assert parser.found
    for tag, attributes in parser.found:
        assert tag in HARMLESS, tag
        for name, value in attributes:
            assert not name.startswith("on"), (tag, name)
            if name in ("href", "src"):
                assert value, (tag, name)
                assert value.startswith(("https://", "http://", "#", "index.html")), value
    assert f'content="{POLICY}"' in page
