"""One SVG becomes two pictures: for light paper and for dark paper."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docutils import nodes

from coursetools.site.elements import HtmlElement, PictureFile, element

if TYPE_CHECKING:
    from myst_nb.core.render import NbElementRenderer

PIXELS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "in": 96.0, "cm": 96 / 2.54, "mm": 9.6 / 2.54}


def palette() -> dict[str, str]:
    """Colors on light paper and their partners on dark paper, as ``#rrggbb`` in lower case.

    Returns:
        ``{light: dark}``, from ``equivar.plots.PALETTE``.
    """
    # Imported here: the extension also loads where the library does not (docs of an older tag).
    from equivar.plots import PALETTE

    return {light.lower(): dark.lower() for light, dark in PALETTE.values()}


def darken(svg: str, colors: dict[str, str]) -> str:
    """Exchange the palette's light colors for their dark partners, all at once.

    Args:
        svg: text with colors written ``#rrggbb``, in either case.
        colors: ``{light: dark}`` in lower case.

    Returns:
        The text on dark paper. Colors that are not of the palette stay.

    Example:
        >>> darken('<path stroke="#ABCDEF" fill="#fedcba"/>',
        ...        {"#abcdef": "#fedcba", "#fedcba": "#000000"})
        '<path stroke="#fedcba" fill="#000000"/>'
    """
    return re.sub(
        r"#[0-9a-f]{6}\b", lambda m: colors.get(m[0].lower(), m[0]), svg, flags=re.IGNORECASE
    )


def size(svg: str) -> tuple[int, int] | None:
    """Width and height of an SVG in CSS pixels.

    Args:
        svg: an SVG document.

    Returns:
        ``(width, height)``: from its attributes, else from the view box, else None.

    Example:
        >>> size('<svg width="72pt" height="36pt">'), size('<svg viewBox="0 0 30 20">')
        ((96, 48), (30, 20))
    """
    if not (tag := re.search(r"<svg\b[^>]*>", svg)):
        return None
    found = []
    for name in ("width", "height"):
        if match := re.search(rf'\s{name}="([\d.]+)(pt|px|in|cm|mm)?"', tag[0]):
            found.append(round(float(match[1]) * PIXELS[match[2] or ""]))
    if len(found) == 2:
        return found[0], found[1]
    if match := re.search(r'viewBox="[\d.-]+[ ,]+[\d.-]+[ ,]+([\d.]+)[ ,]+([\d.]+)"', tag[0]):
        return round(float(match[1])), round(float(match[2]))
    return None


def themed(renderer: NbElementRenderer, svg: str, alt: str, *, inline: bool = False) -> HtmlElement:
    """Write an SVG as a light and a dark file and show the one that fits the reader's theme.

    Args:
        renderer: myst-nb's renderer, which knows where a page's files go.
        svg: an SVG document drawn with the palette's light colors.
        alt: what the picture shows; empty where an element around it says so.
        inline: the picture stands within a line of text.

    Returns:
        One element around both pictures. (The theme hides a caption beside a hidden picture, so
        they may not be siblings of the caption.)
    """
    measured = size(svg)
    result = element("span" if inline else "div", class_="themed-picture")
    for kind, text in (("only-light", svg), ("only-dark", darken(svg, palette()))):
        result += _file(renderer, text, alt, kind, measured)
    return result


def _file(
    renderer: NbElementRenderer, svg: str, alt: str, kind: str, measured: tuple[int, int] | None
) -> nodes.Node:
    from hashlib import sha256

    data = svg.encode()
    name = f"{sha256(data).hexdigest()[:20]}.svg"
    node = PictureFile(uri=renderer.write_file([name], data, exists_ok=True), alt=alt)
    node["classes"].append(kind)
    if measured:
        node["width"], node["height"] = map(str, measured)
    return node
