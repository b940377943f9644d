"""What makes a build fail, and what makes it do its work again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from coursetools.site import digest
from coursetools.site.build import FLAGS, is_fresh

Book = Callable[..., Path]
Build = Callable[[Path], "subprocess.CompletedProcess[str]"]

COUNT = """\
# A page that counts

```{code-cell} ipython3
from pathlib import Path

runs = Path("../runs.count")  # outside book/, which the stamp of the build covers
count = int(runs.read_text()) + 1 if runs.exists() else 1
print("runs", runs.write_text(str(count)))
```
"""
FAILS = """\
# A page

```{code-cell} ipython3
good = 1
```

```{code-cell} ipython3
# the second cell
raise ValueError("no such molecule: phlogiston")
```
"""

WAITS = """\
# A page that waits for another

```{{code-cell}} ipython3
import time
from pathlib import Path

Path("../{me}.here").touch()
for _ in range(600):
    if Path("../{other}.here").exists():
        break
    time.sleep(0.1)
else:
    raise TimeoutError("{other} is not executed while {me} is")
```
"""


@pytest.mark.skipif(os.cpu_count() == 1, reason="one core executes one page at a time")
def test_pages_are_executed_at_the_same_time(book: Book, build: Build) -> None:
    root = book(
        intro="# Hello\n",
        one=WAITS.format(me="one", other="two"),
        two=WAITS.format(me="two", other="one"),
    )
    done = build(root)
    assert done.returncode == 0, done.stdout
    assert "executing pages" in done.stdout


def test_a_failed_page_leaves_the_others_in_the_cache(book: Book, build: Build) -> None:
    root = book(intro="# Hello\n", second=COUNT, third=FAILS)
    assert build(root).returncode == 1
    (root / "book" / "third.md").write_text((root / "book" / "intro.md").read_text())
    assert build(root).returncode == 0
    assert (root / "runs.count").read_text() == "1"


def test_a_failed_cell_fails_every_build_and_is_named(book: Book, build: Build) -> None:
    root = book(intro="# Hello\n\nNothing fails here.\n", second=FAILS)
    for _ in range(2):  # a page that failed is not up to date: the next build fails as well
        done = build(root)
        assert done.returncode == 1, done.stdout
        assert "book/second.md: code cell 2 (line" in done.stdout
        assert "ValueError: no such molecule: phlogiston" in done.stdout
        assert "Traceback" not in done.stdout
    assert not is_fresh(root)


def test_a_toc_that_names_a_missing_page_says_which(book: Book, build: Build) -> None:
    root = book(intro="# Hello\n")
    (root / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nchapters:\n- file: book/01-nowhere\n"
    )
    done = build(root)
    assert done.returncode == 1
    assert "_toc.yml names pages that do not exist" in done.stdout
    assert "book/01-nowhere.md" in done.stdout
    assert "Traceback" not in done.stdout


def test_cells_run_again_when_what_they_import_changed_and_not_else(
    book: Book, build: Build
) -> None:
    root = book(intro=COUNT)
    runs, page = root / "runs.count", root / "_build" / "html" / "book" / "intro.html"
    requirements = root / "requirements.txt"
    requirements.write_text("numpy==1\n")
    assert build(root).returncode == 0
    assert runs.read_text() == "1"
    assert is_fresh(root)

    written = page.stat().st_mtime_ns
    assert build(root).returncode == 0
    assert runs.read_text() == "1"
    assert page.stat().st_mtime_ns == written, "nothing changed, so nothing is written"

    requirements.write_text("numpy==2\n")
    assert not is_fresh(root)
    assert build(root).returncode == 0
    assert runs.read_text() == "2"


GLOSSARY = """\
# Glossary

:::{glossary}
orbit
  MEANING
:::
"""


def test_a_changed_definition_reaches_the_pages_that_use_it(book: Book, build: Build) -> None:
    root = book(intro="# Hello\n", glossary=GLOSSARY, uses="# Use\n\nAn {term}`orbit`.\n")
    page = root / "_build" / "html" / "book" / "uses.html"
    for meaning in ("All that a point becomes.", "Where a point can go."):
        (root / "book" / "glossary.md").write_text(GLOSSARY.replace("MEANING", meaning))
        assert build(root).returncode == 0
        assert f'title="{meaning}"' in page.read_text()
    written = page.stat().st_mtime_ns
    assert build(root).returncode == 0
    assert page.stat().st_mtime_ns == written, "nothing changed, so nothing is written"


def test_a_changed_style_sheet_reaches_the_built_site(book: Book, tmp_path: Path) -> None:
    root = book(intro="# Hello\n")
    package = tmp_path / "site"
    shutil.copytree(digest.SITE_PACKAGE, package)
    style = package / "assets" / "course.css"
    program = (
        "import sys; from pathlib import Path; import coursetools.site.digest as d;"
        "d.SITE_PACKAGE = Path(sys.argv.pop(1));"
        "import coursetools.site.configure as c; assert c.ASSETS.parent == d.SITE_PACKAGE;"
        "from jupyter_book.cli.main import main; main()"
    )
    words = [sys.executable, "-c", program, str(package), "build", str(root), *FLAGS]
    for text in ("/* one */", "/* two */"):
        style.write_text(text)
        subprocess.run(words, check=True, capture_output=True)
        assert (root / "_build" / "html" / "_static" / "course.css").read_text() == text


@pytest.mark.parametrize("suffix", [".py", ".js", ".css", ".npz"])
def test_each_kind_of_library_file_counts(tmp_path: Path, suffix: str) -> None:
    library = tmp_path / "equivar"
    library.mkdir()
    file = library / f"module{suffix}"
    file.write_bytes(b"one")
    before = digest.library_digest(tmp_path, library)
    file.write_bytes(b"two")
    edited = digest.library_digest(tmp_path, library)
    file.rename(library / f"renamed{suffix}")
    renamed = digest.library_digest(tmp_path, library)
    assert len({before, edited, renamed}) == 3


def test_times_and_caches_do_not_count(tmp_path: Path) -> None:
    library = tmp_path / "equivar"
    (library / "__pycache__").mkdir(parents=True)
    file = library / "module.py"
    file.write_text("one")
    before = digest.library_digest(tmp_path, library)
    os.utime(file, (0, 0))
    (library / "__pycache__" / "module.py").write_text("noise")
    assert digest.library_digest(tmp_path, library) == before
