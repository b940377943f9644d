"""Start geometries for the molecular dynamics: internal coordinates, written by hand.

A molecule's shape has no coordinate system in it: a list of bond lengths, angles and dihedral
angles says all of it, up to a rotation and a translation (and the dihedrals' signs say which of two
mirror images). `place` chooses the coordinate system, arbitrarily. The values here are textbook
ones; the geometries are relaxed with GFN2-xTB before they are used.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# symbol, then (bonded atom, angstrom), (angle's atom, degrees), (dihedral's atom, degrees)
Row = tuple[str, int, float, int, float, int, float]

_NONE = (0, 0.0, 0, 0.0, 0, 0.0)

# CH3-CH2-OH, the hydroxyl anti.
ETHANOL: tuple[Row, ...] = (
    ("C", *_NONE),
    ("C", 0, 1.52, 0, 0.0, 0, 0.0),
    ("O", 1, 1.42, 0, 108.0, 0, 0.0),
    ("H", 2, 0.96, 1, 107.0, 0, 180.0),
    ("H", 0, 1.09, 1, 110.0, 2, 60.0),
    ("H", 0, 1.09, 1, 110.0, 2, 180.0),
    ("H", 0, 1.09, 1, 110.0, 2, 300.0),
    ("H", 1, 1.10, 0, 110.0, 2, 120.0),
    ("H", 1, 1.10, 0, 110.0, 2, 240.0),
)

# O=CH-CH=CH-OH, the planar enol with its internal hydrogen bond.
MALONALDEHYDE: tuple[Row, ...] = (
    ("O", *_NONE),
    ("C", 0, 1.24, 0, 0.0, 0, 0.0),
    ("C", 1, 1.44, 0, 123.0, 0, 0.0),
    ("C", 2, 1.36, 1, 120.0, 0, 0.0),
    ("O", 3, 1.32, 2, 124.0, 1, 0.0),
    ("H", 4, 1.00, 3, 106.0, 2, 0.0),
    ("H", 1, 1.10, 2, 118.0, 3, 180.0),
    ("H", 2, 1.08, 1, 119.0, 0, 180.0),
    ("H", 3, 1.09, 2, 121.0, 1, 180.0),
)

# Acetyl-L-alanine-N-methylamide near its C7eq minimum: phi = -80, psi = 80, both amides trans.
ALANINE_DIPEPTIDE: tuple[Row, ...] = (
    ("C", *_NONE),
    ("C", 0, 1.52, 0, 0.0, 0, 0.0),
    ("O", 1, 1.23, 0, 121.0, 0, 0.0),
    ("N", 1, 1.35, 0, 116.0, 2, 180.0),
    ("H", 3, 1.01, 1, 119.0, 2, 180.0),
    ("C", 3, 1.46, 1, 122.0, 0, 180.0),
    ("C", 5, 1.53, 3, 110.0, 1, -80.0),
    ("O", 6, 1.23, 5, 121.0, 3, -100.0),
    ("N", 6, 1.35, 5, 116.0, 3, 80.0),
    ("H", 8, 1.01, 6, 119.0, 7, 180.0),
    ("C", 8, 1.46, 6, 122.0, 5, 180.0),
    # The side chain at phi - 120 makes this L-alanine; phi + 120 would be the mirror image, D.
    ("C", 5, 1.53, 3, 110.0, 1, 160.0),
    ("H", 5, 1.09, 3, 108.0, 1, 40.0),
    ("H", 0, 1.09, 1, 110.0, 2, 0.0),
    ("H", 0, 1.09, 1, 110.0, 2, 120.0),
    ("H", 0, 1.09, 1, 110.0, 2, 240.0),
    ("H", 11, 1.09, 5, 110.0, 3, 60.0),
    ("H", 11, 1.09, 5, 110.0, 3, 180.0),
    ("H", 11, 1.09, 5, 110.0, 3, 300.0),
    ("H", 10, 1.09, 8, 110.0, 6, 60.0),
    ("H", 10, 1.09, 8, 110.0, 6, 180.0),
    ("H", 10, 1.09, 8, 110.0, 6, 300.0),
)

GEOMETRIES = {
    "ethanol": ETHANOL,
    "malonaldehyde": MALONALDEHYDE,
    "alanine_dipeptide": ALANINE_DIPEPTIDE,
}


def place(rows: Sequence[Row]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Cartesian positions from internal coordinates.

    Args:
        rows: one row for each atom: symbol; the atom that it is bonded to and the length in
            angstrom; the atom that closes the angle, in degrees; the atom that closes the dihedral
            angle, in degrees (IUPAC sign: clockwise is positive). They must stand in earlier rows.
            The first atom goes to the origin, the second onto the x axis, the third into the
            plane z = 0, so what their rows leave undetermined is not read.

    Returns:
        Symbols, and positions `(n, 3)` in angstrom.

    Example:
        >>> symbols, positions = place(ETHANOL)
        >>> round(float(np.linalg.norm(positions[1] - positions[0])), 6)
        1.52

    """
    positions = np.zeros((len(rows), 3))
    for i, (_, bonded, length, corner, angle, end, dihedral) in enumerate(rows):
        theta, phi = np.radians(angle), np.radians(dihedral)
        if i == 1:
            positions[i] = [length, 0.0, 0.0]
        elif i == 2:
            along = (positions[corner] - positions[bonded])[0]
            direction = [np.sign(along) * np.cos(theta), np.sin(theta), 0.0]
            positions[i] = positions[bonded] + length * np.array(direction)
        elif i > 2:
            axis = positions[bonded] - positions[corner]
            axis /= np.linalg.norm(axis)
            normal = np.cross(positions[corner] - positions[end], axis)
            normal /= np.linalg.norm(normal)
            local = [-np.cos(theta), np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi)]
            frame = np.stack([axis, np.cross(normal, axis), normal])
            positions[i] = positions[bonded] + length * np.array(local) @ frame
    return tuple(row[0] for row in rows), positions
