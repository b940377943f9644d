"""How outputs of cells become parts of a page."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from docutils import nodes
from myst_nb.core.render import MimeData

from coursetools.site import mime
from coursetools.site.mime import JUPYTER_WIDGET, PLOTLY, WIDGET, CourseRenderPlugin
from coursetools.site.pictures import palette
from equivar.plots import PALETTE

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="72pt" height="36pt"></svg>'


class FakeRenderer:
    """myst-nb's renderer, as far as the plugin uses it."""

    def __init__(self, **options: dict[str, str]) -> None:
        self.options, self.warnings, self.files = options, [], {}
        self.renderer = self
        self.logger = SimpleNamespace(warning=lambda text, **_: self.warnings.append(text))

    def get_cell_level_config(self, field: str, *_: Any, **__: Any) -> dict[str, str]:
        return self.options.get(field, {})

    def write_file(self, path: list[str], content: bytes, **_: Any) -> str:
        self.files[path[0]] = content
        return f"/{path[0]}"


def render(renderer: FakeRenderer, kind: str, content: Any, metadata: Any = None) -> Any:
    data = MimeData(kind, content, output_metadata=metadata or {}, cell_index=4)
    return CourseRenderPlugin.handle_mime(renderer, data, inline=False)


@pytest.fixture
def outputs(toy: Path) -> Tag:
    return BeautifulSoup((toy / "book" / "01-outputs.html").read_text(), "html.parser")


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("image/svg+xml", SVG),
        ("image/png", ""),
        (PLOTLY, {"data": [], "layout": {}}),
        (WIDGET, {"esm": "", "css": "", "state": {}, "fallback": SVG, "alt": " "}),
    ],
)
def test_a_picture_without_alt_text_is_a_warning(kind: str, content: Any) -> None:
    mute = FakeRenderer()
    render(mute, kind, content)
    assert "code cell 5 shows a picture without alt text" in mute.warnings[0]
    told = FakeRenderer(render_image_options={"alt": "A line that falls."})
    if kind != WIDGET:
        render(told, kind, content)
        assert not told.warnings


def test_a_caption_serves_as_alt_text() -> None:
    renderer = FakeRenderer(render_figure_options={"caption": "A line\nthat falls."})
    (wrapper,) = render(renderer, "image/svg+xml", SVG)
    assert [node["alt"] for node in wrapper.children] == ["A line that falls."] * 2
    assert not renderer.warnings


def test_other_outputs_are_left_to_myst_nb() -> None:
    assert render(FakeRenderer(), "text/html", "<b>bold</b>") is None


@pytest.mark.parametrize(
    ("types", "warned"), [([JUPYTER_WIDGET], 1), ([JUPYTER_WIDGET, WIDGET], 0)]
)
def test_an_ipywidget_that_would_show_nothing_is_a_warning(
    types: list[str], warned: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(mime.LOGGER, "warning", lambda text, **_: said.append(text))
    bundle = nodes.container("", *(nodes.container(mime_type=kind) for kind in types))
    bundle["nb_element"] = "mime_bundle"
    app = SimpleNamespace(env=SimpleNamespace(docname="book/x"))
    mime.check_widgets(app, nodes.section("", bundle))
    assert len(said) == warned


def test_every_color_of_the_palette_has_its_own_partner() -> None:
    assert len(palette()) == len(PALETTE)


def test_a_figure_is_written_for_light_and_dark_paper(outputs: Tag, toy: Path) -> None:
    figure = outputs.select_one("figure#fig-turn")
    light, dark = figure.select(".themed-picture > img")
    assert (light["class"], dark["class"]) == (["only-light"], ["only-dark"])
    assert light["alt"] == dark["alt"] == "A sine and a cosine over one turn."
    assert int(light["width"]) > int(light["height"]) > 0
    for image, paper in ((light, 0), (dark, 1)):
        svg = (toy / "book" / image["src"]).resolve().read_text()
        assert PALETTE["blue"][paper] in svg
        assert PALETTE["blue"][1 - paper] not in svg
    assert "two coordinates" in figure.select_one("figcaption").get_text()


def test_plotly_figures_carry_data_picture_and_words(outputs: Tag) -> None:
    cloud, bars = outputs.select(".plotly-figure")
    assert (cloud["role"], bars["role"]) == ("img", "img")
    assert cloud["aria-label"] == "Forty points in space, in a round cloud."
    assert bars["aria-label"] == "Three bars, each higher than the one before."
    spec = json.loads(cloud.select_one("script").string)
    assert spec["data"][0]["type"] == "scatter3d"
    assert spec["palette"][PALETTE["ink"][0]] == PALETTE["ink"][1]
    assert len(cloud.select(".plotly-fallback img")) == 2
    assert "Three bars" in bars.select_one("noscript").get_text()


def test_a_widget_travels_as_data_that_cannot_end_its_block(outputs: Tag) -> None:
    widget = outputs.select_one("equivar-widget")
    picture = widget.select_one("[role=img]")
    assert picture["aria-label"] == "A count of 3."
    assert picture.select_one("svg")
    block = widget.select_one("script[type='application/json']").string
    assert "<" not in block
    payload = json.loads(block)
    assert "</script>" in payload["esm"]
    assert payload["state"] == {"count": 3}


def test_nothing_in_a_page_comes_from_another_host(toy: Path) -> None:
    pages = [path for path in toy.rglob("*.html") if "_static" not in path.parts]
    assert len(pages) > 5
    for path in pages:
        page = BeautifulSoup(path.read_text(), "html.parser")
        for tag in page.select("script[src], img[src], link[href], iframe[src]"):
            if tag.get("rel") in (["next"], ["prev"], ["search"], ["index"]):
                continue
            address = tag.get("src") or tag["href"]
            assert "//" not in address, f"{path.name}: {address}"
        for text in ("cdn.jsdelivr", "unpkg.com", "cloudflare", "googleapis", "widget-state+json"):
            assert text not in path.read_text(), f"{path.name}: {text}"
