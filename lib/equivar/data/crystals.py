"""The 32 crystal classes: the groups of rotations and reflections that a crystal can have."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from equivar._shapes import Float

__all__ = ["CRYSTAL_CLASSES", "CrystalClass", "crystal_class"]

# On the CPU, whatever the default is while this is imported; `crystal_class` moves them.
_I = -torch.eye(3, dtype=torch.float64, device="cpu")


def _turn(n: int) -> Tensor:
    """About z by a turn over n, counter-clockwise."""
    c, s = math.cos(2 * math.pi / n), math.sin(2 * math.pi / n)
    rows = [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]
    return torch.tensor(rows, dtype=torch.float64, device="cpu")


_2X, _2Y, _2Z = (
    torch.diag(torch.tensor(d, dtype=torch.float64, device="cpu"))
    for d in ((1, -1, -1), (-1, 1, -1), (-1, -1, 1))
)
_3Z, _4Z, _6Z = _turn(3), _turn(4).round(), _turn(6)
_MX, _MY = -_2X, -_2Y  # mirrors across x and across y
_3D = -_I[[2, 0, 1]]  # about the diagonal of a cube: x to y to z

# Schoenflies: Hermann-Mauguin, crystal system, generators. Axes as in Nye: 2 of monoclinic along y.
_CLASSES: dict[str, tuple[str, str, list[Tensor]]] = {
    "C1": ("1", "triclinic", []),
    "Ci": ("-1", "triclinic", [_I]),
    "C2": ("2", "monoclinic", [_2Y]),
    "Cs": ("m", "monoclinic", [_MY]),
    "C2h": ("2/m", "monoclinic", [_2Y, _I]),
    "D2": ("222", "orthorhombic", [_2Z, _2X]),
    "C2v": ("mm2", "orthorhombic", [_2Z, _MX]),
    "D2h": ("mmm", "orthorhombic", [_2Z, _2X, _I]),
    "C4": ("4", "tetragonal", [_4Z]),
    "S4": ("-4", "tetragonal", [-_4Z]),
    "C4h": ("4/m", "tetragonal", [_4Z, _I]),
    "D4": ("422", "tetragonal", [_4Z, _2X]),
    "C4v": ("4mm", "tetragonal", [_4Z, _MX]),
    "D2d": ("-42m", "tetragonal", [-_4Z, _2X]),
    "D4h": ("4/mmm", "tetragonal", [_4Z, _2X, _I]),
    "C3": ("3", "trigonal", [_3Z]),
    "C3i": ("-3", "trigonal", [_3Z, _I]),
    "D3": ("32", "trigonal", [_3Z, _2X]),
    "C3v": ("3m", "trigonal", [_3Z, _MX]),
    "D3d": ("-3m", "trigonal", [_3Z, _2X, _I]),
    "C6": ("6", "hexagonal", [_6Z]),
    "C3h": ("-6", "hexagonal", [-_6Z]),
    "C6h": ("6/m", "hexagonal", [_6Z, _I]),
    "D6": ("622", "hexagonal", [_6Z, _2X]),
    "C6v": ("6mm", "hexagonal", [_6Z, _MX]),
    "D3h": ("-6m2", "hexagonal", [-_6Z, _MX]),
    "D6h": ("6/mmm", "hexagonal", [_6Z, _2X, _I]),
    "T": ("23", "cubic", [_2Z, _3D]),
    "Th": ("m-3", "cubic", [_2Z, _3D, _I]),
    "O": ("432", "cubic", [_4Z, _3D]),
    "Td": ("-43m", "cubic", [-_4Z, _3D]),
    "Oh": ("m-3m", "cubic", [_4Z, _3D, _I]),
}

CRYSTAL_CLASSES = tuple(_CLASSES)
"""Their Schoenflies symbols, from the least symmetric system to the most."""


@dataclass(frozen=True, eq=False)
class CrystalClass:
    """One of the 32 groups, in the orientation of the textbooks.

    Attributes:
        symbol: in Schoenflies' notation, such as "D3".
        international: in Hermann and Mauguin's, such as "32"; a minus stands for the bar.
        system: triclinic, monoclinic, orthorhombic, tetragonal, trigonal, hexagonal or cubic.
        generators: (k, 3, 3) orthogonal, float64: every element is a product of them; k is 0 to 3.
        matrices: (g, 3, 3) all elements, the identity first.
    """

    symbol: str
    international: str
    system: str
    generators: Float[Tensor, "k 3 3"]
    matrices: Float[Tensor, "g 3 3"]

    def __repr__(self) -> str:
        return f"CrystalClass({self.symbol}, {self.international}, {self.system})"


def crystal_class(symbol: str) -> CrystalClass:
    """A crystal class by its Schoenflies symbol.

    A lattice repeats itself only under turns by a half, a third, a quarter and a sixth, which
    leaves 32 groups. The main axis is z; the twofold axis of a monoclinic crystal is y; a second
    twofold axis, or the normal of a second mirror, is x. (Where both exist, as in -42m and -6m2,
    Nye's choice: the twofold axis of -42m is x, the normal of a mirror of -6m2 is x.)

    Args:
        symbol: one of `CRYSTAL_CLASSES`.

    Returns:
        `CrystalClass`.

    Raises:
        ValueError: there is no class of that symbol.

    Quartz is D3, table salt Oh:

    >>> quartz, salt = crystal_class("D3"), crystal_class("Oh")
    >>> quartz, len(quartz.generators), len(quartz.matrices), len(salt.matrices)
    (CrystalClass(D3, 32, trigonal), 2, 6, 48)

    Source:
        Nye, Physical Properties of Crystals (1985), appendix B, for the axes.
    """
    if symbol not in _CLASSES:
        raise ValueError(
            f"there is no crystal class {symbol!r}; expected a Schoenflies symbol, one of "
            f"{', '.join(_CLASSES)}"
        )
    international, system, generators = _CLASSES[symbol]
    stacked = torch.as_tensor(torch.stack(generators) if generators else _I.new_zeros(0, 3, 3))
    return CrystalClass(symbol, international, system, stacked, _closure(stacked))


def _closure(generators: Float[Tensor, "k 3 3"]) -> Float[Tensor, "g 3 3"]:
    """All products, each once, in the order in which they are first found."""
    found = [torch.eye(3).to(generators)]
    for g in found:  # grows while it is read
        for a in generators:
            distances = (torch.stack(found) - a @ g).abs().amax(dim=(1, 2))
            if float(distances.min()) > 1e-6:
                found.append(a @ g)
    return torch.stack(found)
