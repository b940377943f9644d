"""Settings that follow from the files of the project, so that nobody keeps them by hand."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from coursetools.site.digest import (
    SITE_PACKAGE,
    library_digest,
    machinery_digest,
    source_digest,
)

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

ASSETS = SITE_PACKAGE / "assets"
CACHES_KEPT = 3


def configure(app: Sphinx, config: Config) -> None:
    """Fill in the settings that depend on the library, on this package and on one another.

    Args:
        app: the Sphinx application.
        config: its configuration, changed in place.
    """
    # Small models train many times slower when two processes fight for two cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    root = Path(app.srcdir)
    library = library_digest(root)
    # An "env" value: Sphinx reads all pages again when it differs from the pickled one, which
    # also copies changed assets. A new cache folder executes them again, too: jupyter-cache's
    # own key is the text of the cells alone.
    config.course_digest = f"{library}-{machinery_digest()}"
    # Taken now: a file that is edited during the build was not what the build read.
    app.course_source_digest = source_digest(root)  # type: ignore[attr-defined]
    config.nb_execution_cache_path = str(
        _cache(Path(app.outdir).parent / ".jupyter_cache", library)
    )

    config.html_static_path = [*config.html_static_path, str(ASSETS)]
    config.templates_path = [str(SITE_PACKAGE / "templates"), *config.templates_path]
    config.html_logo = config.html_logo or str(ASSETS / "logo.svg")
    config.html_favicon = config.html_favicon or str(ASSETS / "logo.svg")
    config.html_theme_options = {
        **config.html_theme_options,
        "logo": {"text": config.html_title, "alt_text": ""},
        "search_bar_text": "Search this course",
        "show_toc_level": 2,
        "navbar_persistent": [],
        "pygments_light_style": "a11y-high-contrast-light",
        "pygments_dark_style": "a11y-high-contrast-dark",
    }

    # Our pictures carry their size; a link around each would be one without a name.
    config.html_scaled_image_link = False

    # Nothing comes from another host: MathJax is vendored, and require.js, which myst-nb loads
    # from a CDN for ipywidgets, has nothing to do here.
    config.mathjax_path = "vendor/mathjax/tex-mml-chtml.js"
    mathjax = dict(config.mathjax3_config or {})
    # MathJax's menu makes each formula a stop of the Tab key and loads more files on demand;
    # the hidden MathML that screen readers use does not depend on it.
    mathjax["options"] = {**mathjax.get("options", {}), "enableMenu": False}
    config.mathjax3_config = mathjax
    config.nb_ipywidgets_js = {}


def _cache(folder: Path, key: str) -> Path:
    """Cache folder of this library; the last few are kept, for those who change branches."""
    current = folder / key
    current.mkdir(parents=True, exist_ok=True)
    os.utime(current)
    caches = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in caches[CACHES_KEPT:]:
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    return current.resolve()


def write_stamp(app: Sphinx, exception: Exception | None) -> None:
    """Record what a successful build was made from, so that tests know a stale site.

    Args:
        app: the Sphinx application.
        exception: what ended the build; None where nothing did.
    """
    stamp = Path(app.outdir).parent / "site.digest"
    if exception is None and app.statuscode == 0:
        stamp.write_text(app.course_source_digest)  # type: ignore[attr-defined]
    else:
        stamp.unlink(missing_ok=True)
