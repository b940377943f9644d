"""Tables of measured numbers for a page: one look, and a box to scroll in on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from IPython.display import HTML, display

__all__ = ["show_table", "table"]


def table(name: str, heading: Sequence[object], *lines: Sequence[object]) -> str:
    """A table that a page shows, with its rows' names in the first column.

    Markdown tables of a cell's output stay as they were typed: the renderer of outputs knows none.

    Args:
        name: what it shows, for whoever listens to the page.
        heading: the names of the columns.
        lines: the cells of each row; they are shown as text.

    Returns:
        HTML.

    Raises:
        ValueError: a row has another number of cells than the heading.

    >>> "<td>1 &lt; 2</td>" in table("numbers", ["n", "law"], [1, "1 < 2"])
    True
    """
    head = "".join(f'<th scope="col">{escape(str(cell))}</th>' for cell in heading)
    body = ""
    for line in lines:
        if len(line) != len(heading):
            raise ValueError(
                f"the row {list(line)} has {len(line)} cells; expected {len(heading)}, one for "
                f"each of {list(heading)}"
            )
        first, *others = (escape(str(cell)) for cell in line)
        cells = "".join(f"<td>{cell}</td>" for cell in others)
        body += f'<tr><th scope="row">{first}</th>{cells}</tr>'
    return (
        f'<div class="results pst-scrollable-table-container" tabindex="0" role="region"'
        f' aria-label="{escape(name)}"><table class="table"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def show_table(name: str, heading: Sequence[object], *lines: Sequence[object]) -> None:
    """Display a `table` as the output of a cell."""
    display(HTML(table(name, heading, *lines)))
