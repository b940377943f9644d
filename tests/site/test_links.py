"""Links to Binder and Colab, and the repairs of the theme's pages."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from bs4 import BeautifulSoup

from coursetools.site import vendor
from coursetools.site.launch import mend_launch_buttons
from coursetools.site.mend import REPAIRS, mend

ROOT = Path(__file__).resolve().parents[2]
COLAB = "https://colab.research.google.com/github/o/r/blob/main/book/01-turn.md"


def buttons_for(root: Path) -> list[dict[str, Any]]:
    group = {
        "label": "launch-buttons",
        "buttons": [
            {"text": "Binder", "url": "https://mybinder.org/v2/gh/o/r/main"},
            {"text": "Colab", "url": COLAB},
        ],
    }
    context = {"header_buttons": [{"label": "download"}, group]}
    mend_launch_buttons(SimpleNamespace(srcdir=root), "book/01-turn", "", context, None)
    return group["buttons"]


def test_colab_opens_the_exercises_of_the_lecture(tmp_path: Path) -> None:
    (tmp_path / "exercises").mkdir()
    (tmp_path / "exercises" / "01_turn.ipynb").write_text("{}")
    binder, colab = buttons_for(tmp_path)
    assert binder["text"] == "Binder"
    assert colab["url"].endswith("/github/o/r/blob/main/exercises/01_turn.ipynb")
    assert "exercises" in colab["text"]


def test_a_lecture_without_exercises_has_no_colab_link(tmp_path: Path) -> None:
    assert [button["text"] for button in buttons_for(tmp_path)] == ["Binder"]


def test_binder_opens_the_lecture_on_the_configured_branch(toy: Path) -> None:
    repository = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]
    owner = repository["url"].removeprefix("https://github.com/")
    page = BeautifulSoup((toy / "book" / "01-outputs.html").read_text(), "html.parser")
    links = [link["href"] for link in page.select("a[href*=mybinder]")]
    assert links == [
        f"https://mybinder.org/v2/gh/{owner}/{repository['branch']}"
        "?urlpath=lab/tree/book/01-outputs.md"
    ]
    assert not page.select("a[href*='colab']")


def test_repairs_find_their_place_and_keep_still_after() -> None:
    page = "".join(old for old, _ in REPAIRS)
    mended, lost = mend(page)
    assert not lost
    assert all(old not in mended for old, _ in REPAIRS)
    assert mend(mended) == (mended, [])


def test_a_changed_theme_is_noticed() -> None:
    _, lost = mend("<html>another theme</html>")
    assert len(lost) == len(REPAIRS)


def test_the_index_leads_to_the_first_page(toy: Path) -> None:
    page = BeautifulSoup((toy / "index.html").read_text(), "html.parser")
    assert page.select_one("a")["href"] == "book/intro.html"
    assert page.html["lang"] == "en"
    assert (toy / page.select_one("link[rel=icon]")["href"]).is_file()


def test_vendored_files_are_there_and_not_on_every_page(toy: Path) -> None:
    for name in vendor.vendored():
        assert (toy / "_static" / "vendor" / name).stat().st_size > 0
    scripts = BeautifulSoup(
        (toy / "book" / "03-broken-widget.html").read_text(), "html.parser"
    ).select("script[src*=vendor]")
    assert not scripts, "a page without mathematics and Plotly needs neither"


def test_the_palette_is_light_again_on_paper() -> None:
    light, dark, paper = vendor.palette_css().strip().splitlines()
    assert light.split("{")[1] in paper
    assert "--course-ink: #e6edf3;" in dark


def test_the_arrow_of_a_chapter_with_pages_says_whose_they_are() -> None:
    nested = (
        '<li><a class="current reference internal" href="a.html">Groups &amp; <code>so3</code></a>'
        '<details open="open"><summary><span class="toctree-toggle"></span></summary><ul>'
        '<li><a class="reference internal" href="b.html">Below</a></li></ul></details></li>'
    )
    mended, _ = mend(nested)
    summary = BeautifulSoup(mended, "html.parser").summary
    assert summary is not None
    assert summary["aria-label"] == "Pages of Groups & so3"
    assert mend(mended)[0] == mended
