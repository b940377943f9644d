"""Repairs of the theme, in the finished pages: accessibility, and the colors of the first paint.

The theme's templates have no block at these places. Each repair names the text that it replaces;
where a page has neither the old text nor the new one, the theme has changed, and the build warns.
"""

from __future__ import annotations

import posixpath
import re
from html import escape, unescape
from pathlib import Path
from typing import TYPE_CHECKING

from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LOGGER = logging.getLogger(__name__)

# The theme sets an empty mode, complains of it in the console, and finds the right one only when
# its deferred script runs: a reader of dark pages sees a white flash.
_MODE_OLD = """\
    document.documentElement.dataset.mode = localStorage.getItem("mode") || "";
    document.documentElement.dataset.theme = localStorage.getItem("theme") || "";
"""
_MODE_NEW = """\
    (() => {
      let mode = "auto";
      try { mode = localStorage.getItem("mode") || mode; } catch { /* storage is refused */ }
      const dark = mode === "dark"
        || (mode !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
      Object.assign(document.documentElement.dataset, { mode, theme: dark ? "dark" : "light" });
    })();
"""
REPAIRS = (
    (_MODE_OLD, _MODE_NEW),
    # Everything on a page belongs to a landmark: the title above the navigation, too.
    (
        '<div id="pst-primary-sidebar" class',
        '<div id="pst-primary-sidebar" role="complementary" aria-label="Course" class',
    ),
)
# A chapter with pages below it unfolds; the arrow is a button, and says of what.
_SUMMARY = re.compile(
    r'(<a class="[^"]*reference internal[^>]*>(?P<title>(?:(?!</a>).)*)</a>'
    r"<details[^>]*>)<summary>",
    re.DOTALL,
)
MARK = 'id="pst-primary-sidebar"'

_INDEX = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url={url}">
<title>{title}</title>
<link rel="icon" href="_static/{icon}">
</head>
<body><main><h1>{title}</h1><p><a href="{url}">Go to the course</a></p></main></body>
</html>
"""


def mend(html: str) -> tuple[str, list[str]]:
    """Mend one page.

    Args:
        html: the page as the theme wrote it, or as this function left it.

    Returns:
        The mended page, and the old texts of repairs that found no place.
    """
    lost = []
    for old, new in REPAIRS:
        if new in html:
            continue
        if old in html:
            html = html.replace(old, new)
        else:
            lost.append(old)
    return _SUMMARY.sub(_named, html), lost


def _named(match: re.Match[str]) -> str:
    title = " ".join(re.sub(r"<[^>]*>", "", match["title"]).split())
    return f'{match[1]}<summary aria-label="Pages of {escape(unescape(title))}">'


def mend_pages(app: Sphinx, exception: Exception | None) -> None:
    """Mend every page of the site, and write the index that leads to the first.

    Args:
        app: the Sphinx application.
        exception: what ended the build; None where nothing did.
    """
    if exception is not None or app.builder.format != "html":
        return
    for path in sorted(Path(app.outdir).rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        if MARK not in text:
            continue
        mended, lost = mend(text)
        for old in lost:
            LOGGER.warning(
                "the theme changed: nothing to repair where %r was; see coursetools/site/mend.py",
                old.strip()[:60],
                location=path.name,
            )
        if mended != text:
            path.write_text(mended, encoding="utf-8")
    root = app.config.root_doc
    if root != "index":
        url = posixpath.join(*root.split("/")) + ".html"
        icon = Path(app.config.html_favicon).name
        page = _INDEX.format(url=escape(url), title=escape(app.config.html_title), icon=icon)
        (Path(app.outdir) / "index.html").write_text(page, encoding="utf-8")
