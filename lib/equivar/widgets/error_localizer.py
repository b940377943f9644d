"""Break a network with switches, and see in which of its modules the symmetry is lost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import torch
import traitlets
from torch import Tensor

from equivar._shapes import Float, Int
from equivar.rotations import random_rotations
from equivar.trace import Law, Motion, Trace, trace_equivariance
from equivar.widgets.breakable import SWITCHES, Breakable
from equivar.widgets.molecule_svg import STILL, still_css
from equivar.widgets.recorded import Recorded, module, stylesheet

__all__ = ["ErrorLocalizer", "shown"]

_LAWS = ("labels", "positions", "indices", "indices")
_FLOOR, _TOP = -17, 1  # powers of ten at the ends of the axis
_MODULES = {  # and what each does, for the reader
    "embed": "elements become scalars",
    "edges": "vectors from atom to atom",
    "harmonics": "their directions and lengths",
    "conv_1": "each atom looks at its neighbors",
    "mix": "channels of one irrep mix",
    "norm": "features get size one",
    "gate": "the nonlinearity",
    "conv_2": "atoms look once more",
    "readout": "a vector for each atom",
    "(model)": "the mean over atoms: the answer",
}
_SAID = {
    "ok": "What it returns turns as its law says.",
    "breaks it": "Fed with exact inputs, it still returns a wrong answer: the fault is here.",
    "inherits": "Fed with exact inputs, it is exact. It only passes on what came before.",
}


def shown(state: dict[str, Any], at: Sequence[int]) -> dict[str, str]:
    """What the page must show for some switches, one element and one module, from the state alone.

    Args:
        state: the widget's state, as in its bundle or in a built page.
        at: the switches that are on, as a sum of 1, 2, 4, 8; indices of the element and the module.

    Returns:
        Text by the name that the page gives the place where it stands (`data-shown`), and both
        errors of all modules, joined by spaces, as `errors` and `owns`.
    """
    mask, g, k = at
    record, control = state["records"][mask][g], state["records"][0][g]
    return {
        "verdict": record["verdict"],
        "element": state["elements"][g]["said"],
        "whole": record["errors"][-1],
        "control": control["errors"][-1],
        "module": state["modules"][k]["name"],
        "kind": state["kinds"][mask][k],
        "law": state["modules"][k]["law"],
        "error": record["errors"][k],
        "own": record["owns"][k],
        "said": _SAID[record["statuses"][k]],
        "errors": " ".join(record["errors"]),
        "owns": " ".join(record["owns"]),
    }


class ErrorLocalizer(Recorded):
    """A network module by module, four switches that break it, and six group elements to ask.

    For each combination of switches and each element, `trace_equivariance` measured two errors of
    each module: the error of what it returns, and its own error, with everything before it made
    exact. The control is the network with all switches off. Make one with `record`.
    """

    _esm = module("error_localizer")
    _css = stylesheet("error_localizer")

    title = traitlets.Unicode().tag(sync=True)
    switches: traitlets.List[Any] = traitlets.List().tag(sync=True)
    elements: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """For each: its name on a button, and what it does, in words."""
    modules: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """For each: name, what it does, law."""
    kinds: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """For each combination of switches, the class of each module."""
    records: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """For each combination and element: errors, own errors, statuses, verdict."""
    said = traitlets.Dict(_SAID).tag(sync=True)
    axis: traitlets.List[Any] = traitlets.List([_FLOOR, _TOP]).tag(sync=True)
    at = traitlets.List(traitlets.Int()).tag(sync=True)
    """Switches as a sum of powers of two, element, module."""

    @classmethod
    def record(
        cls,
        numbers: Int[Tensor, " n"],
        positions: Float[Tensor, "n 3"],
        *,
        title: str = "Break it, and find where",
    ) -> ErrorLocalizer:
        """Trace the network for all combinations of switches and all elements.

        Args:
            numbers: (n,) atomic numbers among 1, 6, 8.
            positions: (n, 3) in angstrom, in float64.
            title: one line above the picture.

        Returns:
            The widget, with nothing broken, asked about a rotation.

        Raises:
            ValueError: positions of another type than float64, in which rounding is 1e-16.
        """
        if positions.dtype != torch.float64:
            raise ValueError(f"positions are {positions.dtype}; expected float64")
        n = len(positions)
        target, source = torch.cartesian_prod(torch.arange(n), torch.arange(n)).T
        apart = source != target
        inputs = (numbers, positions, source[apart], target[apart])
        records, kinds, modules = [], [], []
        elements = _elements(n)
        irreps = Breakable(positions).harmonics.irreps_out
        laws = {"edges": Law("1o", rows="edges"), "harmonics": Law(irreps, rows="edges")}
        for on in product((False, True), repeat=len(SWITCHES)):
            # The first switch is the lowest bit, so it has to vary fastest.
            broken = tuple(s for s, is_on in zip(SWITCHES, reversed(on), strict=True) if is_on)
            net = Breakable(positions, broken)
            trace = trace_equivariance(
                net, inputs, _LAWS, [m for m, _ in elements], laws=laws, law_out="1o"
            )
            records.append([_record(trace, g) for g in range(len(elements))])
            rows = {row.name: row for row in trace.rows}
            kinds.append([rows[name].kind for name in _MODULES])
            modules = [
                {"name": name, "does": does, "law": rows[name].law.partition(" (")[0]}
                for name, does in _MODULES.items()
            ]
        return cls(
            title=title,
            switches=list(SWITCHES),
            elements=[{"name": motion.name, "said": said} for motion, said in elements],
            modules=modules,
            kinds=kinds,
            records=records,
            at=[0, 0, len(modules) - 1],
        )

    def shown(self, at: Sequence[int]) -> dict[str, str]:
        """What the page must show for some switches, one element and one module.

        Args:
            at: switches as a sum of powers of two; indices of element and module.

        Returns:
            Text by place, and both errors of all modules.
        """
        return shown(self.static_state(), at)

    def alt(self) -> str:
        """What there is to see, with its numbers: each switch alone, asked about a rotation."""
        said = [
            f"with {name} by {self.records[1 << i][0]['errors'][-1]}, "
            f"{self.records[1 << i][0]['verdict']}"
            for i, name in enumerate(self.switches)
        ]
        return (
            f"A network of {len(self.modules) - 1} modules and the error of each after a rotation. "
            f"As it is, the answer is off by {self.records[0][0]['errors'][-1]}; "
            f"{'; '.join(said)}."
        )

    def fallback(self) -> str:
        """Both errors of each module under a rotation, for each switch alone."""
        parts = []
        for i, name in enumerate(self.switches):
            record, top = self.records[1 << i][0], 26 + 186 * i
            parts.append(f'<text x="8" y="{top}" class="strong">{escape(name)}</text>')
            for k, row in enumerate(self.modules):
                y = top + 20 + 16 * k
                broken = record["statuses"][k] == "breaks it"
                tone = "m0" if record["statuses"][k] != "ok" else "m1"
                xs = [_across(record[which][k]) for which in ("owns", "errors")]
                parts.append(
                    f'<text x="8" y="{y}" font-size="12" class="{"m0 strong" if broken else ""}">'
                    f"{escape(row['name'])}</text>"
                    f'<path class="rule" d="M{_across("0"):.0f} {y - 4}H380"/>'
                    f'<circle cx="{xs[0]:.1f}" cy="{y - 4}" r="4" fill="none" '
                    f'style="fill:none;stroke:var(--eq-ink)"/>'
                    f'<circle cx="{xs[1]:.1f}" cy="{y - 4}" r="4" class="{tone}"/>'
                )
        foot = "dot: error; ring: own error; from 1e-17 to 10"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{STILL}" viewBox="0 0 390 770" '
            f'width="390" height="770" role="img" aria-label={quoteattr(self.alt())}>'
            f"<style>{still_css()}</style>{''.join(parts)}"
            f'<text x="8" y="762" class="muted">{foot}</text></svg>'
        )


def _elements(n: int) -> list[tuple[Motion, str]]:
    """What a network is asked: some see a fault that others miss."""
    generator = torch.Generator().manual_seed(0)
    R = random_rotations(1, generator=generator)[0].double()
    eye = torch.eye(3, dtype=torch.float64)
    shift = torch.tensor([1.4, -1.0, 0.6], dtype=torch.float64)
    order = torch.randperm(n, generator=generator)
    return [
        (Motion(R, name="rotation"), "A rotation by a random angle about a random axis."),
        (Motion(eye.roll(1, 0), name="x → y → z"), "A third of a turn: the axes trade places."),
        (
            Motion(torch.diag(eye[0] * 2 - 1), name="half turn"),
            "Half a turn about x: y and z change their signs.",
        ),
        (Motion(-eye, name="inversion"), "Inversion: all vectors change their signs."),
        (Motion(translation=shift, name="shift"), "A shift: vectors between atoms stay."),
        (Motion(nodes=order, name="new order"), "The same atoms, in another order."),
    ]


def _record(trace: Trace, g: int) -> dict[str, Any]:
    """Errors of all modules under one element, and who is guilty."""
    rows = {row.name: row for row in trace.rows}
    errors, owns, statuses = [], [], []
    for name in _MODULES:
        row = rows[name]
        _, error, own = row.each[g]
        errors.append(_text(error))
        owns.append(_text(own))
        is_fault, is_wrong = own > row.bound, error > row.bound
        statuses.append("breaks it" if is_fault else "inherits" if is_wrong else "ok")
    guilty = [n for n, status in zip(_MODULES, statuses, strict=True) if status == "breaks it"]
    return {
        "errors": errors,
        "owns": owns,
        "statuses": statuses,
        "verdict": f"fault in {', '.join(guilty)}" if guilty else "no fault seen",
    }


def _text(error: float) -> str:
    """Two digits of what matters, the power of ten of what is rounding.

    >>> [_text(v) for v in (0.0, 1.234, 0.0456, 3.2e-16)]
    ['0', '1.2', '0.046', '3e-16']
    """
    return "0" if error == 0 else f"{error:.2g}" if error >= 1e-3 else f"{error:.0e}"


def _across(text: str) -> float:
    power = math.log10(max(float(text), 10.0**_FLOOR))
    return 90 + 290 * (power - _FLOOR) / (_TOP - _FLOOR)
