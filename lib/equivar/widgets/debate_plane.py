"""Who is ahead at equal seconds: error against what an answer costs, and against asymmetry."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import traitlets

from equivar.widgets.molecule_svg import STILL, still_css
from equivar.widgets.recorded import Recorded, format_error, module, stylesheet

__all__ = ["NUMBERS", "DebatePlane", "shown"]

NUMBERS = ("mean", "worst", "symmetry", "answer")
"""What is known of a way at a budget: the error averaged over rotations, that at the worst rotation
found, the symmetry error, and milliseconds for an answer."""

_FLOOR = -16.0  # the power of ten at which a symmetry error counts as rounding
_COLORS = ("orange", "purple", "red", "muted", "blue", "green")


def shown(state: dict[str, Any], at: Sequence[int]) -> dict[str, str]:
    """What the page must show at one choice, as text, from the state alone.

    Args:
        state: the widget's state, as in its bundle or in a built page.
        at: indices of the way and of the budget, and 1 to draw the worst rotation, else 0.

    Returns:
        Text by the name that the page gives the place where it stands (`data-shown`).
    """
    way, budget, _ = at
    texts = {"budget": f"{state['budgets'][budget]:g} s"}
    for place, index in (("way", way), ("control", state["control"])):
        point = state["ways"][index]["points"][budget]
        for name in NUMBERS:
            texts[f"{place}-{name}"] = format_error(point[name]) if point else "–"
        more = 100 * (point["worst"] / point["mean"] - 1) if point else 0
        texts[f"{place}-more"] = f"+{math.floor(abs(more) + 0.5)} %" if point else "–"
    return texts


class DebatePlane(Recorded):
    r"""Ways to tell a network of a symmetry, as points in two planes, at a budget to choose.

    Up is the error. To the right is, in one plane, what an answer costs, and in the other how far
    the network is from symmetric. The error is the mean over rotations, or that at the worst
    rotation that a search found: a switch. One way is the control, whose numbers always stand
    beside those of the chosen one. Make one with `record`.
    """

    _esm = module("debate_plane")
    _css = stylesheet("debate_plane")

    title = traitlets.Unicode().tag(sync=True)
    budgets: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Seconds of training, rising."""
    control = traitlets.Int().tag(sync=True)
    ways: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """For each: name, color, and for each budget a dictionary of numbers, or None."""
    axes = traitlets.Dict().tag(sync=True)
    """Ranges in powers of ten, and ticks: `error`, `answer`, `symmetry`."""
    at = traitlets.List(traitlets.Int()).tag(sync=True)
    """What is shown: way, budget, and 1 for the worst rotation."""

    @classmethod
    def record(
        cls,
        ways: Mapping[str, Mapping[float, Mapping[str, float]]],
        control: str,
        title: str = "Equal seconds: who is ahead, and of what?",
    ) -> DebatePlane:
        """Collect measured numbers; nothing is computed here but the axes.

        Args:
            ways: by name, at most six; for each budget in seconds the numbers `mean`, `worst`,
                `symmetry` and `answer`. A way may lack budgets.
            control: the way that is always shown beside the chosen one.
            title: one line above the planes.

        Returns:
            The widget, at rest at the smallest budget, with the first way that is not the control.

        Raises:
            ValueError: for too few or too many ways, a control that is none of them, numbers that
                are missing, negative or not finite, or a worst error below the mean.
        """
        names = list(ways)
        if control not in ways or not 2 <= len(names) <= len(_COLORS):
            raise ValueError(
                f"control is {control!r} and the ways are {names}; expected the control among "
                f"them, and 2 to {len(_COLORS)} in all"
            )
        budgets = sorted({budget for points in ways.values() for budget in points})
        if not all(ways.values()):
            raise ValueError("there are ways without any budget; expected at least one of each")
        for name, points in ways.items():
            for budget, point in points.items():
                _check(name, budget, point)
        listed: list[dict[str, Any]] = [
            {
                "name": name,
                "color": color,
                "points": [
                    {key: float(points[b][key]) for key in NUMBERS} if b in points else None
                    for b in budgets
                ],
            }
            for (name, points), color in zip(ways.items(), _COLORS, strict=False)
        ]
        chosen = next(i for i, name in enumerate(names) if name != control)
        return cls(
            title=title,
            budgets=[float(b) for b in budgets],
            control=names.index(control),
            ways=listed,
            axes=_axes([p for way in listed for p in way["points"] if p]),
            at=[chosen, 0, 0],
        )

    def shown(self, at: Sequence[int]) -> dict[str, str]:
        """What the page must show at one choice.

        Args:
            at: indices of the way and of the budget, and 1 to draw the worst rotation, else 0.

        Returns:
            Text by place: `budget`, and for `way` and `control` each of `NUMBERS` and `more`.
        """
        return shown(self.static_state(), at)

    def alt(self) -> str:
        """What there is to see, with its numbers: the errors at the smallest and largest budget."""
        parts = []
        for i in (0, len(self.budgets) - 1):
            said = [
                f"{way['name']} {format_error(way['points'][i]['mean'])}"
                for way in self.ways
                if way["points"][i]
            ]
            parts.append(f"after {self.budgets[i]:g} s: {', '.join(said)}")
        return f"Error of {len(self.ways)} ways at equal seconds; " + "; ".join(parts) + "."

    def fallback(self) -> str:
        """The errors of each way at each budget, as a picture with its numbers."""
        width = 96 + 62 * len(self.budgets)
        parts = ['<text x="8" y="20" class="muted">seconds</text>']
        for k, budget in enumerate(self.budgets):
            parts.append(f'<text x="{104 + 62 * k}" y="20" class="strong">{budget:g}</text>')
        for row, way in enumerate(self.ways):
            y, color = 52 + 28 * row, f'style="fill: var(--eq-{way["color"]})"'
            parts.append(f'<text x="8" y="{y}" {color}>{escape(way["name"])}</text>')
            for k, point in enumerate(way["points"]):
                text = format_error(point["mean"]) if point else "–"
                parts.append(f'<text x="{104 + 62 * k}" y="{y}">{text}</text>')
        height = 48 + 28 * len(self.ways)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{STILL}" '
            f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
            f"aria-label={quoteattr(self.alt())}><style>{still_css()}</style>{''.join(parts)}</svg>"
        )


