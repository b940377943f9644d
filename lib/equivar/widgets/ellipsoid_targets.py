"""An ellipsoid becomes a sphere: an arrow flips, an axis jitters, a moment shrinks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
import torch
import traitlets
from torch import Tensor

from equivar._shapes import Float
from equivar.features import transform
from equivar.frames import pca_frames
from equivar.rotations import rotation_3d
from equivar.so3 import clebsch_gordan
from equivar.stabilizer import best_reachable, stabilizer
from equivar.widgets.molecule_svg import STILL, still_css
from equivar.widgets.recorded import (
    Recorded,
    format_fixed,
    module,
    pack_signed_squares,
    stylesheet,
    unpack_signed_squares,
)

__all__ = ["LAWS", "NUDGES", "ROUNDS", "TURNS", "EllipsoidTargets", "record_targets", "shown"]

ROUNDS, TURNS, NUDGES = 11, 24, 8  # how many of each are recorded; nudge 0 is none
NUDGE = 0.04  # of the radius of the sphere
LAWS = {"arrow": "1o", "axis": "2e", "moment": "2e"}
_PER = 10  # numbers a place: the arrow's three, the moment's xx, yy, xy, its size, three moves


def half_axes(k: int) -> Float[Tensor, " 3"]:
    """Half axes of shape k: from a long ellipsoid to the unit sphere."""
    s = k / (ROUNDS - 1)
    return torch.tensor([1.8 - 0.8 * s, 1.0, 0.7 + 0.3 * s], dtype=torch.float64)


def nudged(k: int) -> Float[Tensor, "nudges 6 3"]:
    """Six points on the axes of shape k, as they are and nudged."""
    points = torch.diag(half_axes(k))
    points = torch.cat([points, -points])
    draw = torch.Generator().manual_seed(12)
    noise = NUDGE * torch.randn(NUDGES - 1, 6, 3, generator=draw, dtype=torch.float64)
    return torch.cat([points[None], points + noise])


def five(a: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 5"]:
    """The 2e part of symmetric matrices, as long as the matrix without its trace."""
    return math.sqrt(5) * torch.einsum("ijk,...ij->...k", clebsch_gordan(1, 1, 2), a)


def record_targets(k: int) -> dict[str, Float[Tensor, "turns nudges d"]]:
    """Three targets of shape k in each pose and for each nudge, as a program would compute them.

    Args:
        k: which shape.

    Returns:
        `arrow`: the longest principal axis, its first component made positive; `axis`: that as
        n n^T without its trace, of length 1; `moment`: second moments without their trace, of
        length 1 for the longest shape.
    """
    angles = 2 * math.pi * torch.arange(TURNS, dtype=torch.float64) / TURNS
    z = torch.tensor([0.0, 0, 1], dtype=torch.float64)
    R = torch.stack([rotation_3d(z, float(angle)) for angle in angles])
    clouds = nudged(k) @ R[:, None].mT  # (turns, nudges, 6, 3)
    clouds = clouds - clouds.mean(dim=2, keepdim=True)
    n = torch.stack([pca_frames(x)[0][0, :, 2] for x in clouds.flatten(0, 1)])
    n = (n * torch.where(n[:, :1] < 0, -1.0, 1.0)).unflatten(0, (TURNS, NUDGES))
    axis = math.sqrt(1.5) * five(n[..., :, None] * n[..., None, :])
    return {"arrow": n, "axis": axis, "moment": five(clouds.mT @ clouds) / _unit()}


@cache
def _unit() -> float:
    longest = nudged(0)[0]
    return float(five(longest.mT @ longest).norm())


def out_of_reach(k: int, name: str, values: Float[Tensor, "turns nudges d"]) -> float:
    """Mean square of what no equivariant model reaches, when it cannot tell nudges apart.

    Args:
        k: which shape.
        name: of the target.
        values: in each pose and for each nudge.
    """
    z = torch.tensor([0.0, 0, 1], dtype=torch.float64)
    back = torch.stack([
        transform(LAWS[name], rotation_3d(z, -2 * math.pi * turn / TURNS), values[turn])
        for turn in range(TURNS)
    ])  # fmt: skip
    best = best_reachable(stabilizer(nudged(k)[0]), back.mean(dim=(0, 1)), LAWS[name])
    return float((back - best).square().sum(-1).mean())


def shown(state: dict[str, Any], at: Sequence[int]) -> dict[str, str]:
    """What the page must show at a place.

    Args:
        state: the widget's state, as in its bundle or in a built page.
        at: which shape, pose and nudge.

    Returns:
        Text by the name that the page gives the place where it stands (`data-shown`).
    """
    texts = {"round": f"{100 * at[0] // (ROUNDS - 1)} %", "turn": f"{360 * at[1] // TURNS}°"}
    texts["nudge"] = str(at[2]) if at[2] else "none"
    numbers = _unpacked(state)[at[0], at[1], at[2]]
    for m, name in enumerate(LAWS):
        texts[f"size-{name}"] = format_fixed(numbers[6] if name == "moment" else 1.0, 2)
        texts[f"moved-{name}"] = format_fixed(numbers[7 + m], 2)
        texts[f"reach-{name}"] = format_fixed(state["reach"][at[0]][m], 3)
    return texts


def _unpacked(state: dict[str, Any]) -> np.ndarray:
    flat = unpack_signed_squares(state["numbers"], state["step"])
    return flat.reshape(ROUNDS, TURNS, NUDGES, _PER)


class EllipsoidTargets(Recorded):
    """Three ways to ask in which direction six points are longest, as they become a sphere.

    Python computes an arrow, an axis n n^T and a moment for each shape, pose and nudge, how far a
    nudge moves each, and what is out of reach of every equivariant model. The arrow is the
    control: a target that looks equivariant. Make one with `record`.
    """

    _esm = module("ellipsoid_targets")
    _css = stylesheet("ellipsoid_targets")

    title = traitlets.Unicode().tag(sync=True)
    shapes: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """For each shape the half axes, and for each nudge the x and y of the six points, unturned."""
    numbers = traitlets.Unicode().tag(sync=True)
    """Packed (shape, pose, nudge, 10): arrow, the moment's xx, yy and xy, its size, three moves."""
    step = traitlets.Float().tag(sync=True)
    reach: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """For each shape what is out of reach of the arrow, the axis and the moment."""
    at = traitlets.List(traitlets.Int()).tag(sync=True)
    """Which shape, pose and nudge."""

    @classmethod
    def record(cls, *, title: str = "One direction, asked for in three ways") -> EllipsoidTargets:
        """Compute the targets of all shapes, poses and nudges.

        Args:
            title: one line above the picture.

        Returns:
            The widget, at the longest shape.

        Example:
            >>> widget = EllipsoidTargets.record()
            >>> texts = widget.shown([10, 0, 3])  # a sphere
            >>> texts["reach-arrow"], texts["reach-axis"], float(texts["reach-moment"]) < 0.01
            ('1.000', '1.000', True)
        """
        C = math.sqrt(5) * clebsch_gordan(1, 1, 2)  # orthonormal: the way back is its transpose
        places, reach, shapes = [], [], []
        for k in range(ROUNDS):
            found = record_targets(k)
            S = torch.einsum("ijk,...k->...ij", C, found["moment"])
            moves = [(t - t[:, :1]).norm(dim=-1) for t in found.values()]
            seen = [S[..., 0, 0], S[..., 1, 1], S[..., 0, 1], found["moment"].norm(dim=-1), *moves]
            places.append(torch.cat([found["arrow"], torch.stack(seen, dim=-1)], dim=-1))
            reach.append([out_of_reach(k, name, t) for name, t in found.items()])
            points = nudged(k)[..., :2].round(decimals=4)
            shapes.append({"axes": half_axes(k).tolist(), "points": points.tolist()})
        packed, step = pack_signed_squares(torch.stack(places).numpy())
        return cls(title=title, shapes=shapes, numbers=packed, step=step, reach=reach, at=[0, 2, 0])

    def shown(self, at: Sequence[int]) -> dict[str, str]:
        """What the page must show.

        Args:
            at: which shape, pose and nudge.

        Returns:
            Text by place.
        """
        return shown(self.static_state(), at)

    def alt(self) -> str:
        """What there is to see, with its numbers: what is out of reach, long and round."""
        long, ball = (self.shown([k, 0, 0]) for k in (0, ROUNDS - 1))
        said = [
            f"{name} {long[f'reach-{name}']} for a long ellipsoid and {ball[f'reach-{name}']} for "
            "a sphere"
            for name in LAWS
        ]
        return (
            "An ellipsoid that becomes a sphere, and three targets for its long direction. Out of "
            f"reach of every equivariant model, of 1: {'; '.join(said)}."
        )

    def fallback(self) -> str:
        """Three shapes, with the arrows and axes of all nudges, and the moment."""
        parts, values = [], _unpacked(self.static_state())
        for panel, k in enumerate((0, (ROUNDS - 1) // 2, ROUNDS - 1)):
            x, y = 65 + 130 * panel, 100
            a, b = (34 * v for v in self.shapes[k]["axes"][:2])
            parts.append(
                f'<g transform="translate({x} {y})"><ellipse rx="{a:.1f}" ry="{b:.1f}" '
                'transform="rotate(-30)" '
                'style="fill:none;stroke:var(--eq-muted);stroke-dasharray:3 3"/>'
            )
            for nudge in range(NUDGES):
                nx, ny = (float(v) for v in 55 * values[k, 2, nudge, :2])
                for sign, color in ((1, "orange"), (-1, "purple")):
                    line = f'x2="{sign * nx:.1f}" y2="{-sign * ny:.1f}"'
                    parts.append(f'<line {line} style="stroke:var(--eq-{color});opacity:.6"/>')
            xx, yy, xy = (float(v) for v in values[k, 2, 0, 3:6])
            parts.append(f'<path d="{lobes(xx, yy, xy)}" style="fill:var(--eq-blue)"/></g>')
            for row, name in enumerate(LAWS):
                text = f"{name} {self.shown([k, 2, 0])[f'reach-{name}']}"
                parts.append(f'<text x="{x - 50}" y="{192 + 20 * row}">{text}</text>')
        key = "orange arrow, purple axis, blue moment: out of reach, of 1"
        parts.append(f'<text x="14" y="264" class="muted">{key}</text>')
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{STILL}" viewBox="0 0 390 276" '
            f'width="390" height="276" role="img" aria-label={quoteattr(self.alt())}>'
            f"<style>{still_css()}</style>{''.join(parts)}</svg>"
        )


def lobes(xx: float, yy: float, xy: float, scale: float = 50.0) -> str:
    """The outline of max(0, u S u) u over all directions u in the plane, as a path."""
    points = []
    for degree in range(0, 360, 5):
        c, s = math.cos(math.radians(degree)), math.sin(math.radians(degree))
        r = scale * max(0.0, xx * c * c + 2 * xy * c * s + yy * s * s)
        points.append(f"{r * c:.2f} {-r * s:.2f}")
    return f"M{'L'.join(points)}Z"
