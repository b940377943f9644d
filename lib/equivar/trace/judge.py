"""From measured errors to a verdict: who broke it, who inherited it, what is not known."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from equivar.trace.containers import Path, path_text
from equivar.trace.laws import describe
from equivar.trace.record import Call, Key
from equivar.trace.report import (
    BREAKS,
    FED,
    INHERITS,
    OK,
    SKIPPED,
    UNDECLARED,
    Row,
    Trace,
)

__all__ = ["Measurement", "Watched", "verdict"]

BLURRED = 1e-2
"""Noise above this part of the output leaves nothing to compare."""


@dataclass
class Measurement:
    """What one group element showed: the errors of an output, and of the inputs that it came from.

    `fed` is the error of the module's inputs while all before it was exact; None if not known.
    """

    element: str
    error: float
    own: float
    fed: float | None = None
    note: str = ""


@dataclass
class Watched:
    """One returned array and all that was measured of it."""

    call: Call
    path: Path
    law: Any
    note: str
    tolerance: float
    rounding: float = 0.0
    repeat: float = 0.0
    results: list[Measurement] = field(default_factory=list)
    unknown: str = ""

    @property
    def bound(self) -> float:
        """The largest error that passes."""
        return max(self.tolerance, 100 * self.rounding, 10 * self.repeat)

    @property
    def blurred(self) -> str:
        """Why nothing can be seen through the noise; empty if something can."""
        if self.repeat > BLURRED:
            return "two runs with the same seed differ, so it is not deterministic"
        if self.rounding > BLURRED:
            return "rounding alone changes it: it is zero by symmetry, or badly conditioned"
        return ""

    def _array(self) -> list[Tensor]:
        return [x for path, x in self.call.outputs if path == self.path]

    def row(self) -> Row:
        """Its line in the table."""
        error = own = math.nan
        element, status, note = "", OK, self.note
        if self.law is None:
            status = UNDECLARED
        elif self.blurred:
            status, note = SKIPPED, self.blurred
        elif not self.results:
            status, note = SKIPPED, self.unknown or self.note
        else:
            error = max(r.error for r in self.results)
            own = max(r.own for r in self.results)
            worst = max(self.results, key=lambda r: (r.own if own > self.bound else 0.0, r.error))
            element, note = worst.element, worst.note or note
            if error == own == 0 and not any(bool(x.any()) for x in self._array() if x.numel()):
                status, note = SKIPPED, "it is zero, so there is nothing to compare"
            elif own > self.bound:
                status = FED if (worst.fed or 0.0) > self.bound else BREAKS
            elif error > self.bound:
                status = INHERITS
        return Row(
            name=_name(self.call.key),
            call=self.call.key[1],
            path=path_text(self.path),
            kind=type(self.call.module).__name__,
            law=describe(self.law),
            error=error,
            own_error=own,
            noise=max(self.rounding, self.repeat),
            bound=self.bound,
            element=element,
            status=status,
            note=note,
            each=tuple((r.element, r.error, r.own) for r in self.results),
        )


def _name(key: Key | None) -> str:
    return key[0] if key and key[0] else "(model)"


def verdict(watched: list[Watched], elements: list[str], uncalled: list[str]) -> Trace:
    """The table, the first culprit, and the sentence that names it."""
    rows = [w.row() for w in watched]
    silent = [row.label for row in rows if row.status in (UNDECLARED, SKIPPED)]
    for i, (row, w) in enumerate(zip(rows, watched, strict=True)):
        if row.status not in (BREAKS, FED):
            continue
        how = f"relative error {row.own_error:.2g} under the {row.element}"
        limit = f"{row.bound:.0e} is allowed"
        before = _unknown_before(watched[:i], w)
        if row.status == FED:
            culprit = _name(w.call.parent)
            reason = (
                f"{culprit} breaks the symmetry in its own forward: what it feeds to {row.label} "
                f"is already wrong, while all modules before are exact ({how}; {limit})."
            )
        else:
            culprit = row.name
            reason = f"{row.label} ({row.kind}) breaks the symmetry: {how}; {limit}."
        if before:
            reason += f" The fault may also be in {_few(before)}, of unknown law, before it."
        return Trace(tuple(rows), culprit, reason, tuple(elements), tuple(uncalled))
    compared = len(rows) - len(silent)
    reason = f"No module breaks the symmetry, of {compared} arrays under {_few(elements)}."
    if silent:
        reason += f" Not compared: {_few(silent)}."
    return Trace(tuple(rows), None, reason, tuple(elements), tuple(uncalled))


def _unknown_before(before: list[Watched], culprit: Watched) -> list[str]:
    """Modules of unknown law since the last one that was compared: they may be guilty instead."""
    names: list[str] = []
    for w in reversed(before):
        if w.law is not None and w.results and not w.blurred:
            break
        names.insert(0, _name(w.call.key))
    return list(dict.fromkeys(names))


def _few(names: list[str], most: int = 4) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
