"""A failed cell or a missing page ends the build with one message that says where.

myst-nb's own ``raise_on_error`` stops at the first page, names no cell, and Jupyter Book wraps it
in two tracebacks; without it a failed page is a warning, and the next build does not even warn.
Here all pages are executed, then one message lists every failed cell.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.environment import BuildEnvironment


class BuildFailure(SystemExit):
    """Ends the build: Python prints the message, and the status is 1.

    No ``Exception``: Jupyter Book prints two tracebacks for each of those, and the message that
    a lecturer needs would stand somewhere in between.
    """


def check_toc(app: Sphinx, config: Config) -> None:
    """End the build where ``_toc.yml`` names a page that is not there.

    Args:
        app: the Sphinx application.
        config: its configuration, with the site map that sphinx-external-toc has read.

    Raises:
        BuildFailure: lists the missing pages.
    """
    if (site_map := getattr(config, "external_site_map", None)) is None:
        return
    root, suffixes = Path(app.srcdir), ["", *config.source_suffix]
    missing = [
        name
        for name in dict.fromkeys([site_map.root.docname, *site_map])
        if not any((root / f"{name}{suffix}").is_file() for suffix in suffixes)
    ]
    if missing:
        lines = "\n".join(f"  {name}.md" for name in missing)
        raise BuildFailure(
            f"\n_toc.yml names pages that do not exist (from {root}):\n{lines}\n"
            "Write them, or correct the name in _toc.yml.\n"
        )


def check_cells(app: Sphinx, env: BuildEnvironment) -> None:
    """End the build where a cell failed, after all pages were executed.

    Args:
        app: the Sphinx application.
        env: what was read from the pages.

    Raises:
        BuildFailure: lists page, cell, line and error of each failure.
    """
    failed = [
        describe(env, docname, data["exec_data"]["traceback"] or "")
        for docname, data in sorted(getattr(env, "nb_metadata", {}).items())
        if data.get("exec_data") and not data["exec_data"]["succeeded"]
    ]
    if failed:
        # Raised before Sphinx stores what it read: the next build executes the page again.
        raise BuildFailure("\n" + "\n".join(failed) + "\nThe site was not built.\n")


def describe(env: BuildEnvironment, docname: str, traceback: str) -> str:
    """Say which cell of a page failed, and how.

    Args:
        env: what was read from the pages.
        docname: the page.
        traceback: nbclient's report; its last line is the error.

    Returns:
        A few lines of text.
    """
    page = Path(env.doc2path(docname)).relative_to(env.srcdir)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", traceback)
    lines = [line for line in plain.strip().splitlines() if line.strip()]
    error = lines[-1].strip() if lines else "the kernel ended"
    if cell := _failed_cell(env.get_doctree(docname)):
        number, line, code = cell
        return f"{page}: code cell {number} (line {line}) failed: {error}\n    {code}"
    hint = next((text.strip() for text in lines if "timed out" in text), error)
    return f"{page}: a code cell failed: {hint}"


def _failed_cell(doctree: nodes.document) -> tuple[int, Any, str] | None:
    """Number among the code cells, line and first line of code of the cell that failed."""
    cells = [n for n in doctree.findall(nodes.container) if n.get("nb_element") == "cell_code"]
    for number, cell in reversed(list(enumerate(cells, 1))):
        blocks = list(cell.findall(nodes.literal_block))
        if any("traceback" in block["classes"] for block in blocks):
            return number, cell.line or "?", blocks[0].astext().strip().splitlines()[0]
    return None
