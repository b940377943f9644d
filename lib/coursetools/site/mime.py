"""How the outputs of cells become parts of a page: a plugin of myst-nb.

It prefers our own widget host and Plotly over what Jupyter needs for the same output, and holds
that every picture says in words what it shows.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from sphinx.util import logging

from coursetools.site.elements import element
from coursetools.site.pictures import palette, themed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from myst_nb.core.render import MimeData, NbElementRenderer
    from sphinx.application import Sphinx

LOGGER = logging.getLogger(__name__)

WIDGET = "application/vnd.equivar.widget+json"
PLOTLY = "application/vnd.plotly.v1+json"
JUPYTER_WIDGET = "application/vnd.jupyter.widget-view+json"
BITMAPS = {"image/png", "image/jpeg", "image/gif"}
PLOTLY_HEIGHT = 450  # plotly's own default, in pixels


class CourseRenderPlugin:
    """Entry point of the group ``myst_nb.mime_renderers``."""

    mime_priority_overrides: ClassVar[Sequence[tuple[str, str, int | None]]] = [
        ("*", WIDGET, 1),
        ("*", PLOTLY, 2),
    ]

    @staticmethod
    def handle_mime(
        renderer: NbElementRenderer, data: MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        """Render one MIME type of an output.

        Args:
            renderer: myst-nb's renderer of the page.
            data: the content, with the metadata of its cell and of its output.
            inline: the output stands within a line of text (glue).

        Returns:
            Nodes; None leaves the output to myst-nb.
        """
        if data.mime_type == WIDGET:
            return [_widget(renderer, data)]
        if data.mime_type == PLOTLY:
            return [_plotly(renderer, data)]
        if data.mime_type == "image/svg+xml":
            return [themed(renderer, str(data.content), _alt(renderer, data), inline=inline)]
        if data.mime_type in BITMAPS:
            _alt(renderer, data)
        return None


def _cell_option(renderer: NbElementRenderer, data: MimeData, field: str) -> dict[str, Any]:
    value = renderer.renderer.get_cell_level_config(field, data.cell_metadata, line=data.line)
    return value if isinstance(value, dict) else {}


def _alt(renderer: NbElementRenderer, data: MimeData, given: str = "") -> str:
    """What the picture shows: from the output, the cell's image options, or its caption."""
    alt = (
        given
        or _cell_option(renderer, data, "render_image_options").get("alt")
        or _cell_option(renderer, data, "render_figure_options").get("caption")
        or ""
    )
    alt = " ".join(str(alt).split())
    if not alt:
        renderer.logger.warning(
            f"code cell {(data.cell_index or 0) + 1} shows a picture without alt text: say in a "
            "sentence or two what is to be seen, under `mystnb: image: alt:` in the cell's header",
            subtype="alt",
            line=data.line,
        )
    return alt


def _json_script(content: dict[str, Any]) -> nodes.raw:
    # "<" would let a string such as "</script>" or "<!--" end or comment out the block.
    text = json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")
    return nodes.raw("", f'<script type="application/json">{text}</script>', format="html")


def _widget(renderer: NbElementRenderer, data: MimeData) -> nodes.Element:
    content: dict[str, Any] = dict(data.content)
    alt = _alt(renderer, data, content.get("alt", ""))
    # In the page itself, not a file: its colors are variables of the page's theme.
    picture = nodes.raw("", content.get("fallback", ""), format="html")
    return element(
        "equivar-widget",
        element("div", picture, role="img", aria_label=alt, class_="widget-fallback"),
        _json_script({key: content.get(key, "") for key in ("esm", "css", "state")}),
        class_="output",
    )


def _plotly(renderer: NbElementRenderer, data: MimeData) -> nodes.Element:
    content: dict[str, Any] = dict(data.content)
    extra = data.output_metadata.get(PLOTLY, {})
    alt = _alt(renderer, data, extra.get("alt", ""))
    if extra.get("fallback"):
        fallback: nodes.Node = themed(renderer, extra["fallback"], "")
    else:
        text = f"This figure is drawn where JavaScript is on. {alt}"
        fallback = element("noscript", element("p", nodes.Text(text)))
    layout = content.get("layout", {})
    spec = {"data": content.get("data", []), "layout": layout, "palette": palette()}
    height = layout.get("height") or PLOTLY_HEIGHT
    return element(
        "div",
        element("div", fallback, class_="plotly-fallback"),
        element("div", class_="plotly-canvas"),
        _json_script(spec),
        class_="output plotly-figure",
        role="img",
        aria_label=alt,
        style=f"--plotly-height: {int(height)}px",
    )


def check_widgets(app: Sphinx, doctree: nodes.document) -> None:
    """Warn of ipywidgets, which show nothing here, and leave their state out of the page.

    The state of a widget that has our own form stands in the page already; myst-nb would write it
    a second time.

    Args:
        app: the Sphinx application.
        doctree: the page that was read.
    """
    for bundle in doctree.findall(nodes.container):
        if bundle.get("nb_element") != "mime_bundle":
            continue
        types = {child.get("mime_type") for child in bundle.children}
        if JUPYTER_WIDGET in types and WIDGET not in types:
            LOGGER.warning(
                "an ipywidget shows nothing in a page without a kernel: give it a picture, or "
                "record it as a widget of equivar.widgets",
                location=bundle,
                type="course",
                subtype="widget",
            )
    metadata = getattr(app.env, "nb_metadata", {}).get(app.env.docname, {})
    metadata.get("js_files", {}).pop("ipywidgets_state", None)
