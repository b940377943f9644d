"""Rows of CSV files that a spreadsheet opens: what strangers chose is text, never a formula."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

Row = list[str | int]
# A field that begins with one of these is a formula to Excel, LibreOffice or Sheets, after blanks
# and in full width, too (https://owasp.org/www-community/attacks/CSV_Injection).
STARTS = tuple("=+-@＝＋－＠")


def inert(field: str) -> str:
    r"""Text on one line that no spreadsheet computes.

    An apostrophe in front is what spreadsheets themselves use for "this is text".

    >>> inert('=HYPERLINK("http://x")'), inert("a\nb"), inert("ada-1")
    ('\'=HYPERLINK("http://x")', 'a b', 'ada-1')
    """
    line = "".join(c if c.isprintable() else " " for c in field)
    return "'" + line if line.lstrip().startswith(STARTS) else line


@contextmanager
def writing(path: Path, *, mark: bool = False) -> Iterator[TextIO]:
    """A file to write piece by piece that appears under its name only when it is whole.

    Args:
        path: Its folder is made if missing.
        mark: Begin with a byte-order mark, by which Excel knows UTF-8.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    encoding = "utf-8-sig" if mark else "utf-8"
    with part.open("w", encoding=encoding, errors="backslashreplace", newline="") as file:
        yield file
    os.replace(part, path)


def put(file: TextIO, row: Sequence[str | int]) -> None:
    """Write one row; quotes where needed, as RFC 4180 has it."""
    csv.writer(file).writerow(row)
