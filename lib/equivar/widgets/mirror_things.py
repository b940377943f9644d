"""The things that stand before the mirror, and what is measured on them and on their images."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from equivar._shapes import Float
from equivar.data import small_molecules
from equivar.features import transform
from equivar.irreps import Irrep
from equivar.measure import equivariance_error
from equivar.rotations import rotation_3d
from equivar.widgets.molecule_svg import element
from equivar.widgets.recorded import format_error

__all__ = ["Thing", "peroxide", "record_thing", "wheel"]

_AXLE = (0.35, 0.80, 0.49)  # tilted towards the reader, so that a wheel is seen as one
_ZERO = 1e-12

Measure = Callable[[Tensor, Tensor], Tensor]  # positions and velocities to a number or an arrow


@dataclass(frozen=True)
class Thing:
    """Points that move, how they are drawn, and four quantities: label, name and function."""

    name: str
    positions: Tensor
    velocities: Tensor
    symbols: tuple[str, ...]
    radii: tuple[float, ...]
    sticks: tuple[tuple[int, int], ...]
    quantities: tuple[tuple[str, str, Measure], ...]


def record_thing(thing: Thing, kinds: list[dict[str, Any]]) -> dict[str, Any]:
    """What the page needs of one thing: how to draw it, and all that was measured.

    Args:
        thing: to measure.
        kinds: of elements, as `mirror.elements` returns them.

    Returns:
        Points of reach 1, velocities, symbols, radii, sticks; for each quantity its label, name,
        value and drawn scale, and for each kind and element what `measure` returns.
    """
    state = torch.cat([thing.positions, thing.velocities])
    n, reach = len(thing.positions), float(thing.positions.norm(dim=-1).max())
    quantities = []
    for label, name, function in thing.quantities:

        def f(x: Tensor, function: Measure = function) -> Tensor:
            return function(x[:n], x[n:])

        value, l = f(state), Irrep.parse(label).l
        found = [
            [measure(f, state, l, torch.tensor(S, dtype=torch.float64)) for S in kind["matrices"]]
            for kind in kinds
        ]
        scale = 1 / max(float(value.norm()), _ZERO) if l else 0.0
        quantities.append(
            {"label": label, "name": name, "value": value.tolist(), "found": found, "scale": scale}
        )
    return {
        "name": thing.name,
        "points": (thing.positions / reach).tolist(),
        "velocities": (0.6 * thing.velocities).tolist(),
        "symbols": list(thing.symbols),
        "radii": [radius / reach for radius in thing.radii],
        "sticks": [list(pair) for pair in thing.sticks],
        "quantities": quantities,
    }


def measure(
    f: Callable[[Tensor], Tensor], state: Tensor, l: int, S: Float[Tensor, "3 3"]
) -> dict[str, Any]:
    """The value on the image, the errors of both labels, and which of them holds, in words.

    Args:
        f: from positions and velocities, one below the other, to a number (1,) or an arrow (3,).
        state: positions and velocities (2n, 3).
        l: 0 for a number, 1 for an arrow.
        S: orthogonal.

    Returns:
        `value`, `even`, `odd` and `verdict`.
    """
    before, after = f(state), f(state @ S.mT)
    if float(before.norm()) < _ZERO:
        zero = "is zero: nothing to flip"
        return {"value": [0.0] * len(before), "even": "0 of 0", "odd": "0 of 0", "verdict": zero}

    def error(name: str) -> float:
        return float(
            equivariance_error(f, state, lambda x: x @ S.mT, lambda y: transform(name, S, y))
        )

    errors = error(f"{l}e"), error(f"{l}o")
    even, odd = (e < 1e-8 for e in errors)
    if l == 0:
        verdict = "stays" if even else "changes sign"
    elif even and odd:
        verdict = "turns along"
    else:
        verdict = "as the picture" if odd else "against the picture"
    return {
        "value": [round(v, 9) + 0.0 for v in after.tolist()],  # no minus zero
        "even": format_error(errors[0]),
        "odd": format_error(errors[1]),
        "verdict": verdict,
    }


def _spin(r: Tensor, v: Tensor) -> Tensor:
    return torch.linalg.cross(r - r.mean(dim=0), v).sum(dim=0)


def wheel(drift: float) -> Thing:
    """Eight masses about an axle, moving along it or not; the axle's two ends weigh nothing."""
    axle = torch.nn.functional.normalize(torch.tensor(_AXLE, dtype=torch.float64), dim=0)
    first = torch.linalg.cross(axle, torch.tensor([0.0, 0, 1]).double(), dim=0)
    first = torch.nn.functional.normalize(first, dim=0)
    angle = torch.arange(8, dtype=torch.float64)[:, None] * math.pi / 4
    rim = angle.cos() * first + angle.sin() * torch.linalg.cross(axle, first, dim=0)
    r = torch.cat([rim, torch.stack([axle, -axle]) * 0.55])
    v = torch.linalg.cross(axle.expand(10, 3), r) * 0.6 + drift * axle
    v[8:] = 0.0

    def momentum(r: Tensor, v: Tensor) -> Tensor:
        return v[:8].sum(dim=0)

    def angular(r: Tensor, v: Tensor) -> Tensor:
        return _spin(r[:8], v[:8])

    return Thing(
        "screw" if drift else "wheel",
        *(r, v),
        ("X",) + ("C",) * 7 + ("H",) * 2,
        (0.13,) + (0.1,) * 7 + (0.04,) * 2,
        (*((i, (i + 1) % 8) for i in range(8)), (8, 9)),
        (
            ("0e", "energy", lambda r, v: v[:8].square().sum()[None] / 2),
            ("0o", "helicity p · L", lambda r, v: (momentum(r, v) @ angular(r, v))[None]),
            ("1o", "momentum p", momentum)
            if drift
            else ("1o", "velocity of one mass", lambda r, v: v[0]),
            ("1e", "angular momentum L", angular),
        ),
    )


def peroxide() -> Thing:
    """Hydrogen peroxide, turned so that its twist is seen; charges from quantum chemistry."""
    molecule = next(m for m in small_molecules() if m.name == "H2O2")
    turn = rotation_3d(torch.tensor([1.0, 0.4, 0.0]).double(), 0.6)
    r, q = molecule.positions.double() @ turn.mT, molecule.charges.double()[:, None]

    def bonds(r: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return r[2] - r[0], r[1] - r[0], r[3] - r[1]  # OH, OO, OH

    def crossed(r: Tensor, v: Tensor) -> Tensor:
        first, _, last = bonds(r)
        return torch.linalg.cross(first, last, dim=0)

    drawn = [element(int(n)) for n in molecule.numbers]
    return Thing(
        "H₂O₂",
        *(r, 0 * r),
        tuple(symbol for symbol, _ in drawn),
        tuple(radius for _, radius in drawn),
        tuple((int(i), int(j)) for i, j in molecule.bonds),
        (
            ("0e", "distance O–O (Å)", lambda r, v: bonds(r)[1].norm()[None]),
            ("0o", "triple product (Å³)", lambda r, v: (crossed(r, v) @ bonds(r)[1])[None]),
            ("1o", "charges' dipole (e Å)", lambda r, v: (q * r).sum(dim=0)),
            ("1e", "OH × OH (Å²)", crossed),
        ),
    )
