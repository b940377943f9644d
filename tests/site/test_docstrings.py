"""What the library's docstrings mean by a star, a shared line and a formula is what pages show."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from docutils import nodes
from sphinx import addnodes

from coursetools.site.docstrings import process, to_rst
from coursetools.site.formulas import keep_together
from coursetools.site.reference import name_fields


def paragraph(*parts: nodes.Node) -> nodes.document:
    document = nodes.document(None, None)  # type: ignore[arg-type]
    document += nodes.paragraph("", "", *parts)
    return document


def formula(text: str = "x") -> nodes.math:
    return nodes.math(text, text)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("the *own\nerror* of it", "the *own\nerror* of it"),
        ("has 2 * 1 + 1 * 2 weights", "has 2 * 1 + 1 * 2 weights"),
        ("(n, *x.shape) or (0, *x.shape)", r"(n, \*x.shape) or (0, \*x.shape)"),
        ("in e*angstrom, 1 e*angstrom", r"in e\*angstrom, 1 e\*angstrom"),
        ("|a| and $|b|$", r"\|a\| and :math:`|b|`"),
        ("    source, target: nodes", "    source,target: nodes"),
        (">>> a, b = 1, 2 * 3\n", ">>> a, b = 1, 2 * 3\n"),
    ],
)
def test_characters_mean_what_authors_mean(written: str, meant: str) -> None:
    assert to_rst(written) == meant


def test_a_colon_in_the_description_of_a_value_makes_no_type() -> None:
    for what, expected in (("data", ": By name: a color."), ("function", "By name: a color.")):
        lines = ["By name: a color."]
        process(None, what, "name", None, {}, lines)  # type: ignore[arg-type]
        assert lines == [expected]


def test_names_that_share_a_line_are_spaced_and_heads_are_the_course_s() -> None:
    name = addnodes.literal_strong("", "source,target")
    body = nodes.field_body("", nodes.paragraph("", "", name))
    document = nodes.document(None, None)  # type: ignore[arg-type]
    document += nodes.field_list("", nodes.field("", nodes.field_name("", "Variables"), body))
    name_fields(SimpleNamespace(), document)  # type: ignore[arg-type]
    assert document.astext() == "Attributes\n\nsource, target"


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ("input ", ": acting", "x:"),
        ("as (", "), or", "(x),"),
        ("the ", "'s own", "x's"),
        ("the ", "-axis", "x-"),
    ],
)
def test_a_formula_keeps_what_touches_it(before: str, after: str, kept: str) -> None:
    document = paragraph(nodes.Text(before), formula(), nodes.Text(after))
    keep_together(SimpleNamespace(), document)  # type: ignore[arg-type]
    text = document.astext()
    assert text == f"{before}x{after}", "nothing is lost or moved"
    (span,) = [node for node in document[0] if isinstance(node, nodes.inline)]
    assert span.astext() == kept


def test_a_formula_between_spaces_is_left_alone() -> None:
    document = paragraph(nodes.Text("for "), formula(), nodes.Text(" in "), formula("y"))
    keep_together(SimpleNamespace(), document)  # type: ignore[arg-type]
    assert [type(node) for node in document[0]] == [nodes.Text, nodes.math] * 2


def test_two_formulas_share_the_text_between_them() -> None:
    document = paragraph(formula("a"), nodes.Text(", "), formula("b"), nodes.Text("."))
    keep_together(SimpleNamespace(), document)  # type: ignore[arg-type]
    assert document.astext() == "a, b."
