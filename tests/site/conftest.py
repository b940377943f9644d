"""A toy course, built once, and small books that a test writes and builds itself."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from coursetools.site.build import SiteError, command, ensure

ROOT = Path(__file__).resolve().parents[2]
HEADER = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  name: python3
---

"""

Build = Callable[[Path], "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def toy() -> Path:
    """Return the folder of the built toy course, with one of everything."""
    output = ROOT / "_build" / "toy"
    (output / "_build").mkdir(exist_ok=True, parents=True)
    with FileLock(output / "_build" / "site.lock"):
        try:
            return ensure(ROOT / "tests" / "site" / "fixtures" / "toy", output)
        except SiteError as error:
            pytest.fail(str(error), pytrace=False)


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a book: text of each page, by its name."""

    def write(**pages: str) -> Path:
        (tmp_path / "book").mkdir()
        (tmp_path / "_config.yml").symlink_to(ROOT / "_config.yml")
        first, *others = pages
        lines = ["format: jb-book", f"root: book/{first}"]
        lines += ["chapters:"] * bool(others) + [f"- file: book/{name}" for name in others]
        (tmp_path / "_toc.yml").write_text("\n".join(lines) + "\n")
        for name, text in pages.items():
            (tmp_path / "book" / f"{name}.md").write_text(HEADER + text)
        return tmp_path

    return write


@pytest.fixture
def build() -> Build:
    """Return a function that builds a book and gives back what the build said."""

    def run(root: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(root),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )

    return run
