"""How the library's names look on their pages: their order, their signatures, their fields.

Sphinx writes the parameters of a long signature as a definition list without terms inside the term
of another one. Browsers show it; who listens to the page hears lists that define nothing. Here each
parameter is a line of the signature, and nothing else.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx import addnodes
from sphinx.ext.autodoc import DataDocumenter, Documenter, ModuleDocumenter, ObjectMember
from sphinx.pycode import ModuleAnalyzer
from sphinx.writers.html5 import HTML5Translator

if TYPE_CHECKING:
    from sphinx.application import Sphinx

TAGS = {
    "<dl>\n": '<span class="sig-lines">',
    "<dd>": '<span class="sig-line">',
    "</dd>\n": "</span>",
    "</dl>\n\n": "</span>",
}
# Sphinx's word for what a class keeps is the one for any name in Python.
WORDS = {"Variables": "Attributes"}


class ReadingOrder(ModuleDocumenter):
    """A module's names in the order in which its author tells them, not in that of `__all__`."""

    def get_module_members(self) -> dict[str, ObjectMember]:
        """Find the members, and what is said of constants that a folder takes from its files.

        Returns:
            Members by name.
        """
        if self.analyzer is not None:
            for home in [name for name in sys.modules if name.startswith(f"{self.modname}.")]:
                said = ModuleAnalyzer.for_module(home).find_attr_docs()
                self.analyzer.attr_docs.update(
                    {key: doc for key, doc in said.items() if key[1] in (self.__all__ or ())}
                )
        return super().get_module_members()

    def sort_members(
        self, documenters: list[tuple[Documenter, bool]], order: str
    ) -> list[tuple[Documenter, bool]]:
        """Sort by the file that defines a name, the module's own first, then by its place there.

        Args:
            documenters: pairs that Sphinx made of the module's members.
            order: what the configuration says; the members of a module have one order here.

        Returns:
            The pairs, sorted.
        """

        def place(entry: tuple[Documenter, bool]) -> tuple[str, int, str]:
            name = entry[0].name.partition("::")[2]
            home = str(getattr(getattr(self.object, name, None), "__module__", ""))
            if not home.startswith(f"{self.modname}."):
                home = self.modname
            source = ModuleAnalyzer.for_module(home)
            source.analyze()
            return home, source.tagorder.get(name, 0), name

        return sorted(documenters, key=place)


class Constant(DataDocumenter):
    """A constant with its value, unless that is a table, which is better read in the source."""

    def should_suppress_value_header(self) -> bool:
        """Whether the value is left out."""
        return isinstance(self.object, dict) or super().should_suppress_value_header()


def _visit_parameters(self: Any, node: addnodes.desc_parameterlist) -> None:
    self.context.append(len(self.body))
    HTML5Translator.visit_desc_parameterlist(self, node)


def _depart_parameters(self: Any, node: addnodes.desc_parameterlist) -> None:
    HTML5Translator.depart_desc_parameterlist(self, node)
    start = self.context.pop()
    self.body[start:] = [TAGS.get(piece, piece) for piece in self.body[start:]]


def name_fields(app: Sphinx, doctree: nodes.document) -> None:
    """Head the fields with the words of this course, and space the names that share a line.

    Args:
        app: the Sphinx application.
        doctree: a page, changed in place.
    """
    for field in doctree.findall(nodes.field):
        head, body = field
        if (text := head.astext()) in WORDS:
            head.children = [nodes.Text(WORDS[text])]
        for name in body.findall(addnodes.literal_strong):
            name.children = [nodes.Text(name.astext().replace(",", ", "))]


def register(app: Sphinx) -> None:
    """Tell Sphinx how modules, signatures and fields are written.

    Args:
        app: the Sphinx application.
    """
    app.add_autodocumenter(ReadingOrder, override=True)
    app.add_autodocumenter(Constant, override=True)
    app.add_node(
        addnodes.desc_parameterlist,
        override=True,
        html=(_visit_parameters, _depart_parameters),
    )
    app.connect("doctree-read", name_fields)
