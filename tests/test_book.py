"""Each lecture has the form that readers rely on; what it says is a variable of the page."""

from __future__ import annotations

import re
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).parent.parent
LECTURES = sorted((ROOT / "book").glob("[0-9][0-9]-*.md"))
GLUED = re.compile(r"\{glue:[a-z]+\}`([^`:]+)(?::[^`]*)?`")
LONGEST_CELL, LONGEST_LINE = 42, 96


def text_and_code(path: Path) -> tuple[str, list[str]]:
    notebook = jupytext.read(path)
    prose = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return prose, [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def unglued(prose: str, code: list[str]) -> set[str]:
    """Names that the text uses and no cell glues; f-strings stand for any text."""
    patterns = []
    for name in re.findall(r"""glue\(\s*f?["']([^"']+)["']""", "\n".join(code)):
        parts = re.split(r"\{[^}]*\}", name)
        patterns.append(re.compile(".+".join(map(re.escape, parts))))
    return {name for name in GLUED.findall(prose) if not any(p.fullmatch(name) for p in patterns)}


def faults(prose: str, code: list[str]) -> list[str]:
    """What a lecture lacks, in words."""
    found = [f"{name} is in the text, but no cell glues it" for name in unglued(prose, code)]
    opening = prose[: prose.find("\n## ")]
    found += [
        f"the opening does not say {what!r}"
        for what in ("After this page you can", "**Time:**", "**Needs:**")
        if what not in opening
    ]
    found += [
        f"there is no section {title!r}"
        for title in ("Exercises", "What we used", "Sources")
        if not re.search(rf"^## {title}$", prose, re.MULTILINE)
    ]
    if ":::{quiz}" not in prose:
        found.append("the reader predicts nothing: there is no quiz")
    if "https://doi.org/" not in prose.partition("## Sources")[2]:
        found.append("no source has a DOI")
    for cell in code:
        lines = cell.splitlines()
        if len(lines) > LONGEST_CELL:
            found.append(f"a cell of {len(lines)} lines begins with {lines[0]!r}")
        found += [f"a line is too long: {line!r}" for line in lines if len(line) > LONGEST_LINE]
    return found


def test_there_are_lectures() -> None:
    assert LECTURES


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
def test_a_lecture_has_its_form(path: Path) -> None:
    assert not faults(*text_and_code(path))


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
def test_a_lecture_names_its_exercises(path: Path) -> None:
    stem = path.stem.replace("-", "_")
    assert f"exercises/{stem}.ipynb" in path.read_text(encoding="utf-8")
    assert (ROOT / "exercises" / f"{stem}.ipynb").is_file()


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (":::{quiz}", ":::{note}", "no quiz"),
        ("**Time:**", "Time:", "Time"),
        ("## Sources", "## Literature", "'Sources'"),
        ('glue("', 'glue("not_', "no cell glues it"),
        ("https://doi.org/", "https://example.org/", "no source has a DOI"),
        ("import torch\n", "import torch\n" + "pass\n" * LONGEST_CELL, "a cell of"),
        ("import torch\n", "import torch  # " + "x" * 99 + "\n", "a line is too long"),
    ],
)
def test_a_fault_is_seen(path: Path, old: str, new: str, message: str) -> None:
    prose, code = text_and_code(path)
    prose, code = prose.replace(old, new), [cell.replace(old, new) for cell in code]
    assert any(message in fault for fault in faults(prose, code))
