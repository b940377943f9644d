"""Turn a cloud of points: its coefficients spin, and the power of each degree stands still."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import torch
import traitlets
from torch import Tensor

from equivar._checks import check_axes, check_finite
from equivar._shapes import Float
from equivar.rotations import rotation_3d
from equivar.so3 import spherical_harmonics
from equivar.widgets.molecule_svg import STILL, still_css
from equivar.widgets.recorded import (
    Recorded,
    format_error,
    format_fixed,
    module,
    pack_signed_squares,
    stylesheet,
    unpack_signed_squares,
)
from equivar.widgets.sphere_mesh import pack_bytes, sphere_mesh

__all__ = ["LMAX", "HarmonicsSpectrum", "shown", "turns"]

LMAX = 6
"""The largest degree that is recorded: the first that sees an icosahedron."""

AXES = {"polar axis y": (0.0, 1.0, 0.0), "slanted axis": (1.0, 2.0, 3.0)}


def turns(step_degrees: int = 6) -> Float[Tensor, "axes frames 3 3"]:
    """Full turns about two axes: the polar axis of the harmonics, and one that is like no other.

    About the polar axis the components m and -m of a degree mix, and no others. About the slanted
    axis all of a degree do.

    Args:
        step_degrees: spacing; a divisor of 360.

    Returns:
        (2, 360 / step, 3, 3) in float64, from the identity.

    Raises:
        ValueError: the step does not divide 360.

    >>> turns(90)[0, 1].round().tolist()
    [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]
    """
    if step_degrees < 1 or 360 % step_degrees:
        raise ValueError(
            f"step_degrees is {step_degrees}, expected a divisor of 360 such as 6: after a full "
            "turn the cloud must be back"
        )
    angles = torch.deg2rad(torch.arange(0, 360, step_degrees, dtype=torch.float64))
    axes = torch.tensor(list(AXES.values()), dtype=torch.float64)
    return rotation_3d(axes[:, None], angles)


def shown(state: dict[str, Any], at: Sequence[int]) -> dict[str, str]:
    """What the page must show at one recorded angle, as text, from the state alone.

    Args:
        state: the widget's state, as in its bundle or in a built page.
        at: indices of cloud, axis and angle; the largest degree l that is drawn, and an order m.

    Returns:
        Text by the name that the page gives the place where it stands (`data-shown`).
    """
    c, axis, frame, l, m = at
    cloud, frames = state["clouds"][c], 360 // state["step_degrees"]
    texts = {"angle": f"{frame * state['step_degrees']}°"}
    texts["rough"] = format_error(cloud["rough"][l])
    changes = unpack_signed_squares(cloud["changes"], cloud["changes_step"])
    changes = changes.reshape(2, frames, LMAX + 1)[axis, frame]
    for degree, power in enumerate(cloud["power"]):
        texts[f"power-{degree}"] = format_fixed(power + changes[degree], 3)
        texts[f"change-{degree}"] = format_error(abs(changes[degree]))
    flat = unpack_signed_squares(cloud["coefficients"], cloud["step"])
    one = flat.reshape(2, frames, (LMAX + 1) ** 2)[axis, :, l * l + l + m]
    texts["square"] = format_fixed(one[frame] * one[frame], 3)
    texts["square-change"] = format_error(abs(one[frame] * one[frame] - one[0] * one[0]))
    texts["sum"] = texts[f"power-{l}"]
    texts["sum-change"] = texts[f"change-{l}"]
    return texts


class HarmonicsSpectrum(Recorded):
    r"""Clouds to turn, what they look like up to a degree, and their coefficients as bars.

    A cloud of n points is recorded as $c^l = \frac1n \sum_i Y^l(\hat r_i)$ at every angle of a turn
    about two axes, so the power of degree 0 is 1. The shape that is drawn is the sum of harmonics
    weighted by the bars, up to the chosen degree. Beside the power, which is invariant, stands the
    control: the square of one component, which is not. Make one with `record`.
    """

    _esm = module("surface", "harmonics_chart", "harmonics_spectrum")
    _css = stylesheet("harmonics_spectrum")

    title = traitlets.Unicode().tag(sync=True)
    step_degrees = traitlets.Int().tag(sync=True)
    axes: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Name and direction of both."""
    clouds: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """For each: name, directions, coefficients at each axis and angle, powers and their changes."""
    rotations = traitlets.Dict().tag(sync=True)
    """The rotation at each axis and angle, packed, for what is drawn."""
    mesh = traitlets.Dict().tag(sync=True)
    """Points and triangles of the sphere, and the harmonics at the points."""
    at = traitlets.List(traitlets.Int()).tag(sync=True)
    """What is shown: indices of cloud, axis and angle, the largest degree, and an order."""

    @classmethod
    def record(
        cls,
        clouds: dict[str, Float[Tensor, "n 3"]],
        *,
        title: str = "Coefficients spin, powers stand still",
        step_degrees: int = 6,
    ) -> HarmonicsSpectrum:
        """Compute the coefficients of each cloud at each angle.

        Args:
            clouds: up to six of them by name; only the directions of the points count, seen from
                the origin. No point may lie there.
            title: one line above the picture.
            step_degrees: spacing of the angles, a divisor of 360; 6 makes 60 of them.

        Returns:
            The widget, at rest at the first cloud, with degrees up to 3.

        Raises:
            ValueError: no clouds or more than six, positions that are not (n, 3) and finite, or a
                point at the origin.
        """
        if not 1 <= len(clouds) <= 6:
            raise ValueError(f"got {len(clouds)} clouds; expected one to six, by name")
        rotations = turns(step_degrees)
        points, triangles = sphere_mesh()
        text, step = pack_signed_squares(rotations.numpy())
        harmonics, scale = pack_bytes(spherical_harmonics(LMAX, torch.as_tensor(points)).numpy())
        corners, corner_step = pack_bytes(points)
        faces = base64.b64encode(triangles.astype("<u2").tobytes()).decode("ascii")
        return cls(
            title=title,
            step_degrees=step_degrees,
            axes=[{"name": name, "along": list(along)} for name, along in AXES.items()],
            clouds=[_record(name, x, rotations, points) for name, x in clouds.items()],
            rotations={"text": text, "step": step},
            mesh={
                "points": corners,
                "step": corner_step,
                "faces": faces,
                "harmonics": harmonics,
                "scale": scale,
            },
            at=[0, 0, 0, 3, -2],
        )

    def shown(self, at: Sequence[int]) -> dict[str, str]:
        """What the page must show at one recorded angle.

        Args:
            at: indices of cloud, axis and angle; the largest degree l that is drawn; an order m.

        Returns:
            Text by place: `angle`, `power-0`, `change-0`, ..., `square`, `square-change`, `rough`.
        """
        return shown(self.static_state(), at)

    def coefficients(self, name: str) -> Float[np.ndarray, "axes frames d"]:
        """A cloud's recorded coefficients, as the page decodes them.

        Args:
            name: of the cloud.

        Returns:
            (2, angles, 49), per point.
        """
        cloud = next(c for c in self.clouds if c["name"] == name)
        flat = unpack_signed_squares(cloud["coefficients"], cloud["step"])
        return flat.reshape(2, -1, (LMAX + 1) ** 2)

    def alt(self) -> str:
        """What there is to see, with its numbers: the powers, and that they stand still."""
        said = []
        for cloud in self.clouds:
            seen = [l for l in range(1, LMAX + 1) if cloud["power"][l] > 1e-12]
            first = f"degree {seen[0]}" if seen else f"no degree up to {LMAX}"
            said.append(f"{cloud['name']}: {first}")
        worst = max(
            float(np.abs(unpack_signed_squares(c["changes"], c["changes_step"])).max())
            for c in self.clouds
        )
        return (
            f"Coefficients of {len(self.clouds)} clouds of points while they turn, degrees 0 to "
            f"{LMAX}. They move; the power of each degree changes by {format_error(worst)} at "
            f"most. The first degree after 0 that has power: {', '.join(said)}."
        )

    def fallback(self) -> str:
        """A circle for each cloud and degree, as large as its power, with the number below."""
        largest = max(max(c["power"]) for c in self.clouds)
        parts = ['<text x="14" y="24" class="muted">power of degree l, at each angle</text>']
        parts += [
            f'<text x="{128 + 40 * l}" y="52" text-anchor="middle" class="muted">{l}</text>'
            for l in range(LMAX + 1)
        ]
        for row, cloud in enumerate(self.clouds):
            y = 82 + 58 * row
            parts.append(f'<text x="14" y="{y + 5}">{escape(cloud["name"])}</text>')
            for l, power in enumerate(cloud["power"]):
                x, radius = 128 + 40 * l, 16 * math.sqrt(max(0.0, power) / largest)
                parts.append(f'<circle class="m1" cx="{x}" cy="{y}" r="{max(radius, 1):.1f}"/>')
                parts.append(
                    f'<text x="{x}" y="{y + 30}" text-anchor="middle" class="muted" '
                    f'font-size="11">{format_fixed(power, 2)}</text>'
                )
        end = 82 + 58 * len(self.clouds)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{STILL}" viewBox="0 0 390 {end}" '
            f'width="390" height="{end}" role="img" aria-label={quoteattr(self.alt())}>'
            f"<style>{still_css()}</style>{''.join(parts)}</svg>"
        )


