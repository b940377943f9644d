"""Docstrings of the library as pages: what its authors write becomes what Sphinx reads.

The library's docstrings are written to be read in an editor: formulas between dollars, names
between single backticks, sections in Google's form. Sphinx's napoleon knows the sections; the
formulas are changed here, before reStructuredText sees a backslash or an underscore of theirs.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

DISPLAYED = re.compile(r"^(?P<indent>[ ]*)\$\$(?P<formula>.+?)\$\$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(^[ ]*>>>.*?(?:\n[ ]*\n|\Z))", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<![\\$\w])\$(?P<formula>[^$]+?)\$(?!\w)")
EMPHASIS = r"(?<![\w*])\*\w(?:[\w\s-]*\w)?\*(?![\w*])"
SHARED = re.compile(r"^[ ]+\w+(?:, \w+)+(?=: )", re.MULTILINE)


def configure(app: Sphinx, config: Config) -> None:
    """Say how docstrings are shown: in the source's order, types in the signature.

    Args:
        app: the Sphinx application.
        config: its configuration, changed in place.
    """
    config.default_role = "code"  # single backticks are code, as in Markdown
    config.autodoc_member_order = "bysource"
    config.autodoc_typehints = "signature"
    # extra_repr is for print(model); each layer has one, and it says the same each time.
    config.autodoc_default_options = {"members": True, "exclude-members": "extra_repr"}
    config.autodoc_preserve_defaults = True
    config.python_maximum_signature_line_length = 72
    config.add_module_names = False
    config.toc_object_entries_show_parents = "hide"
    config.napoleon_custom_sections = ["Source"]
    config.napoleon_use_rtype = False
    config.napoleon_use_ivar = True
    config.napoleon_attr_annotations = False  # the signature has them
    # Found by the search; an index of one page more would list the same names again.
    config.html_use_index = False
    config.html_domain_indices = False
    # What is copied from an example runs: no prompts, no results.
    config.copybutton_prompt_text = r">>> |\.\.\. "
    config.copybutton_prompt_is_regexp = True
    # Signatures name types of torch and jaxtyping, which have no page here.
    config.nitpick_ignore_regex = [(r"py:.*", r".*")]


def to_rst(text: str) -> str:
    r"""Change what authors write to what reStructuredText means by it.

    Formulas between dollars become its formulas. A star or bar that does not enclose words, which
    it takes for emphasis or for a substitution, becomes the character.

    Args:
        text: a docstring.

    Returns:
        The text; doctests and what is between backticks stay as they are.

    >>> print(to_rst("The norm $|r|^2$ of *r*, |r|, has (*shape, n) and costs `a * b`."))
    The norm :math:`|r|^2` of *r*, \|r\|, has (\*shape, n) and costs `a * b`.
    """

    def display(match: re.Match[str]) -> str:
        indent, formula = match["indent"], match["formula"]
        body = textwrap.indent(textwrap.dedent(formula).strip(), indent + "    ")
        return f"{indent}.. math::\n\n{body}\n"

    # "a, b: what both are" would be read as a type and a name; `reference` puts the spaces back.
    text = SHARED.sub(lambda m: m[0].replace(", ", ","), text)
    parts = CODE.split(text)
    for i in range(0, len(parts), 2):  # what lies between blocks of code
        prose = DISPLAYED.split(parts[i])
        shown = [display(match) for match in DISPLAYED.finditer(parts[i])]
        plain = [_inline(piece) for piece in prose[:: DISPLAYED.groups + 1]]
        parts[i] = "".join(a + b for a, b in zip(plain, [*shown, ""], strict=True))
    return "".join(parts)


def _inline(text: str) -> str:
    text = INLINE.sub(lambda m: f":math:`{' '.join(m['formula'].split())}`", text)
    pieces = re.split(rf"(`[^`]+`|{EMPHASIS})", text)
    pieces[::2] = [re.sub(r"(?<!\*)\*(?![*\s])|\|", r"\\\g<0>", piece) for piece in pieces[::2]]
    return "".join(pieces)


def process(
    app: Sphinx, what: str, name: str, thing: object, options: dict[str, Any], lines: list[str]
) -> None:
    """Rewrite one docstring in place, when autodoc reads it.

    Args:
        app: the Sphinx application.
        what: the kind of thing: "function", "class", ...
        name: its full name.
        thing: the thing itself.
        options: those of the directive.
        lines: the docstring.
    """
    lines[:] = to_rst("\n".join(lines)).split("\n")
    if what in ("attribute", "data", "property"):
        lines[0] = ": " + lines[0]  # or napoleon takes what stands before a colon for its type
