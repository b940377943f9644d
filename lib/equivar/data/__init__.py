"""Small real data sets. Nothing is downloaded.

`molecules(name)` gives thousands of geometries of one molecule, `small_molecules()` one geometry of
each of many, with energy, forces, dipole and charges from quantum chemistry. `digits()`
gives handwritten digits, `platonic_solid(name)` the corners of a regular solid.
"""

from equivar.data.digits import Digits, digits
from equivar.data.molecules import (
    MOLECULES,
    Conformations,
    Molecule,
    molecules,
    small_molecules,
)
from equivar.data.solids import SOLIDS, platonic_solid
from equivar.data.tetris import TETRIS, tetris

__all__ = [
    "MOLECULES",
    "SOLIDS",
    "TETRIS",
    "Conformations",
    "Digits",
    "Molecule",
    "digits",
    "molecules",
    "platonic_solid",
    "small_molecules",
    "tetris",
]
