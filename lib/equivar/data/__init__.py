"""Small real data sets. Nothing is downloaded.

`molecules(name)` gives thousands of geometries of one molecule, `small_molecules()` one geometry of
each of many, with energy, forces, dipole and charges from quantum chemistry. `digits()`
gives handwritten digits, `platonic_solid(name)` the corners of a regular solid, `tetromino(name)`
and `polyominoes(n)` squares glued edge to edge.
"""

from equivar.data.crystals import CRYSTAL_CLASSES, CrystalClass, crystal_class
from equivar.data.digits import Digits, digits
from equivar.data.molecules import (
    MOLECULES,
    Conformations,
    Molecule,
    molecules,
    small_molecules,
)
from equivar.data.polyominoes import TETROMINOES, polyominoes, tetromino
from equivar.data.solids import SOLIDS, platonic_solid
from equivar.data.tetris import TETRIS, tetris

__all__ = [
    "CRYSTAL_CLASSES",
    "MOLECULES",
    "SOLIDS",
    "TETRIS",
    "TETROMINOES",
    "Conformations",
    "CrystalClass",
    "Digits",
    "Molecule",
    "crystal_class",
    "digits",
    "molecules",
    "platonic_solid",
    "polyominoes",
    "small_molecules",
    "tetris",
    "tetromino",
]
