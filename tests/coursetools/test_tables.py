from __future__ import annotations

import pytest

from coursetools.tables import table


def test_cells_are_text_and_rows_have_names() -> None:
    html = table("errors & all", ["model", "error"], ["a < b", 0.5], ["c", 1])
    assert 'aria-label="errors &amp; all"' in html
    assert '<th scope="row">a &lt; b</th><td>0.5</td>' in html
    assert html.count("<tr>") == 3


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the row \[1\] has 1 cells; expected 2"):
        table("x", ["a", "b"], [1])
