"""How many rotations an average needs: random ones, and those of a solid, degree by degree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import torch
import traitlets

from equivar.averaging import averaging_error, solid_rotations
from equivar.rotations import random_rotations
from equivar.widgets.molecule_svg import STILL, still_css
from equivar.widgets.recorded import Recorded, format_error, module, stylesheet

__all__ = ["COUNTS", "LMAX", "RotationAveraging", "shown"]

LMAX = 8
"""The largest degree that is recorded."""

COUNTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 60, 96, 128, 192, 256)
"""How many random rotations there are to choose from."""

SOLIDS = ("tetrahedron", "cube", "icosahedron")
_ARROW = (0.36, 0.48, 0.8)  # on no axis of a solid
_EXACT = 1e-12  # rounding leaves less


def shown(state: dict[str, Any], at: Sequence[int]) -> dict[str, str]:
    """What the page must show at one choice, as text, from the state alone.

    Args:
        state: the widget's state, as in its bundle or in a built page.
        at: 0 for random rotations or 1, 2, 3 for a solid; which of the counts; which draw; and
            the degree.

    Returns:
        Text by the name that the page gives the place where it stands (`data-shown`).
    """
    chosen, count, draw, l = at
    solid = state["solids"][chosen - 1] if chosen else None
    k = len(solid["points"]) if solid else state["counts"][count]
    errors = solid["errors"] if solid else state["draws"][draw]["errors"][count]
    texts = {f"error-{d}": format_error(e) for d, e in enumerate(errors, start=1)}
    chance = state["chance"][chosen - 1] if solid else state["chances"][count]
    return texts | {
        "count": str(k),
        "degree": str(l),
        "error": texts[f"error-{l}"],
        "chance": format_error(chance),
        "exact": str(next((d for d, e in enumerate(errors) if e > 0), LMAX)),
    }


class RotationAveraging(Recorded):
    r"""A sphere with where an arrow goes under some rotations, and what their mean leaves.

    Recorded is $e_l$ of `equivar.averaging.averaging_error` for degrees 1 to 8: for random
    rotations at each count and draw, and for the rotations of three solids. The reader chooses the
    set, the count and the degree. Random rotations are the control in the same chart: what no
    choice of theirs reaches is zero. Make one with `record`.
    """

    _esm = module("rotation_averaging")
    _css = stylesheet("rotation_averaging")

    title = traitlets.Unicode().tag(sync=True)
    counts: traitlets.List[Any] = traitlets.List().tag(sync=True)
    chances: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """One over the root of each count: what chance leaves on average."""
    chance: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """The same for the numbers of rotations of the solids."""
    draws: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """For each: points, of which the first k belong to k rotations, and errors by count."""
    solids: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """For each: name, points, errors of degrees 1 to 8, exactly 0 where rounding is all."""
    at = traitlets.List(traitlets.Int()).tag(sync=True)
    """What is shown: set, count, draw, degree."""

    @classmethod
    def record(
        cls, *, title: str = "How many rotations make an average?", n_draws: int = 5, seed: int = 0
    ) -> RotationAveraging:
        """Draw rotations, collect those of the solids, and measure what each mean leaves.

        Args:
            title: one line above the picture.
            n_draws: how many independent draws to record, 1 to 8.
            seed: of the first draw.

        Returns:
            The widget, at rest at 60 random rotations and degree 3.

        Raises:
            ValueError: a number of draws that is none of these.
        """
        if not 1 <= n_draws <= 8:
            raise ValueError(f"n_draws is {n_draws}; expected 1 to 8: each adds 12 kB to the page")
        draws = []
        for k in range(n_draws):
            R = random_rotations(max(COUNTS), torch.Generator().manual_seed(seed + k))
            errors = [averaging_error(R[:n], LMAX)[1:].tolist() for n in COUNTS]
            draws.append({"points": _points(R), "errors": errors})
        solids = []
        for name in SOLIDS:
            R = solid_rotations(name)
            left = averaging_error(R, LMAX)[1:].tolist()
            exact = [0.0 if e < _EXACT else e for e in left]
            solids.append({"name": name, "points": _points(R), "errors": exact})
        return cls(
            title=title,
            counts=list(COUNTS),
            chances=[n**-0.5 for n in COUNTS],
            chance=[len(s["points"]) ** -0.5 for s in solids],
            draws=draws,
            solids=solids,
            at=[0, COUNTS.index(60), 0, 3],
        )

    def shown(self, at: Sequence[int]) -> dict[str, str]:
        """What the page must show at one choice.

        Args:
            at: 0 for random rotations or 1, 2, 3 for a solid; which count; which draw; the degree.

        Returns:
            Text by place: `count`, `degree`, `error`, `chance`, `exact`, `error-1`, ...
        """
        return shown(self.static_state(), at)

    def alt(self) -> str:
        """What there is to see, with its numbers: how far each solid is exact."""
        exact = [
            f"the {len(s['points'])} of the {s['name']} up to degree "
            f"{self.shown([1 + k, 0, 0, 1])['exact']}"
            for k, s in enumerate(self.solids)
        ]
        left = self.shown(self.at)["error"]
        return (
            f"What an average over rotations leaves of degrees 1 to {LMAX}. Rotations of a solid "
            f"leave nothing: {', '.join(exact)}. 60 random rotations leave {left} of degree 3; "
            "random ones leave one over the root of their number, at each degree."
        )

    def fallback(self) -> str:
        """For each set a sphere with its points, and what is left of each degree beside it."""
        sets = [
            (f"{len(s['points'])}: {s['name']}", s["points"], 1 + k)
            for k, s in enumerate(self.solids)
        ]
        sets.append(("60 random", self.draws[0]["points"][:60], 0))
        parts = []
        for row, (name, points, chosen) in enumerate(sets):
            top = 128 * row
            parts.append(f'<circle class="globe" cx="66" cy="{top + 64}" r="54"/>')
            parts += [
                f'<circle class="m{0 if chosen == 0 else 1}" cx="{66 + 54 * x:.1f}" '
                f'cy="{top + 64 - 54 * y:.1f}" r="{2.6 + 0.8 * z:.1f}" '
                f'opacity="{0.65 + 0.35 * z:.2f}"/>'
                for x, y, z in sorted(points, key=lambda p: p[2])
            ]
            parts.append(f'<text x="140" y="{top + 28}" class="strong">{escape(name)}</text>')
            texts = self.shown([chosen, COUNTS.index(60), 0, 1])
            for l in range(1, LMAX + 1):
                x, y = 140 + 62 * ((l - 1) % 4), top + 54 + 42 * ((l - 1) // 4)
                parts.append(f'<text x="{x}" y="{y}" class="muted">l = {l}</text>')
                parts.append(f'<text x="{x}" y="{y + 18}">{escape(texts[f"error-{l}"])}</text>')
        end = 128 * len(sets)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{STILL}" viewBox="0 0 390 {end}" '
            f'width="390" height="{end}" role="img" aria-label={quoteattr(self.alt())}>'
            f"<style>{still_css()}\n.{STILL} .globe {{fill: none; stroke: var(--eq-grid)}}</style>"
            f"{''.join(parts)}</svg>"
        )


def _points(R: torch.Tensor) -> list[list[float]]:
    """Where each rotation takes the arrow."""
    rows: list[list[float]] = np.round((R @ R.new_tensor(_ARROW)).numpy(), 3).tolist()
    return rows
