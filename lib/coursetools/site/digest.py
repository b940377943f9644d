"""Digests of files: what a built page depends on besides its own text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

SUFFIXES = {".py", ".js", ".css", ".json", ".npz", ".svg", ".html", ".txt", ".yml", ".md", ".toml"}

SITE_PACKAGE = Path(__file__).resolve().parent
LIB = SITE_PACKAGE.parent.parent


def digest(paths: Iterable[Path]) -> str:
    """Digest of files and folders that changes when a file is edited, added, removed or renamed.

    Modification times are left out: a fresh clone has new ones for old contents.

    Args:
        paths: files, or folders that are walked for the suffixes in ``SUFFIXES``; a path that
            does not exist counts as an empty folder.

    Returns:
        16 hexadecimal digits.
    """
    result = hashlib.sha256()
    for path in paths:
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            if file.suffix not in SUFFIXES or not file.is_file() or "__pycache__" in file.parts:
                continue
            name = file.name if file == path else file.relative_to(path).as_posix()
            result.update(f"{name}\0{file.stat().st_size}\0".encode())
            result.update(file.read_bytes())
    return result.hexdigest()[:16]


def library_digest(root: Path, library: Path | None = None) -> str:
    """Digest of what the cells of a page read: the library, experiments, their results, packages.

    Args:
        root: folder that holds ``requirements.txt`` and ``book``.
        library: the library's folder; None takes the ``equivar`` beside this package.
    """
    book = [root / "book" / "results", root / "book" / "experiments"]
    shown = [LIB / "coursetools" / "benchmarks.py", root / "requirements.txt"]
    return digest([library or LIB / "equivar", *shown, *book])


def machinery_digest() -> str:
    """Digest of this package: the directives, renderers, templates and assets of the site."""
    return digest([SITE_PACKAGE])


def source_digest(root: Path) -> str:
    """Digest of everything that the built site depends on, pages included.

    Args:
        root: folder that holds ``_config.yml`` and ``_toc.yml``.
    """
    pages = digest([root / "book", root / "_config.yml", root / "_toc.yml"])
    return f"{library_digest(root)}-{machinery_digest()}-{pages}"
