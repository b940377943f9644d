"""MathJax and Plotly, copied from their Python packages, and the palette as a style sheet.

They are not in a folder of ``html_static_path``: Jupyter Book adds every script in such a folder
to every page.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

MATHJAX_PATTERNS = ("tex-mml-chtml.js", "output/chtml/fonts/woff-v2/*.woff", "input/mml/*.js")


def _package(name: str, requirement: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            f"The site needs files of the package {requirement}, which is not installed: "
            "run `make site`, which installs requirements.txt."
        )
    return Path(spec.origin).parent


def vendored() -> dict[str, Path]:
    """Files to copy: path under ``_static/vendor``, and where it is now.

    Returns:
        One entry for each file.

    Raises:
        FileNotFoundError: a package is missing, or has no such files.
    """
    # The package's folder has dashes in its name, so it cannot be imported, but it can be found.
    mathjax = _package("sphinx-mathjax-offline", "sphinx-mathjax-offline") / "static" / "mathjax"
    files = {"plotly.min.js": _package("plotly", "plotly") / "package_data" / "plotly.min.js"}
    for pattern in MATHJAX_PATTERNS:
        found = sorted(mathjax.glob(pattern))
        if not found:
            raise FileNotFoundError(f"sphinx-mathjax-offline holds no {pattern}: wrong version?")
        files |= {f"mathjax/{path.relative_to(mathjax).as_posix()}": path for path in found}
    return files


def copy_vendored(app: Sphinx, exception: Exception | None) -> None:
    """Copy the vendored files into the built site, where they are missing or differ in size.

    Args:
        app: the Sphinx application.
        exception: what ended the build; None where nothing did.
    """
    if exception is not None or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    (static / "palette.css").write_text(palette_css())
    for name, source in vendored().items():
        target = static / "vendor" / name
        if not target.is_file() or target.stat().st_size != source.stat().st_size:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def palette_css() -> str:
    """The palette as CSS variables ``--course-...``: light, dark, and light again on paper.

    Returns:
        A style sheet. Pages take their colors from it, so they agree with the figures.
    """
    from equivar.plots import PALETTE

    light, dark = (
        " ".join(f"--course-{name}: {pair[k]};" for name, pair in PALETTE.items()) for k in (0, 1)
    )
    return (
        f'html {{ {light} }}\nhtml[data-theme="dark"] {{ {dark} }}\n'
        f'@media print {{ html, html[data-theme="dark"] {{ {light} }} }}\n'
    )
