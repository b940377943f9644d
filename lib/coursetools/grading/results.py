"""What grading found out about one submission, and how it is kept between two runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Check:
    """What one check said about one submission."""

    name: str
    points: int
    passed: bool
    message: str
    shown: tuple[str, ...] = ()  # the lines that it showed, cut after some

    @classmethod
    def judged(cls, name: str, points: int, outcome: Mapping[str, Any] | None, lost: str) -> Check:
        """What a judge said of it; `lost` is the message if it was not reached."""
        if outcome is None:
            return cls(name, points, False, lost)
        passed = outcome["passed"] is True
        message = "" if passed else str(outcome["message"])
        return cls(name, points, passed, message, tuple(outcome["shown"]))

    @classmethod
    def stored(cls, row: Mapping[str, Any]) -> Check:
        """What was kept as JSON, which knows no tuples."""
        return cls(**{**row, "shown": tuple(row["shown"])})


@dataclass(frozen=True)
class Result:
    """One graded submission: enough to write every report from."""

    student: str
    stem: str
    digest: str
    problems: tuple[str, ...]
    checks: tuple[Check, ...] = ()
    code: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)  # what an answer cell itself raised

    @property
    def points(self) -> int:
        """The points of the checks that passed."""
        return sum(check.points for check in self.checks if check.passed)

    @property
    def unread(self) -> bool:
        """Whether no answer at all could be read, so that no check says anything of an answer."""
        return bool(self.problems) and not self.code


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", errors="backslashreplace")
    os.replace(part, path)
