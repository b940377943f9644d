"""A word that links to the glossary carries its meaning with it.

The definition becomes the link's title: browsers show it without a script and without a server,
and ``glossary.js`` makes a card of it that the keyboard and a finger can reach as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment


def collect(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Read the definitions, once a build, before any page is written.

    Args:
        app: the Sphinx application.
        env: what was read from the pages; it keeps the definitions.

    Returns:
        All pages, to be written again, where a definition changed; else none.
    """
    known = env.get_domain("std").get_objects()  # (name, shown name, kind, page, ...)
    pages = sorted({page for _, _, kind, page, *_ in known if kind == "term"})
    meanings = {anchor: text for page in pages for anchor, text in _definitions(env, page).items()}
    changed = meanings != getattr(env, "course_meanings", {})
    env.course_meanings = meanings  # type: ignore[attr-defined]
    return sorted(env.found_docs) if changed else []


def add_meanings(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Give each reference to a term its definition as a title.

    Args:
        app: the Sphinx application.
        doctree: a page, with its references resolved.
        docname: the page's name.
    """
    meanings = app.env.course_meanings  # type: ignore[attr-defined]
    for link in doctree.findall(nodes.reference):
        anchor = link.get("refid") or link.get("refuri", "").partition("#")[2]
        if anchor in meanings and any(
            "std-term" in span["classes"] for span in link.findall(nodes.inline)
        ):
            link["reftitle"] = meanings[anchor]


def _definitions(env: BuildEnvironment, page: str) -> dict[str, str]:
    """The first paragraph of each term's definition, by the term's anchor."""
    return {
        anchor: item[-1][0].astext().replace("\n", " ")
        for item in env.get_doctree(page).findall(nodes.definition_list_item)
        for term in item.findall(nodes.term)
        for anchor in term["ids"]
    }
