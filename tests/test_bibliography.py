"""What a page cites stands in the bibliography, with that page; and nothing else does."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
WORK = re.compile(
    r"https://(?:doi\.org/(?:10\.48550/arXiv\.)?|arxiv\.org/abs/)([^\s\])]+(?:\(\d+\)[^\s\])]+)?)"
)


def pages() -> list[Path]:
    """All pages of the table of contents but the bibliography."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    names = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    return [ROOT / f"{name}.md" for name in names if not name.endswith("bibliography")]


def sources(text: str) -> set[str]:
    """The works that a page links to under its Sources."""
    found = re.search(r"^## Sources$(.*?)(?=^## |\Z)", text, re.M | re.S)
    return set(WORK.findall(found[1])) if found else set()


def entries() -> dict[str, set[str]]:
    """The pages that each work of the bibliography names."""
    lines = [
        line
        for line in (BOOK / "bibliography.md").read_text("utf-8").splitlines()
        if line.startswith("* ")
    ]
    return {
        work: set(re.findall(r"\]\(([\w-]+\.md)\)", line))
        for line in lines
        for work in WORK.findall(line)
    }


def test_each_cited_work_is_listed_with_its_pages() -> None:
    known = entries()
    cited = {(work, page.name) for page in pages() for work in sources(page.read_text("utf-8"))}
    assert len(cited) > 60
    missing = [
        f"{work} of {page}" for work, page in sorted(cited) if page not in known.get(work, ())
    ]
    assert not missing, "\n".join(missing)
    stale = [
        f"{work} of {page}"
        for work, names in known.items()
        for page in names
        if (work, page) not in cited
    ]
    assert not stale, "\n".join(stale)


def test_entries_are_in_order_of_their_first_authors() -> None:
    text = (BOOK / "bibliography.md").read_text("utf-8")
    names = []
    for line in text.splitlines():
        if line.startswith("* "):
            author = re.split(r", | et al\.", line.removeprefix("* "))[0]
            names.append(re.sub(r"^(?:[A-Z]\.[ -]?)+", "", author).strip().casefold())
    assert names == sorted(names)
