"""What a trace found: one row for each array that a module returned, and the culprit."""

from __future__ import annotations

import html
from dataclasses import dataclass

__all__ = ["Row", "Trace"]

OK, BREAKS, FED, INHERITS = "ok", "breaks it", "broken input", "inherits"
UNDECLARED, SKIPPED = "not declared", "not compared"


@dataclass(frozen=True)
class Row:
    """One array that one call of a module returned.

    Attributes:
        name: the module's, as in `model.named_modules()`; the model itself is "(model)".
        call: 1 for a module's first call, 2 for its second, ...
        path: which part of the output, "" when it is the output.
        kind: the module's class.
        law: how the array moves, or "not declared".
        error: relative error of f(g x) against g f(x), largest over the elements; nan if unknown.
        own_error: the same when all that came before is made exact: what is created here.
        noise: relative change when inputs change in their last digit, or in a second run.
        bound: the largest error that passes.
        element: the group element of the largest error.
        status: "ok", "breaks it", "broken input" (the code that feeds it is guilty), "inherits"
            (the error comes from before), "not declared" or "not compared".
        note: why, where there is something to say.
        each: for each group element its name, the error and the own error.
    """

    name: str
    call: int
    path: str
    kind: str
    law: str
    error: float
    own_error: float
    noise: float
    bound: float
    element: str
    status: str
    note: str = ""
    each: tuple[tuple[str, float, float], ...] = ()

    @property
    def label(self) -> str:
        """Name, path and, from the second call on, which call."""
        return f"{self.name}{self.path}{f' (call {self.call})' if self.call > 1 else ''}"


@dataclass(frozen=True)
class Trace:
    """Where a model's symmetry breaks, layer by layer.

    Attributes:
        rows: in the order in which the modules finished.
        culprit: the name of the first module that breaks the symmetry, or None. "(model)" is the
            model's own forward, outside its submodules.
        reason: in words.
        elements: the names of the group elements tried.
        uncalled: modules that never ran, of which nothing is known.
    """

    rows: tuple[Row, ...]
    culprit: str | None
    reason: str
    elements: tuple[str, ...]
    uncalled: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing that was compared differs by more than rounding."""
        return not any(row.status in (BREAKS, FED, INHERITS) for row in self.rows)

    def _cells(self) -> list[list[str]]:
        cells = [["module", "type", "law", "error", "own error", "worst under", "verdict"]]
        for row in self.rows:
            numbers = [_number(row.error), _number(row.own_error)]
            cells.append([row.label, row.kind, row.law, *numbers, row.element, row.status])
        return cells

    def _notes(self) -> list[str]:
        notes = [f"{row.label}: {row.note}." for row in self.rows if row.note]
        if self.uncalled:
            notes.append(f"Never called: {', '.join(self.uncalled)}.")
        return list(dict.fromkeys(notes))

    def __str__(self) -> str:
        cells = [[_short(text) for text in line] for line in self._cells()]
        widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
        cells.insert(1, ["-" * width for width in widths])
        lines = ["  ".join(t.ljust(w) for t, w in zip(c, widths, strict=True)) for c in cells]
        return "\n".join([self.reason, "", *(line.rstrip() for line in lines), *self._notes()])

    def _repr_html_(self) -> str:
        head, *body = self._cells()
        rows = ["<tr>" + "".join(f"<th>{html.escape(t)}</th>" for t in head) + "</tr>"]
        for line in body:
            mark = "strong" if line[-1] in (BREAKS, FED) else "span"
            cells = "".join(f"<td><{mark}>{html.escape(t)}</{mark}></td>" for t in line)
            rows.append(f"<tr>{cells}</tr>")
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self._notes())
        return f"<p>{html.escape(self.reason)}</p><table>{''.join(rows)}</table>{notes}"


def _number(value: float) -> str:
    return "" if value != value else "0" if value == 0 else f"{value:.1e}"


def _short(text: str, width: int = 34) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
