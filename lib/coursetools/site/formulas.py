"""A formula and the punctuation that touches it stay on one line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx

BEFORE = re.compile(r"[(\[“\"'-]+$")
AFTER = re.compile(r"^[)\].,;:!?’”\"'-]+(?:\w(?=\W|$))?")


def keep_together(app: Sphinx, doctree: nodes.document) -> None:
    """Put each inline formula and what touches it into one unbreakable element.

    MathJax makes a formula an inline block, and a browser may break a line on either side of one:
    a comma then begins the next line.

    Args:
        app: the Sphinx application.
        doctree: a page, changed in place.
    """
    for formula in list(doctree.findall(nodes.math)):
        parent = formula.parent
        if not isinstance(parent, nodes.TextElement):
            continue
        kept: list[nodes.Node] = [formula]
        here = parent.index(formula)
        for side, pattern in ((1, AFTER), (-1, BEFORE)):
            at = here + side
            text = parent[at] if 0 <= at < len(parent) else None
            if isinstance(text, nodes.Text) and (touching := pattern.search(text)):
                rest = text[: touching.start()] + text[touching.end() :]
                kept.insert(len(kept) if side > 0 else 0, nodes.Text(touching[0]))
                parent[at] = nodes.Text(rest)
        if len(kept) > 1:
            parent[here] = span = nodes.inline(classes=["unbroken"])
            span.extend(kept)


def register(app: Sphinx) -> None:
    """Tell Sphinx to do so on every page.

    Args:
        app: the Sphinx application.
    """
    app.connect("doctree-read", keep_together)
