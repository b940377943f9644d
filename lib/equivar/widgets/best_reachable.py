"""Draw a target over a symmetric input, and see the best that any equivariant model can answer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import torch
import traitlets
from torch import Tensor

from equivar._shapes import Float
from equivar.so3 import clebsch_gordan, wigner_d
from equivar.stabilizer import stabilizer
from equivar.widgets.molecule_svg import STILL, still_css
from equivar.widgets.recorded import Recorded, format_error, format_fixed, module, stylesheet

__all__ = ["BestReachable", "shown", "solve"]

STEPS = 100  # of a corner to a unit of length
REACH = 150  # how many steps a corner may go each way
_SAME = 1e-6
_ONE = 0.02  # images within two steps are one: corners are asked to go in whole steps

Moves = Sequence[tuple[float, float]]


def _polygon(n: int, radius: float) -> Tensor:
    angle = math.pi / 2 + 2 * math.pi * torch.arange(n, dtype=torch.float64) / n
    return radius * torch.stack([angle.cos(), angle.sin()], dim=-1)


def _shapes() -> dict[str, Tensor]:
    square = torch.tensor([[1.0, 1], [-1, 1], [-1, -1], [1, -1]], dtype=torch.float64)
    crooked = torch.tensor([[1.2, 0.9], [-0.8, 1.1], [-1.1, -0.7], [0.7, -1.2]])
    return {
        "square": square,
        "rectangle": square * torch.tensor([1.2, 0.7]),
        "triangle": _polygon(3, 1.2),
        "hexagon": _polygon(6, 1.2),
        "crooked": crooked.double(),
    }


def _parameters() -> list[tuple[str, str, Tensor]]:
    """What may be told beside the shape: a name, an irrep, and its components."""
    C = clebsch_gordan(1, 1, 2)
    stretch, slant = torch.zeros(2, 3, 3, dtype=torch.float64)
    stretch[0, 0], stretch[1, 1] = 1.0, -1.0
    slant[0, 1] = slant[1, 0] = 1.0
    x, _, z = torch.eye(3, dtype=torch.float64)
    return [
        ("nothing", "0e", torch.ones(1, dtype=torch.float64)),
        ("arrow x", "1o", x),
        ("x² − y²", "2e", torch.einsum("ijk,ij->k", C, stretch)),
        ("xy", "2e", torch.einsum("ijk,ij->k", C, slant)),
        ("turn", "1e", z),
        ("noise", "1o", torch.tensor([0.4, 0.9, 0.3], dtype=torch.float64)),
    ]


def _targets(points: Float[Tensor, "n 2"]) -> dict[str, Tensor]:
    turn = torch.tensor([[math.cos(0.4), math.sin(0.4)], [-math.sin(0.4), math.cos(0.4)]])
    one = torch.zeros_like(points)
    one[0] = 0.6 * points[0]
    return {
        "wider": points * torch.tensor([0.8, 0.0]),
        "grow": 0.4 * points,
        "turn it": points @ turn.to(points) - points,
        "one corner": one,
        "slide": torch.tensor([0.8, 0.0]).to(points).expand_as(points),
    }


def solve(scene: dict[str, Any], k: int, moves: Moves) -> dict[str, Any]:
    """What the page computes for a target: images, their mean, and how far it is from the target.

    The same operations in the same order as in best_reachable.js, so that the digits agree.

    Args:
        scene: a shape, as it is recorded.
        k: which order parameter is told.
        moves: where each corner is asked to go, relative to where it is.

    Returns:
        `images`, of the target under each element that the pair keeps, each different one once;
        `best`, the mean over all elements; `floor` and `asked`, means over corners of squares;
        `two`, by how much target and best change under an element, relative to their size.
    """
    n = len(moves)
    images = [_act(g, moves) for g in scene["breaks"][k]["elements"]]
    best = [
        (_sum(image[i][0] for image in images) / len(images),
         _sum(image[i][1] for image in images) / len(images))
        for i in range(n)
    ]  # fmt: skip
    different: list[list[tuple[float, float]]] = []
    for image in images:
        if all(_apart(image, other) > _ONE for other in different):
            different.append(image)
    asked = _square(moves)
    floor = _square([(t[0] - b[0], t[1] - b[1]) for t, b in zip(moves, best, strict=True)])
    two = []
    for arrows in (moves, best):
        size = _square(arrows)
        off = [
            _square([(m[0] - a[0], m[1] - a[1]) for m, a in zip(image, arrows, strict=True)])
            for image in (_act(g, arrows) for g in scene["breaks"][k]["elements"])
        ]
        two.append(math.sqrt(max(off) / size) if size > _SAME**2 else 0.0)
    return {"images": different, "best": best, "floor": floor, "asked": asked, "two": two}


def _act(g: dict[str, Any], moves: Moves) -> list[tuple[float, float]]:
    (a, b, c, d), image = g["matrix"], [(0.0, 0.0)] * len(moves)
    for (x, y), to in zip(moves, g["to"], strict=True):
        image[to] = (a * x + b * y, c * x + d * y)
    return image


def _apart(one: Moves, other: Moves) -> float:
    pairs = zip(one, other, strict=True)
    return max(max(abs(p[0] - q[0]), abs(p[1] - q[1])) for p, q in pairs)


def _square(moves: Moves) -> float:
    return _sum(x * x + y * y for x, y in moves) / len(moves)


def _sum(values: Iterable[float]) -> float:
    """One after the other, as JavaScript adds: the built-in sum corrects for rounding."""
    total = 0.0
    for value in values:
        total += value
    return total


def shown(state: dict[str, Any], at: Sequence[int]) -> dict[str, str]:
    """What the page must show for a shape, an order parameter, a corner and a target.

    Args:
        state: the widget's state, as in its bundle or in a built page.
        at: indices of shape, order parameter and chosen corner; then for each corner how many
            steps it is asked to go to the right, and up.

    Returns:
        Text by the name that the page gives the place where it stands (`data-shown`).
    """
    scene = state["scenes"][at[0]]
    told, all_of_them = scene["breaks"][at[1]], scene["breaks"][0]
    moves = [(x / STEPS, y / STEPS) for x, y in zip(at[3::2], at[4::2], strict=True)]
    found = solve(scene, at[1], moves)
    x, y = moves[at[2]]
    count = len(found["images"])
    something = found["asked"] > _SAME**2
    part = 1 - found["floor"] / found["asked"] if something else 1.0
    return {
        "floor": format_fixed(found["floor"], 3),
        "asked": format_fixed(found["asked"], 3),
        "reached": f"{format_fixed(100 * part, 0)} %" if something else "all",
        "kept": f"{len(told['elements'])} of {len(all_of_them['elements'])}",
        "free": f"{told['free']} of {2 * len(moves)}",
        "answers": str(count),
        "irrep": told["irrep"],
        "move": f"corner {at[2] + 1} moves by ({format_fixed(x, 2)}, {format_fixed(y, 2)})",
        "two-0": format_error(found["two"][0]),
        "two-1": format_error(found["two"][1]),
        "miss-1": format_fixed(found["floor"], 3),
    }


class BestReachable(Recorded):
    """A shape whose corners are pulled to a target, and the best reachable answer beside it.

    Python finds the symmetries of each shape, and which of them each order parameter keeps. The
    page averages the images of the target over them: the best reachable answer is that mean. The
    control is a model without symmetry, which reaches each target and gives two answers to one
    input. Make one with `record`.
    """

    _esm = module("best_reachable")
    _css = stylesheet("best_reachable")

    title = traitlets.Unicode().tag(sync=True)
    scenes: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """For each shape its points, its targets in steps, and for each order parameter the elements
    that keep both, as four numbers of a matrix and where each corner goes."""
    at = traitlets.List(traitlets.Int()).tag(sync=True)
    """Indices of shape, order parameter and corner, then two steps a corner."""

    @classmethod
    def record(cls, *, title: str = "What can be reached, before any training") -> BestReachable:
        """Find the symmetries of the shapes, and what order parameters keep of them.

        Args:
            title: one line above the picture.

        Returns:
            The widget, at a square that is asked to become a rectangle.

        Example:
            >>> widget = BestReachable.record()
            >>> widget.shown(widget.at)["floor"], widget.shown(widget.at)["answers"]
            ('0.320', '2')
        """
        scenes = [_record(name, points) for name, points in _shapes().items()]
        return cls(title=title, scenes=scenes, at=[0, 0, 0, *scenes[0]["targets"][0]["steps"]])

    def shown(self, at: Sequence[int]) -> dict[str, str]:
        """What the page must show.

        Args:
            at: indices of shape, order parameter and corner, then two steps a corner.

        Returns:
            Text by place.
        """
        return shown(self.static_state(), at)

    def alt(self) -> str:
        """What there is to see, with its numbers: floors of the square's targets."""
        said = []
        for k, target in enumerate(self.scenes[0]["targets"]):
            texts = self.shown([0, 0, 0, *self.scenes[0]["targets"][k]["steps"]])
            said.append(f"{target['name']} {texts['floor']} of {texts['asked']}")
        return (
            "A square, targets for its corners, and the best answer that any equivariant model can "
            f"give. What is out of reach, of what was asked: {', '.join(said)}."
        )

    def fallback(self) -> str:
        """The square's targets, each with the best reachable answer and the floor."""
        scene, parts = self.scenes[0], []
        for k, target in enumerate(scene["targets"][:4]):
            steps = target["steps"]
            moves = [(x / STEPS, y / STEPS) for x, y in zip(steps[::2], steps[1::2], strict=True)]
            found, texts = solve(scene, 0, moves), self.shown([0, 0, 0, *steps])
            x, y = 100 + 195 * (k % 2), 124 + 220 * (k // 2)
            for arrows, style in (
                ([(0.0, 0.0)] * len(moves), "stroke:var(--eq-muted);stroke-dasharray:3 3"),
                (moves, "stroke:var(--eq-orange);stroke-width:2"),
                (found["best"], "stroke:var(--eq-green);stroke-width:3"),
            ):
                ends = zip(scene["points"], arrows, strict=True)
                line = " ".join(f"{x + 46 * (p[0] + m[0]):.1f},{y - 46 * (p[1] + m[1]):.1f}"
                                for p, m in ends)  # fmt: skip
                parts.append(f'<polygon points="{line}" style="fill:none;{style}"/>')
            head = f"{target['name']}: floor {texts['floor']}"
            parts.append(f'<text x="{x}" y="{y - 98}" text-anchor="middle">{escape(head)}</text>')
        parts.append(
            '<text x="14" y="446" class="muted">orange: asked, green: best reachable</text>'
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{STILL}" viewBox="0 0 390 456" '
            f'width="390" height="456" role="img" aria-label={quoteattr(self.alt())}>'
            f"<style>{still_css()}</style>{''.join(parts)}</svg>"
        )


def _record(name: str, points: Float[Tensor, "n 2"]) -> dict[str, Any]:
    flat = torch.nn.functional.pad(points - points.mean(dim=0), (0, 1))
    found = stabilizer(flat)
    upright = found.matrices[:, 2, 2] > 0  # the mirror in the plane does nothing to it
    R, to = found.matrices[upright], found.permutations[upright]
    told = []
    for label, irrep, b in _parameters():
        kept = (wigner_d(irrep, R) @ b - b).norm(dim=-1) < _SAME
        elements = [
            {"matrix": M[:2, :2].flatten().tolist(), "to": p.tolist()}
            for M, p in zip(R[kept], to[kept], strict=True)
        ]
        # The trace of the projection: what is kept, of two numbers a corner.
        fixed = [
            (p == torch.arange(len(p))).sum() * M[:2, :2].trace()
            for M, p in zip(R[kept], to[kept], strict=True)
        ]
        free = round(float(sum(fixed)) / len(fixed))
        told.append({"name": label, "irrep": irrep, "elements": elements, "free": free})
    targets = [
        {"name": label, "steps": (STEPS * t).round().int().clamp(-REACH, REACH).flatten().tolist()}
        for label, t in _targets(flat[:, :2]).items()
    ]
    return {
        "name": name,
        "symbol": found.symbol,
        "points": flat[:, :2].tolist(),
        "breaks": told,
        "targets": targets,
    }