def _check(name: str, budget: float, point: Mapping[str, float]) -> None:
    where = f"{name!r} at {budget:g} s"
    if missing := [key for key in NUMBERS if key not in point]:
        raise ValueError(f"{where} says nothing of {missing}; expected all of {list(NUMBERS)}")
    for key in NUMBERS:
        least = 0 if key == "symmetry" else 1e-12
        if not least <= point[key] < math.inf:
            raise ValueError(
                f"{key} of {where} is {point[key]}; expected a finite number above 0 (a symmetry "
                "error may be 0), as it lies on a logarithmic axis"
            )
    if point["worst"] < 0.999 * point["mean"]:
        raise ValueError(
            f"{where}: the worst error, {point['worst']}, is below the mean, {point['mean']}; were "
            "they taken over the same molecules?"
        )


def _axes(points: list[dict[str, float]]) -> dict[str, Any]:
    """Ranges and ticks for all that will ever be shown, so that nothing jumps."""
    errors = [math.log10(p[key]) for p in points for key in ("mean", "worst")]
    answers = [math.log10(p["answer"]) for p in points]
    ticks = [m * 10.0**k for k in range(-6, 7) for m in (1, 2, 5)]

    def between(low: float, high: float, some: list[float]) -> list[list[Any]]:
        return [[math.log10(t), f"{t:g}"] for t in some if low <= math.log10(t) <= high]

    error = (min(errors) - 0.08, max(errors) + 0.08)
    answer = (min(answers) - 0.2, max(answers) + 0.2)
    right = max(-0.9, *(math.log10(p["symmetry"] or 1e-16) + 0.4 for p in points))
    named: list[tuple[float, str]] = [
        (_FLOOR, "rounding"),
        (-3.0, "0.001"),
        (-2.0, "0.01"),
        (-1.0, "0.1"),
    ]
    return {
        "error": list(error),
        "error_ticks": between(*error, ticks),
        "answer": list(answer),
        "answer_ticks": between(*answer, [10.0**k for k in range(-6, 7)]),
        "symmetry": [-5.0, right],  # exact ways stand at the left end, beyond a gap
        "symmetry_ticks": [[max(x, -5.0), text] for x, text in named if x <= right],
    }
