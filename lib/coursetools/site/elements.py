"""Two docutils nodes: any HTML element, and the file of a picture with its size."""

from __future__ import annotations

import posixpath
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class HtmlElement(nodes.General, nodes.Inline, nodes.Element):
    """An HTML element with parsed children; other builders see the children alone."""


class PictureFile(nodes.image):
    """An image with its size, loaded when it comes near the screen.

    Sphinx copies its file as it does for any image. The size keeps the place free, so that text
    does not jump when the picture arrives; docutils would write it as a style that distorts.
    """


def element(tag: str, *children: nodes.Node, **attributes: str | bool) -> HtmlElement:
    """Make an HTML element.

    Args:
        tag: its name.
        children: nodes to put into it.
        attributes: its attributes; ``_`` stands for ``-``, a trailing one is dropped
            (``class_``); True writes the bare name, False leaves it out.

    Returns:
        The node.

    Example:
        >>> element("p", nodes.Text("hello"), class_="mark").astext()
        'hello'
    """
    names = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    return HtmlElement("", *children, tag=tag, attributes=names)


def attributes_text(attributes: dict[str, str | bool]) -> str:
    """Attributes as they stand in a tag, with a leading space.

    Args:
        attributes: names and values; True writes the bare name, False leaves it out.

    Returns:
        Escaped text.

    Example:
        >>> attributes_text({"class": "a & b", "hidden": True, "open": False})
        ' class="a &amp; b" hidden'
    """
    shown = {name: value for name, value in attributes.items() if value is not False}
    return "".join(
        f" {name}" if value is True else f' {name}="{escape(str(value))}"'
        for name, value in shown.items()
    )


VOID = {"input", "br", "hr", "img"}


def _visit_element(self: Any, node: HtmlElement) -> None:
    ids = {"id": node["ids"][0]} if node.get("ids") else {}
    self.body.append(f"<{node['tag']}{attributes_text({**ids, **node['attributes']})}>")


def _depart_element(self: Any, node: HtmlElement) -> None:
    if node["tag"] not in VOID:
        self.body.append(f"</{node['tag']}>")


def _visit_picture(self: Any, node: PictureFile) -> None:
    builder = self.builder
    name = builder.images.get(node["uri"])
    source = posixpath.join(builder.imgpath, quote(name)) if name else node["uri"]
    attributes = {
        "src": source,
        "alt": node.get("alt", ""),
        "class": " ".join(node["classes"]),
        "width": node.get("width") or False,
        "height": node.get("height") or False,
        "loading": "lazy",
        "decoding": "async",
    }
    self.body.append(f"<img{attributes_text(attributes)}>")
    raise nodes.SkipNode


def _pass(self: Any, node: nodes.Node) -> None:
    pass


def register(app: Sphinx) -> None:
    """Tell Sphinx how each builder writes the two nodes.

    Args:
        app: the Sphinx application.
    """
    app.add_node(
        HtmlElement,
        html=(_visit_element, _depart_element),
        latex=(_pass, _pass),
        text=(_pass, _pass),
    )
    app.add_node(PictureFile, html=(_visit_picture, _pass))
