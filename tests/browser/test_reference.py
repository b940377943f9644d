"""The library's pages: everything public is on one of them, under its own name."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import pytest
from bs4 import BeautifulSoup

import equivar


def modules() -> Iterator[str]:
    """Modules whose names a reader may use: the library's own, and the hot paths one by one.

    In a folder, what is public is what the folder exports. `kernels` exports nothing, since each
    of its modules is one algorithm; `harmonics_numba` is a part of `harmonics`.
    """
    for info in pkgutil.iter_modules(equivar.__path__):
        if not info.name.startswith("_") and info.name != "kernels":
            yield f"equivar.{info.name}"
    folder = importlib.import_module("equivar.kernels")
    for info in pkgutil.iter_modules(folder.__path__):
        if "_" not in info.name:
            yield f"equivar.kernels.{info.name}"


def public(module: ModuleType) -> list[str]:
    """Names that a module gives to others."""
    own = [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and not isinstance(thing, TypeVar)
        and getattr(thing, "__module__", None) == module.__name__
    ]
    return sorted(getattr(module, "__all__", own))


def described(site: Path) -> set[str]:
    """Full names that the pages of the site describe."""
    found: set[str] = set()
    for page in (site / "book").glob("api*.html"):
        soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        found.update(str(name["id"]) for name in soup.select("dt.sig[id]"))
    return found


@pytest.mark.site
def test_everything_public_is_described(site: Path) -> None:
    wanted = {f"{m}.{name}" for m in modules() for name in public(importlib.import_module(m))}
    assert len(wanted) > 100
    assert sorted(wanted - described(site)) == []


def test_parts_of_an_algorithm_are_not_public() -> None:
    found = set(modules())
    assert "equivar.kernels.harmonics" in found
    assert "equivar.kernels.harmonics_numba" not in found
    assert {"equivar.so3", "equivar.trace"} <= found


@pytest.mark.site
def test_examples_formulas_and_lists_became_html(site: Path) -> None:
    for page in (site / "book").glob("api-*.html"):
        soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        article = soup.select_one("article")
        assert article is not None
        assert article.select("div.doctest"), page.name
        assert article.select("dt.sig .sig-line"), "long signatures have a line for each parameter"
        assert not article.select("dt dl"), "a term is no place for a list of definitions"
        for code in article.select("pre, code, .math, dt.sig, dl.field-list > dt, .headerlink"):
            code.decompose()
        text = article.get_text()
        left = re.findall(r".{0,30}(?:\$|>>>|:math:|``|\n\w+:\n).{0,30}", text)
        assert left == [], f"{page.name}: what the docstring said was not understood"
        assert "Variables" not in text
