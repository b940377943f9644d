"""Where the lecture of an exercise set can be read, section by section.

The lecture of `NN_topic` is `book/NN-topic.md`. An answer names its section, in the words of the
lecture's heading, in its cell's header: `role="answer" section="Stabilizers"`. The site's address
comes from one place: the option `--site`, or else `html.baseurl` of `_config.yml`; without both,
links go to the page in the repository that `_config.yml` names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from docutils.nodes import make_id

from coursetools.errors import CourseError

HEADING = re.compile(r"(#{1,4})\s+(.+?)\s*#*\s*")


@dataclass(frozen=True)
class Lecture:
    """One lecture: its title, its address, and the anchor of each section by its heading."""

    title: str
    address: str
    sections: dict[str, str] = field(default_factory=dict)

    def link(self, section: str | None) -> tuple[str, str]:
        """What to read again, and where: the section, or the whole lecture if there is none.

        >>> lecture = Lecture("Groups", "https://here/g.html", {"Orbits": "orbits"})
        >>> lecture.link("Orbits"), lecture.link(None)
        (('Orbits', 'https://here/g.html#orbits'), ('Groups', 'https://here/g.html'))
        """
        if section in self.sections:
            return section, f"{self.address}#{self.sections[section]}"
        return self.title, self.address


def find_lecture(root: Path, stem: str, site: str | None = None) -> Lecture | None:
    """The lecture of an exercise set, or None if there is no such page.

    Args:
        root: The course's folder.
        stem: The set, `NN_topic`.
        site: The address of the built site, if it is not the one in `_config.yml`.

    Raises:
        CourseError: If `site` is no address of the web.
    """
    name = stem.replace("_", "-")
    path = root / "book" / f"{name}.md"
    if not path.is_file():
        return None
    found = _headings(path.read_text(encoding="utf-8"))
    title = found[0][1] if found and found[0][0] == 1 else stem
    base, github = _base(root, site)
    if not base:
        return None
    slug = _github_slug if github else make_id
    sections = {heading: slug(heading) for level, heading in found if level > 1}
    return Lecture(title, f"{base}/book/{name}.{'md' if github else 'html'}", sections)


def _headings(markdown: str) -> list[tuple[int, str]]:
    r"""Level and words of each heading, code left out.

    >>> _headings("# A\n```\n# no\n```\n## B: `c`")
    [(1, 'A'), (2, 'B: c')]
    """
    found = []
    fence = ""
    for line in markdown.splitlines():
        mark = re.match(r"\s*(`{3,}|~{3,})", line)
        if mark:
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        elif not fence and (match := HEADING.fullmatch(line)):
            found.append((len(match[1]), match[2].replace("`", "")))
    return found


def _base(root: Path, site: str | None) -> tuple[str, bool]:
    """The address that pages are below, and whether it is a repository's."""
    if site is not None:
        if not re.match(r"https?://[^\s/]", site):
            raise CourseError(f"--site {site}: expected the site's address, https://...")
        return site.rstrip("/"), False
    path = root / "_config.yml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None
    settings = settings if isinstance(settings, dict) else {}
    base = str((settings.get("html") or {}).get("baseurl") or "")
    if re.match(r"https?://", base):
        return base.rstrip("/"), False
    repository = settings.get("repository") or {}
    url = str(repository.get("url") or "")
    if re.match(r"https?://", url):
        return f"{url.rstrip('/')}/blob/{repository.get('branch') or 'main'}", True
    return "", False


def _github_slug(heading: str) -> str:
    """The anchor that GitHub gives a heading.

    >>> _github_slug("What you allow: a group")
    'what-you-allow-a-group'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
