"""Quantum chemistry of one molecule: GFN2-xTB, through tblite.

Why this method. GFN2-xTB is a real electronic-structure method: it solves for the electrons'
density self-consistently, so energy, forces, dipole and charges come from one wave function and
obey the symmetries of physics to the solver's tolerance. Its gradients are analytic. It takes about
a millisecond for a molecule of nine atoms, so anyone can compute the course's whole data set again
on a laptop in minutes, where density functional theory (PBE in PySCF) takes 7.7 s a frame.

What it is good for: geometries, vibrations, conformations and their distribution, non-covalent
contacts, and dipoles roughly. What it is not good for: reaction barriers, heats of formation, and
the energies of radicals and of spin states (the spin enters by occupation alone). Energies count
valence electrons only, and include the small free-energy term of electrons at 300 K; the forces are
its exact gradient. Charges are Mulliken's: a way of sharing electrons out, not an observable. The
dipole is one, and includes the atoms' own dipoles, so it is not `sum(charges * positions)`.

Source: Bannwarth, Ehlert and Grimme, J. Chem. Theory Comput. 15, 1652 (2019),
doi 10.1021/acs.jctc.8b01176. Needs the extra `data`: `pip install "equivar-course[data]"`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# CODATA 2018, written out so that the file of data does not move with a library's defaults.
BOHR = 0.529177210903  # angstrom
HARTREE = 27.211386245988  # eV

# tblite's accuracy 1 leaves the forces 3e-7 hartree/bohr off the energy's slope; this, below 1e-9.
ACCURACY = 1e-4


@dataclass(frozen=True, eq=False)
class Labels:
    """What GFN2-xTB says of one geometry of n atoms: numpy arrays, float64.

    Attributes:
        energy: eV.
        forces: `(n, 3)`, eV/angstrom.
        dipole: `(3,)`, e*angstrom; for a neutral molecule free of the choice of origin.
        charges: `(n,)`, e; their sum is the molecule's charge, here always 0.

    """

    energy: float
    forces: NDArray[np.float64]
    dipole: NDArray[np.float64]
    charges: NDArray[np.float64]


def gfn2(
    numbers: Sequence[int] | NDArray[np.int64],
    unpaired: int = 0,
    accuracy: float = ACCURACY,
    field: NDArray[np.float64] | None = None,
) -> Callable[[NDArray[np.float64]], Labels]:
    """The function from positions to labels for one neutral molecule.

    Every call starts from the same guess and none from the last call's density: the labels of a
    geometry then depend on that geometry alone, in whatever order the geometries come.

    Args:
        numbers: atomic numbers, n of them, up to 86.
        unpaired: number of unpaired electrons (multiplicity less 1).
        accuracy: tblite's factor on all of its thresholds; smaller is tighter.
        field: (3,) a uniform electric field, in atomic units (51.4 V/angstrom); None for none.

    Returns:
        A function of positions `(n, 3)` in angstrom that gives `Labels`.

    Raises:
        ImportError: tblite is not installed.

    Example:
        >>> hydrogen = gfn2([1, 1])
        >>> labels = hydrogen(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.9]]))
        >>> bool(labels.forces[1, 2] < 0)  # stretched: each atom is pulled to the other
        True

    """
    try:
        from tblite import library
        from tblite.interface import Calculator
    except ImportError as error:
        raise ImportError(
            "gfn2 needs tblite, which is not installed. It is in the extra `data`: "
            'pip install "equivar-course[data]" (from a clone: pip install -e ".[data]").'
        ) from error

    numbers = np.asarray(numbers, dtype=np.int64)
    # tblite refuses atoms that sit on top of each other, so a line of them to begin with.
    line = np.arange(len(numbers))[:, None] * np.array([[3.0, 0.0, 0.0]])
    calculator = Calculator("GFN2-xTB", numbers, line, uhf=unpaired)
    calculator.set("accuracy", accuracy)
    calculator.set("verbosity", 0)
    if field is not None:
        field = np.ascontiguousarray(field, dtype=np.float64)
        # tblite 0.8 wants a C pointer here.
        calculator.add("electric-field", library.ffi.cast("double*", field.ctypes.data))

    def evaluate(positions: NDArray[np.float64]) -> Labels:
        calculator.update(np.asarray(positions) / BOHR)
        result = calculator.singlepoint()
        return Labels(
            energy=float(result.get("energy")) * HARTREE,
            forces=-result.get("gradient") * (HARTREE / BOHR),
            dipole=result.get("dipole") * BOHR,
            charges=result.get("charges").copy(),
        )

    return evaluate
