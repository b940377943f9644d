"""Pick a road to a symmetry, turn the input, and see both errors: recorded about one axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import torch
import traitlets
from torch import Tensor

from equivar._shapes import Float, Int
from equivar.rotations import rotation_3d
from equivar.widgets.molecule_svg import STILL, element, still_css
from equivar.widgets.recorded import Recorded, format_error, format_fixed, module, stylesheet
from equivar.widgets.recording import EnergyModel, ask, check_experiment

__all__ = ["FourRoads", "shown"]

_STEP = 5  # degrees between recorded rotations, so that quarter turns are among them
_COLORS = {
    "none": "muted",
    "loss": "orange",
    "frame": "purple",
    "architecture": "green",
    "representation": "blue",
}
_FLOOR = -16  # the power of ten at which a symmetry error counts as rounding


def shown(state: dict[str, Any], at: Sequence[int]) -> dict[str, str]:
    """What the page must show for one road at one recorded rotation, from the state alone.

    Args:
        state: the widget's state, as in its bundle or in a built page.
        at: indices of the road and of the angle, and 1 for the inverted cloud, else 0.

    Returns:
        Text by the name that the page gives the place where it stands (`data-shown`).
    """
    road, angle, mirror = at
    degrees = angle * state["step"] - 180
    texts = {"angle": f"{format_fixed(float(degrees), 0)}°"}
    for place, index in (("road", road), ("control", state["control"])):
        chosen = state["roads"][index]
        texts[f"{place}-answer"] = format_fixed(chosen["answers"][mirror][angle], 2)
        texts[f"{place}-error"] = format_error(chosen["errors"][mirror][angle])
        texts[f"{place}-nmse"] = format_error(chosen["nmse"])
        texts[f"{place}-symmetry"] = format_error(chosen["symmetry"])
    return texts


class FourRoads(Recorded):
    r"""A cloud to turn, a road to choose, and all roads in one picture of two errors.

    For each road the answer is recorded at rotations about the vertical axis, 5 degrees apart, of
    the cloud and of its inversion. Beside it stand two numbers over a whole test set: the symmetry
    error, and the error against the truth. Make one with `record`.
    """

    _esm = module("four_roads")
    _css = stylesheet("four_roads")

    title = traitlets.Unicode().tag(sync=True)
    step = traitlets.Int(_STEP).tag(sync=True)
    reference = traitlets.Float().tag(sync=True)
    """The true answer, the same at each rotation."""
    control = traitlets.Int().tag(sync=True)
    """Which road is shown beside the chosen one."""
    roads: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """For each: name, kind, color, answers and errors (2, angles), symmetry error and nMSE."""
    symbols: traitlets.List[Any] = traitlets.List().tag(sync=True)
    radii: traitlets.List[Any] = traitlets.List().tag(sync=True)
    positions: traitlets.List[Any] = traitlets.List().tag(sync=True)
    bonds: traitlets.List[Any] = traitlets.List().tag(sync=True)
    axes = traitlets.Dict().tag(sync=True)
    """Ranges and ticks: `answer`, linear; `symmetry` and `nmse`, powers of ten."""
    at = traitlets.List(traitlets.Int()).tag(sync=True)
    """Road, angle (index from -180 degrees) and 1 if inverted."""

    @classmethod
    def record(
        cls,
        positions: Float[Tensor, "n 3"],
        numbers: Int[Tensor, " n"],
        bonds: Int[Tensor, "m 2"],
        models: dict[str, EnergyModel],
        *,
        errors: dict[str, tuple[float, float]],
        kinds: dict[str, str],
        reference: float,
        control: str,
        title: str = "One cloud, and a road to choose",
    ) -> FourRoads:
        """Ask each model about the cloud at every recorded rotation, and about its inversions.

        Args:
            positions: (n, 3), held as in the training, in the type that the models expect.
            numbers: (n,), atomic numbers; they decide colors and sizes alone.
            bonds: (m, 2), pairs of points to draw a stick between.
            models: by name; each takes positions (b, n, 3) and returns answers (b,).
            errors: for each model its symmetry error and its nMSE, over a test set.
            kinds: for each model "none", "loss", "frame", "representation" or "architecture".
            reference: the true answer.
            control: the name of the model that is told nothing.
            title: one line above the cloud.

        Returns:
            The widget, at rest at the identity, with the first road that is not the control.

        Raises:
            ValueError: for names that do not agree, an unknown kind or control, shapes that do not
                fit, errors that are negative or not finite, or answers that are not finite.
        """
        names = list(models)
        if control not in models or len(names) < 2:
            raise ValueError(
                f"control is {control!r} and the models are {names}; expected the control among "
                "them, and another to compare it with"
            )
        check_experiment(positions, numbers, bonds, {control: models[control]}, 1.0)
        _check_names(names, errors, kinds)
        centered = positions - positions.mean(dim=0)
        angles = torch.arange(-180, 181, _STEP, dtype=torch.float64)
        up = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
        R = rotation_3d(up, torch.deg2rad(angles))
        batch = centered.to(torch.float64) @ torch.cat([R, -R]).mT
        home = len(angles) // 2
        roads = []
        for name, model in models.items():
            y = ask(name, model, batch.to(positions.dtype)).reshape(2, -1)
            off = np.abs(y - y[0, home])
            symmetry, nmse = errors[name]
            roads.append(
                {
                    "name": name,
                    "kind": kinds[name],
                    "color": _COLORS[kinds[name]],
                    "answers": np.round(y, 4).tolist(),
                    "errors": [[float(f"{v:.3g}") for v in row] for row in off],
                    "symmetry": float(symmetry),
                    "nmse": float(nmse),
                }
            )
        drawn = [element(int(z)) for z in numbers]
        first = next(i for i, name in enumerate(names) if name != control)
        return cls(
            title=title,
            reference=float(reference),
            control=names.index(control),
            roads=roads,
            symbols=[symbol for symbol, _ in drawn],
            radii=[radius for _, radius in drawn],
            positions=np.round(centered.to(torch.float64).numpy(), 4).tolist(),
            bonds=bonds.tolist(),
            axes=_axes(roads, float(reference)),
            at=[first, home, 0],
        )

    def shown(self, at: Sequence[int]) -> dict[str, str]:
        """What the page must show for one road at one recorded rotation.

        Args:
            at: indices of the road and of the angle, and 1 for the inverted cloud, else 0.

        Returns:
            Text by place: `angle`, `road-answer`, `road-error`, `road-nmse`, `road-symmetry`, and
            the same for `control`.
        """
        return shown(self.static_state(), at)

    def alt(self) -> str:
        """What there is to see, with its numbers: both errors of each road."""
        said = [
            f"{road['name']}: symmetry error {format_error(road['symmetry'])}, "
            f"nMSE {format_error(road['nmse'])}"
            for road in self.roads
        ]
        return f"{len(said)} roads to a symmetry, on turned test clouds. " + "; ".join(said) + "."

    def fallback(self) -> str:
        """The picture of both errors, a dot and a name for each road."""
        axes = self.axes

        def place(road: dict[str, Any]) -> tuple[float, float]:
            x, y = math.log10(max(road["symmetry"], 10.0**_FLOOR)), math.log10(road["nmse"])
            (x0, x1), (y0, y1) = axes["symmetry"], axes["nmse"]
            return 60 + 300 * (x - x0) / (x1 - x0), 250 - 220 * (y - y0) / (y1 - y0)

        parts = []
        for road in self.roads:
            x, y = place(road)
            side = 'text-anchor="end" x="{:.1f}"' if x > 210 else 'x="{:.1f}"'
            side = side.format(x - 9 if x > 210 else x + 9)
            color = f'style="fill: var(--eq-{road["color"]})"'
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" {color}/>'
                f'<text {side} y="{y + 5:.1f}" {color}>{escape(road["name"])}</text>'
            )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{STILL}" viewBox="0 0 390 300" '
            f'width="390" height="300" role="img" aria-label={quoteattr(self.alt())}>'
            f'<style>{still_css()}</style><path class="rule" fill="none" d="M60 20V250H370"/>'
            f"{''.join(parts)}"
            '<text x="60" y="286" class="muted">symmetry error, from rounding to 1</text>'
            '<text x="60" y="14" class="muted">nMSE on turned clouds</text></svg>'
        )


def _check_names(names: list[str], errors: dict[str, Any], kinds: dict[str, str]) -> None:
    for what, given in (("errors", errors), ("kinds", kinds)):
        if missing := [name for name in names if name not in given]:
            raise ValueError(f"{what} say nothing of {missing}; expected one entry for each model")
    if unknown := sorted({kinds[name] for name in names} - set(_COLORS)):
        raise ValueError(f"kinds are {unknown}; expected some of {', '.join(_COLORS)}")
    for name in names:
        symmetry, nmse = errors[name]
        if not (0 <= symmetry < math.inf and 0 < nmse < math.inf):
            raise ValueError(
                f"errors of {name!r} are {symmetry} and {nmse}; expected a symmetry error of at "
                "least 0 and an nMSE above 0, as they lie on logarithmic axes"
            )


def _axes(roads: list[dict[str, Any]], reference: float) -> dict[str, Any]:
    """Ranges and ticks for all that will ever be shown, so that nothing jumps."""
    values = np.concatenate([np.ravel(road["answers"]) for road in roads] + [[reference]])
    low, high = float(values.min()), float(values.max())
    pad = 0.08 * (high - low) or 1.0
    spacing = 10.0 ** math.floor(math.log10((high - low + 2 * pad) / 2))
    places = max(0, -math.floor(math.log10(spacing)))
    steps = range(math.ceil((low - pad) / spacing), math.floor((high + pad) / spacing) + 1)
    ticks = [k * spacing for k in steps[:: max(1, math.ceil(len(steps) / 6))]]
    logs = [math.log10(road["nmse"]) for road in roads]
    bottom, top = math.floor(min(logs)), math.ceil(max(*logs, 0.1))
    right = math.ceil(max(0.1, *(math.log10(r["symmetry"] or 1e-16) for r in roads)))

    def name(power: int) -> str:
        return "1" if power == 0 else "10" if power == 1 else f"1e{power}"

    return {
        "answer": [low - pad, high + pad],
        "answer_ticks": [[v, format_fixed(v, places)] for v in ticks],
        "symmetry": [_FLOOR, right],
        "symmetry_ticks": [[_FLOOR, "rounding"]] + [[p, name(p)] for p in (-12, -8, -4, 0)],
        "nmse": [bottom, top],
        "nmse_ticks": [[p, name(p)] for p in range(bottom, top + 1)],
    }
