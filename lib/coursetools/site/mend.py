"""Repairs of the theme's accessibility, in the finished pages.

Stub, filled as axe finds them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def mend_pages(app: Sphinx, exception: Exception | None) -> None:
    """Mend every page that was written."""
