"""What to read again: each answer names a section that its lecture has, wherever the site is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coursetools.errors import CourseError
from coursetools.grading.lecture import find_lecture

ROOT = Path(__file__).parents[2]
STEMS = sorted(path.stem for path in (ROOT / "exercises").glob("*.ipynb"))
LECTURE = "# Turning\n\n```\n# no heading\n```\n\n## What it does: `R`\n\n### Orbits\n"


@pytest.mark.parametrize("stem", STEMS)
def test_each_answer_names_a_section_of_its_lecture(stem: str) -> None:
    lecture = find_lecture(ROOT, stem)
    assert lecture is not None
    cells = json.loads((ROOT / "exercises" / f"{stem}.ipynb").read_text())["cells"]
    named = {
        cell["metadata"]["name"]: cell["metadata"].get("section")
        for cell in cells
        if cell["metadata"].get("role") == "answer"
    }
    assert named
    lost = {name: section for name, section in named.items() if section not in lecture.sections}
    assert not lost, f"the lecture has {list(lecture.sections)}"


def course(folder: Path, config: str) -> Path:
    (folder / "book").mkdir()
    (folder / "book" / "90-turn.md").write_text(LECTURE)
    (folder / "_config.yml").write_text(config)
    return folder


REPOSITORY = "repository: {url: https://example.org/course/, branch: v2}\n"
PAGE = "https://site.org/x/book/90-turn.html"


@pytest.mark.parametrize(
    ("config", "site", "address"),
    [
        (REPOSITORY, "https://site.org/x/", f"{PAGE}#what-it-does-r"),
        (REPOSITORY + "html: {baseurl: https://site.org/x}", None, f"{PAGE}#what-it-does-r"),
        (REPOSITORY, None, "https://example.org/course/blob/v2/book/90-turn.md#what-it-does-r"),
        ("repository: {url: 'javascript:alert(1)'}", None, None),
        ("[]", None, None),
    ],
)
def test_the_address_comes_from_one_place(
    tmp_path: Path, config: str, site: str | None, address: str | None
) -> None:
    lecture = find_lecture(course(tmp_path, config), "90_turn", site)
    assert (lecture.link("What it does: R")[1] if lecture else None) == address


def test_an_unknown_section_is_the_whole_lecture(tmp_path: Path) -> None:
    lecture = find_lecture(course(tmp_path, REPOSITORY), "90_turn", "https://site.org/x")
    assert lecture is not None
    assert lecture.link("Renamed since") == ("Turning", PAGE)
    assert list(lecture.sections) == ["What it does: R", "Orbits"]
    assert find_lecture(tmp_path, "91_none") is None


@pytest.mark.parametrize("site", ["javascript:alert(1)", "site.org", "https://", "file:///x"])
def test_a_site_is_an_address_of_the_web(tmp_path: Path, site: str) -> None:
    with pytest.raises(CourseError, match="expected the site's address"):
        find_lecture(course(tmp_path, REPOSITORY), "90_turn", site)
