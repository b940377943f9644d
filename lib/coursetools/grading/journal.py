"""What grading has found out, on disk: one SQLite file, to which results are only ever added.

A result is there whole or not at all, whatever ends the process or the machine. Earlier results
stay, so that a new seed, a mended check or a second submission leaves a history.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coursetools.errors import CourseError
from coursetools.grading.results import Check, Result

TABLES = """
CREATE TABLE IF NOT EXISTS results (
  id INTEGER PRIMARY KEY, student TEXT NOT NULL, stem TEXT NOT NULL, digest TEXT NOT NULL,
  seed INTEGER NOT NULL, points INTEGER NOT NULL, possible INTEGER NOT NULL,
  graded_at TEXT NOT NULL, result TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_digest ON results (student, stem, digest);
CREATE TABLE IF NOT EXISTS latest (
  student TEXT NOT NULL, stem TEXT NOT NULL, id INTEGER NOT NULL REFERENCES results,
  run INTEGER NOT NULL, PRIMARY KEY (student, stem)) WITHOUT ROWID;
"""


class Journal:
    """The results of one output folder.

    Args:
        path: The file; made if missing.
        last: Look at the last run's results. Otherwise a new run begins, without results.

    Raises:
        CourseError: If the file is no journal.
    """

    def __init__(self, path: Path, last: bool = False) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")  # on the disk when it says so
            self._database.executescript(TABLES)
            (newest,) = self._database.execute("SELECT max(run) FROM latest").fetchone()
        except sqlite3.DatabaseError as error:
            raise CourseError(
                f"{path}: cannot be read as a journal of results ({error}). Move it away to grade "
                "everything afresh"
            ) from None
        self._run = (newest or 0) + (not last)

    def find(self, student: str, stem: str, digest: str) -> int | None:
        """The number of a result made from just this, or None."""
        row = self._database.execute(
            "SELECT max(id) FROM results WHERE student = ? AND stem = ? AND digest = ?",
            (_text(student), stem, digest),
        ).fetchone()
        return None if row is None else row[0]

    def add(self, result: Result, seed: int) -> int:
        """Store a result; it is the latest of its student and exercise."""
        points = sum(check.points for check in result.checks)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        text = json.dumps(asdict(result))
        with closing(self._database.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute(
                "INSERT INTO results (student, stem, digest, seed, points, possible, graded_at, "
                "result) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(_text(result.student), _text(result.stem), result.digest, seed),
                    *(result.points, points, now, text),
                ),
            )
            number = cursor.lastrowid or 0
            self._latest(cursor, result.student, result.stem, number)
            cursor.execute("COMMIT")
        return number

    def use(self, student: str, stem: str, number: int) -> None:
        """Say that an earlier result is the latest of its student and exercise."""
        with closing(self._database.cursor()) as cursor:
            self._latest(cursor, student, stem, number)

    def _latest(self, cursor: sqlite3.Cursor, student: str, stem: str, number: int) -> None:
        cursor.execute(
            "INSERT OR REPLACE INTO latest VALUES (?, ?, ?, ?)",
            (_text(student), _text(stem), number, self._run),
        )

    def read(self, number: int) -> Result:
        """One result by its number."""
        (text,) = self._database.execute(
            "SELECT result FROM results WHERE id = ?", (number,)
        ).fetchone()
        return _result(json.loads(text))

    def results(self) -> Iterator[Result]:
        """The latest result of each student and exercise of this run, sorted; one at a time."""
        rows = self._database.execute(
            "SELECT results.result FROM latest JOIN results USING (id) WHERE run = ? "
            "ORDER BY latest.student, latest.stem",
            (self._run,),
        )
        for (text,) in rows:
            yield _result(json.loads(text))

    def history(self) -> Iterator[tuple[str, str, str, int, int, int]]:
        """Every result ever: student, exercise, when, seed, points, points possible."""
        yield from self._database.execute(
            "SELECT student, stem, graded_at, seed, points, possible FROM results "
            "ORDER BY student, stem, id"
        )

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _text(name: str) -> str:
    """A folder's name may hold bytes that are no UTF-8, which SQLite cannot store."""
    return name.encode("utf-8", "backslashreplace").decode()


def _result(stored: dict[str, Any]) -> Result:
    checks = tuple(map(Check.stored, stored["checks"]))
    return Result(**(stored | {"problems": tuple(stored["problems"]), "checks": checks}))
