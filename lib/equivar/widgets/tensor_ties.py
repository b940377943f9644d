"""Choose a crystal class, and see which components of its tensors are tied to which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import traitlets

from equivar.data import CRYSTAL_CLASSES, crystal_class
from equivar.widgets.molecule_svg import STILL, still_css
from equivar.widgets.recorded import Recorded, format_error, module, stylesheet
from equivar.widgets.tensor_patterns import GLASS, PAIRS, TENSORS, measure, pattern

__all__ = ["TensorTies", "shown"]

_TONES = ("blue", "orange", "green", "red", "purple")
_SYSTEMS = ("C1", "C2h", "D2h", "D4h", "D3d", "D6h", "Oh", GLASS)  # each system at its fullest


def shown(state: dict[str, Any], at: Sequence[int]) -> dict[str, str]:
    """What the page must show for one group, tensor, view and component, from the state alone.

    Args:
        state: the widget's state, as in its bundle or in a built page.
        at: indices of group and tensor; 1 for all components, 0 for the short table; a component.

    Returns:
        Text by the name that the page gives the place where it stands (`data-shown`), and the
        labels of all visible components, row after row, as `labels`, joined by spaces.
    """
    g, k, whole, i = at
    group, tensor = state["groups"][g], state["tensors"][k]
    found = state["patterns"][group["patterns"][k]]
    term = found["terms"][found["cells"][i]]
    columns = len(PAIRS)
    rows, width = (len(tensor["rows"]), columns) if whole else tensor["table"]
    visible = [r * columns + c for r in range(rows) for c in range(width)]
    labels = [found["terms"][found["cells"][j]]["label"] or "·" for j in visible]
    return {
        "group": f"{group['symbol']} ({group['international']}), {group['system']}",
        "elements": group["elements"],
        "free": str(found["free"]),
        "total": f"of {len(tensor['names'])} components",
        "component": tensor["names"][i],
        "value": term["text"],
        "said": term["said"],
        "tied": group["errors"][k],
        "loose": group["controls"][k],
        "labels": " ".join(labels),
    }


class TensorTies(Recorded):
    """The components of a tensor as a grid, tied together by the symmetry of a crystal.

    Equal constants have one number and one color, an opposite sign is hollow, a combination has a
    dashed edge, zero is a dot. Beside it stand the number of free constants, and how far a random
    tensor with these ties is from being fixed by the group; the control is one without ties. All
    is Python's null space, for 32 crystal classes and glass. Make one with `record`.
    """

    _esm = module("tensor_ties")
    _css = stylesheet("tensor_ties")

    title = traitlets.Unicode().tag(sync=True)
    groups: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """For each: names, number of elements, its pattern, error and control for each tensor."""
    tensors: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """For each: name, law, names of rows, columns and components, size of the short table."""
    patterns: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """As `tensor_patterns.pattern` returns them, each once."""
    at = traitlets.List(traitlets.Int()).tag(sync=True)
    """What is shown: indices of group and tensor, 1 for all components, a component."""

    @classmethod
    def record(cls, *, title: str = "What symmetry leaves free") -> TensorTies:
        """Solve for the tensors of all groups.

        Args:
            title: one line above the picture.

        Returns:
            The widget, at the elastic table of a crystal without symmetry.
        """
        patterns: list[dict[str, Any]] = []
        groups = []
        for symbol in (*CRYSTAL_CLASSES, GLASS):
            places, errors, controls = [], [], []
            for kind in TENSORS:
                found, echelon = pattern(kind, symbol)
                if found not in patterns:
                    patterns.append(found)
                places.append(patterns.index(found))
                tied, loose = measure(kind, symbol, echelon)
                errors.append("nothing is left" if tied < 0 else format_error(tied))
                controls.append(format_error(loose))
            groups.append(
                _names(symbol) | {"patterns": places, "errors": errors, "controls": controls}
            )
        tensors = [
            {
                "name": kind.name,
                "law": kind.law,
                "rows": ["".join(str(n + 1) for n in row) for row in kind.rows],
                "columns": ["".join(str(n + 1) for n in pair) for pair in PAIRS],
                "table": list(kind.table),
                "names": [
                    kind.letter + "".join(str(n + 1) for n in index) for index in kind.indices()
                ],
            }
            for kind in TENSORS
        ]
        return cls(title=title, groups=groups, tensors=tensors, patterns=patterns, at=[0, 0, 0, 0])

    def shown(self, at: Sequence[int]) -> dict[str, str]:
        """What the page must show for one group, tensor, view and component.

        Args:
            at: indices of group and tensor, 1 for all components, and a component.

        Returns:
            Text by place, and the labels in the grid.
        """
        return shown(self.static_state(), at)

    def count(self, symbol: str, tensor: str) -> int:
        """How many constants a group leaves free.

        Args:
            symbol: of a crystal class, or "O(3)".
            tensor: its name on the page.

        Returns:
            The number.
        """
        k = [t["name"] for t in self.tensors].index(tensor)
        group = next(g for g in self.groups if g["symbol"] == symbol)
        return int(self.patterns[group["patterns"][k]]["free"])

    def alt(self) -> str:
        """What there is to see, with its numbers: constants left from system to system."""
        said = [
            f"{_names(symbol)['system']} {self.count(symbol, 'Elastic')}" for symbol in _SYSTEMS
        ]
        some = sum(self.count(symbol, "Piezoelectric") > 0 for symbol in CRYSTAL_CLASSES)
        return (
            "The 81 components of the elastic tensor, tied together by the symmetry of a crystal. "
            f"Constants left free: {', '.join(said)}. "
            f"The piezoelectric tensor is not zero in {some} of {len(CRYSTAL_CLASSES)} classes."
        )

    def fallback(self) -> str:
        """The elastic table of each crystal system, with its number of constants."""
        state = self.static_state()
        parts = []
        for n, symbol in enumerate(_SYSTEMS):
            g = [group["symbol"] for group in self.groups].index(symbol)
            found = state["patterns"][self.groups[g]["patterns"][0]]
            x, y = 14 + 188 * (n % 2), 24 + 176 * (n // 2)
            head = f"{_names(symbol)['system']}: {found['free']}"
            parts.append(f'<text x="{x}" y="{y}" class="strong">{escape(head)}</text>')
            for r in range(6):
                for c in range(6):
                    term = found["terms"][found["cells"][r * len(PAIRS) + c]]
                    parts.append(_still_cell(term, x + 28 * c, y + 8 + 22 * r))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{STILL}" viewBox="0 0 390 700" '
            f'width="390" height="700" role="img" aria-label={quoteattr(self.alt())}>'
            f"<style>{still_css()}</style>{''.join(parts)}</svg>"
        )


def _still_cell(term: dict[str, Any], x: int, y: int) -> str:
    if term["sign"] == 0:
        return f'<circle cx="{x + 13}" cy="{y + 10}" r="1.5" class="muted"/>'
    tone = f"var(--eq-{'muted' if term['color'] < 0 else _TONES[term['color']]})"
    dash = ' stroke-dasharray="3 2"' if term["mix"] else ""
    hollow = term["sign"] < 0 or term["mix"]
    style = f"fill:{'none' if hollow else tone};stroke:{tone}"
    ink = "var(--eq-ink)" if hollow else "var(--eq-paper)"
    return (
        f'<rect x="{x}" y="{y}" width="26" height="20" rx="3" style="{style}"{dash}/>'
        f'<text x="{x + 13}" y="{y + 14}" text-anchor="middle" font-size="11" '
        f'style="fill:{ink}">{escape(term["label"])}</text>'
    )


def _names(symbol: str) -> dict[str, str]:
    if symbol == GLASS:
        return {
            **{"symbol": GLASS, "international": "∞∞m", "system": "glass"},
            "elements": "infinitely many elements",
        }
    crystal = crystal_class(symbol)
    n = len(crystal.matrices)
    return {
        **{"symbol": symbol, "international": crystal.international, "system": crystal.system},
        "elements": f"{n} element{'s' if n > 1 else ''}",
    }
