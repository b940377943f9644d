"""A small experiment for the tests of the Cayley table: pieces on a square, atoms on a triangle."""

from __future__ import annotations

from typing import Any

import torch

from equivar.data import TETROMINOES, tetromino
from equivar.group_conv import polygon_matrices
from equivar.groups import cyclic, dihedral
from equivar.widgets import CayleyTable

PIECES = {name: tetromino(name) for name in TETROMINOES}
CORNERS = polygon_matrices(dihedral(3))[:3] @ torch.tensor([1.2, 0.0], dtype=torch.float64)
ATOMS = {"3 atoms": CORNERS, "2 atoms": CORNERS[:2], "1 atom": CORNERS[1:2]}
SCENES = {
    "C4": (cyclic(4), PIECES),
    "D4": (dihedral(4), PIECES),
    "C3v": (dihedral(3), ATOMS),
}


def cayley(**changes: Any) -> CayleyTable:
    """Record it, with some arguments exchanged."""
    return CayleyTable.record(**{"scenes": SCENES, "at": ("D4", "T", "r", "s"), **changes})
