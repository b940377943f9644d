"""Hold a thing before a mirror: which numbers and arrows flip, measured on its mirror image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import torch
import traitlets
from torch import Tensor

from equivar.rotations import rotation_3d
from equivar.widgets.mirror_things import peroxide, record_thing, wheel
from equivar.widgets.molecule_svg import STILL, still_css
from equivar.widgets.recorded import Recorded, format_fixed, module, stylesheet

__all__ = ["Mirror", "elements", "shown"]

_STEP = 15  # degrees between recorded mirrors, and between recorded turns


def elements() -> list[dict[str, Any]]:
    """The mirrors, turns and the inversion that are recorded.

    Returns:
        For each kind its name, and for each of its members a text and a matrix (3, 3). A mirror's
        normal and a turn lie in the plane of the picture, at 0, 15, ... 345 degrees.

    >>> mirrors, turns, inversion = elements()
    >>> mirrors["name"], len(turns["matrices"]), inversion["matrices"][0][0]
    ('mirror', 24, [-1.0, -0.0, -0.0])
    """
    degrees = range(0, 360, _STEP)
    angles = torch.deg2rad(torch.tensor(list(degrees), dtype=torch.float64))
    normals = torch.stack([angles.cos(), angles.sin(), 0 * angles], dim=-1)
    one = torch.eye(3, dtype=torch.float64)
    mirrors = one - 2 * normals[:, :, None] * normals[:, None, :]
    turns = rotation_3d(one[2].expand(len(angles), 3), angles)
    return [
        {"name": name, "texts": texts, "matrices": matrices.tolist()}
        for name, texts, matrices in (
            ("mirror", [f"mirror, normal at {d}°" for d in degrees], mirrors),
            ("turn", [f"turn by {d}°" for d in degrees], turns),
            ("inversion", ["inversion"], -one[None]),
        )
    ]


def shown(state: dict[str, Any], at: Sequence[int]) -> dict[str, str]:
    """What the page must show for one scene, quantity and element, from the state alone.

    Args:
        state: the widget's state, as in its bundle or in a built page.
        at: indices of the scene, of the quantity, of the kind of element and of the element.

    Returns:
        Text by the name that the page gives the place where it stands (`data-shown`).
    """
    scene, k, kind, angle = at
    quantity = state["scenes"][scene]["quantities"][k]
    angle = min(angle, len(state["elements"][kind]["texts"]) - 1)
    found = quantity["found"][kind][angle]
    return {
        "element": state["elements"][kind]["texts"][angle],
        "determinant": "determinant 1" if kind == 1 else "determinant −1",
        "quantity": quantity["name"],
        "before": _words(quantity["value"]),
        "after": _words(found["value"]),
        "verdict": found["verdict"],
        "even": found["even"],
        "odd": found["odd"],
    }


def _words(value: Sequence[float]) -> str:
    numbers = [format_fixed(v, 2) for v in value]
    return numbers[0] if len(numbers) == 1 else f"({', '.join(numbers)})"


class Mirror(Recorded):
    """Things before a mirror, and beside each what is measured on its mirror image.

    Of an arrow the picture has two in the mirror: what a mirror shows of an arrow of wood, and the
    arrow that is measured on the mirrored thing. The numbers are the errors of both labels, even
    and odd. Turns are the control: they cannot tell the labels apart. Make one with `record`.
    """

    _esm = module("mirror")
    _css = stylesheet("mirror")

    title = traitlets.Unicode().tag(sync=True)
    elements: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """As `elements` returns them."""
    scenes: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """For each: name, points, sticks, velocities, and what was found of each of its quantities."""
    at = traitlets.List(traitlets.Int()).tag(sync=True)
    """What is shown: scene, quantity, kind of element, element."""

    @classmethod
    def record(cls, *, title: str = "Before a mirror") -> Mirror:
        """Measure four quantities of each thing, and of its images.

        Args:
            title: one line above the picture.

        Returns:
            The widget, at the angular momentum of a wheel before an upright mirror.
        """
        kinds = elements()
        scenes = [record_thing(thing, kinds) for thing in (wheel(0.0), wheel(0.4), peroxide())]
        return cls(title=title, elements=kinds, scenes=scenes, at=[0, 3, 0, 0])

    def shown(self, at: Sequence[int]) -> dict[str, str]:
        """What the page must show for one scene, quantity and element.

        Args:
            at: indices of the scene, of the quantity, of the kind of element and of the element.

        Returns:
            Text by place.
        """
        return shown(self.static_state(), at)

    def alt(self) -> str:
        """What there is to see: a wheel, its mirror image, and what flips of each scene."""
        said = []
        for n, scene in enumerate(self.scenes):
            texts = [self.shown((n, k, 0, 0)) for k in range(4)]
            said.append(
                f"{scene['name']}: "
                + ", ".join(
                    f"{t['quantity']} ({q['label']}) {t['verdict']}"
                    for t, q in zip(texts, scene["quantities"], strict=True)
                )
            )
        return f"Three things and their mirror images. {'; '.join(said)}."

    def fallback(self) -> str:
        """The wheel and its mirror image with both arrows, and what becomes of all quantities."""
        state, parts = self.static_state(), []
        scene, S = self.scenes[0], torch.tensor(self.elements[0]["matrices"][0]).double()
        arrow = scene["quantities"][3]
        measured = torch.tensor(arrow["found"][0][0]["value"]).double() * arrow["scale"]
        here = torch.tensor(arrow["value"]).double() * arrow["scale"]
        parts += _still_thing(scene, torch.eye(3).double(), 95) + _still_thing(scene, S, 295)
        parts += [_still_arrow(here, 95, "m1"), _still_arrow(S @ here, 295, "m0")]
        parts.append(_still_arrow(measured, 295, "m1"))
        parts.append('<path class="rule" d="M195 16V196"/>')
        y = 222
        for n, found in enumerate(self.scenes):
            parts.append(f'<text x="14" y="{y}" class="strong">{escape(found["name"])}</text>')
            for k, quantity in enumerate(found["quantities"]):
                texts = shown(state, (n, k, 0, 0))
                y += 19
                parts.append(
                    f'<text x="24" y="{y}">{quantity["label"]} {escape(quantity["name"])}</text>'
                    f'<text x="376" y="{y}" text-anchor="end">{escape(texts["verdict"])}</text>'
                )
            y += 26
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{STILL}" viewBox="0 0 390 {y}" '
            f'width="390" height="{y}" role="img" aria-label={quoteattr(self.alt())}>'
            f"<style>{still_css()}</style>{''.join(parts)}</svg>"
        )


def _still_thing(scene: dict[str, Any], S: Tensor, x: int) -> list[str]:
    points = (torch.tensor(scene["points"]).double() @ S.mT * 70).tolist()
    at = [(x + p[0], 105 - p[1]) for p in points]
    lines = [
        f'<path style="stroke:var(--eq-muted);stroke-width:3" d="M{at[i][0]:.1f} {at[i][1]:.1f}'
        f'L{at[j][0]:.1f} {at[j][1]:.1f}"/>'
        for i, j in scene["sticks"]
    ]
    return lines + [
        f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{70 * r:.1f}" style="fill:var(--atom-{s})"/>'
        for (a, b), r, s in zip(at, scene["radii"], scene["symbols"], strict=True)
    ]


def _still_arrow(v: Tensor, x: int, tone: str) -> str:
    end = (80 * v).tolist()
    color = f"var(--eq-{'orange' if tone == 'm0' else 'blue'})"
    dash = ' stroke-dasharray="5 3"' if tone == "m0" else ""
    return (
        f'<path d="M{x} 105L{x + end[0]:.1f} {105 - end[1]:.1f}" style="stroke:{color};'
        f'stroke-width:4"{dash}/><circle cx="{x + end[0]:.1f}" cy="{105 - end[1]:.1f}" r="6" '
        f'style="fill:{color}"/>'
    )