def _record(name: str, positions: Tensor, rotations: Tensor, points: np.ndarray) -> dict[str, Any]:
    """One cloud, at all axes and angles."""
    check_axes(f"the positions of {name}", positions, "n", 3)
    check_finite(f"the positions of {name}", positions)
    distances = positions.norm(dim=-1, keepdim=True)
    if not len(positions) or not bool((distances > 0).all()):
        raise ValueError(
            f"{name}: {len(positions)} points, {int((distances == 0).sum())} of them at the "
            "origin; expected some points, none of them there: it has no direction"
        )
    r = (positions / distances).to(rotations)
    c = spherical_harmonics(LMAX, r @ rotations.mT).mean(dim=-2)  # (axes, frames, 49)
    blocks = [slice(l * l, (l + 1) ** 2) for l in range(LMAX + 1)]
    power = torch.stack([c[..., block].square().sum(-1) for block in blocks], dim=-1)
    start = power[0, 0]
    packed, step = pack_signed_squares(c.numpy())
    changes, changes_step = pack_signed_squares((power - start).numpy())
    Y = spherical_harmonics(LMAX, torch.as_tensor(points))
    parts = torch.stack([Y[:, block] @ c[0, 0, block] for block in blocks[1:]])
    reach = float(parts.cumsum(dim=0).abs().max())  # whatever degrees are drawn
    return {
        "name": name,
        "points": np.round(r.numpy(), 4).tolist(),
        "coefficients": packed,
        "step": step,
        "power": start.tolist(),
        "changes": changes,
        "changes_step": changes_step,
        "rough": [float(start[1 : l + 1].sum().sqrt()) for l in range(LMAX + 1)],
        "reach": max(reach, 1e-9),
    }
