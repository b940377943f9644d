"""Molecules with energies, forces, dipoles and charges: small, real, and committed.

`make_molecules` made the files and says how; `xtb` says what the method is good for. Energies are
stored in float64, all else as whole millionths: positions are exact (the labels were computed at
the rounded ones), forces, dipoles and charges are within 5e-7 of what was computed.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equivar._shapes import Float, Int

FOLDER = Path(__file__).parent
DECIMALS = 6
MOLECULES = ("ethanol", "malonaldehyde", "alanine_dipeptide")
"""The names that `molecules` knows."""

# The place in the list is the atomic number; g2 goes no further than chlorine.
_ELEMENTS = "X H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar"


@dataclass(frozen=True, eq=False)
class Conformations:
    """f conformations of one molecule of n atoms. Tensors are float64 where they are not int64.

    Attributes:
        name: one of `MOLECULES`.
        symbols: n element symbols, in the order of the atoms.
        numbers: `(n,)` atomic numbers.
        positions: `(f, n, 3)` angstrom. Centroid at the origin, **turned onto frame 0**.
        energies: `(f,)` eV, total, so about -300: subtract the mean before you train.
        forces: `(f, n, 3)` eV/angstrom, minus the gradient of the energy.
        dipoles: `(f, 3)` e*angstrom (1 e*angstrom = 4.803 debye), from minus to plus.
        charges: `(f, n)` e, Mulliken; each frame's sum is zero.
        bonds: `(m, 2)` pairs of atoms, of the relaxed molecule, the smaller index first.

    """

    name: str
    symbols: tuple[str, ...]
    numbers: Int[Tensor, " n"]
    positions: Float[Tensor, "f n 3"]
    energies: Float[Tensor, " f"]
    forces: Float[Tensor, "f n 3"]
    dipoles: Float[Tensor, "f 3"]
    charges: Float[Tensor, "f n"]
    bonds: Int[Tensor, "m 2"]


@dataclass(frozen=True, eq=False)
class Molecule:
    """One geometry of one molecule of n atoms. Tensors are float64 where they are not int64.

    Attributes:
        name: the name in ASE's g2 set, often the formula, such as "CH3CH2OH".
        symbols: n element symbols, in the order of the atoms.
        numbers: `(n,)` atomic numbers.
        positions: `(n, 3)` angstrom, centroid at the origin.
        energy: `()` eV, total.
        forces: `(n, 3)` eV/angstrom.
        dipole: `(3,)` e*angstrom.
        charges: `(n,)` e, Mulliken; their sum is zero.
        bonds: `(m, 2)` pairs of atoms, the smaller index first.
        unpaired: number of unpaired electrons: 0 for a closed shell, 2 for the triplet O2.

    """

    name: str
    symbols: tuple[str, ...]
    numbers: Int[Tensor, " n"]
    positions: Float[Tensor, "n 3"]
    energy: Float[Tensor, ""]
    forces: Float[Tensor, "n 3"]
    dipole: Float[Tensor, " 3"]
    charges: Float[Tensor, " n"]
    bonds: Int[Tensor, "m 2"]
    unpaired: int


def _symbols(numbers: NDArray[np.int64]) -> tuple[str, ...]:
    table = _ELEMENTS.split()
    return tuple(table[number] for number in numbers)


@cache
def _read(name: str) -> dict[str, NDArray[Any]]:
    with np.load(FOLDER / f"{name}.npz") as file:
        arrays = {key: file[key] for key in file.files}
    for key in ("positions", "forces", "dipoles", "charges"):
        # A division, not a multiplication by 1e-6: it gives the float nearest to the decimal.
        arrays[key] = arrays[key] / 10**DECIMALS
    return arrays


def molecules(name: str) -> Conformations:
    """Conformations of one molecule at 500 K, with what GFN2-xTB says of each.

    The frames are **aligned**: net rotation and translation were taken out, as makers of such data
    sets commonly do. A model may look invariant here only because it never saw a turned molecule.

    * `ethanol`: 9 atoms, 1600 frames; hydroxyl and methyl turn;
    * `malonaldehyde`: 9 atoms, 1600 frames; flat on average, and the proton is on the far oxygen
      in 16 % of them;
    * `alanine_dipeptide`: 22 atoms, 600 frames; two soft dihedral angles; chiral (L), and stays
      around C7eq.

    Args:
        name: one of `MOLECULES`.

    Returns:
        `Conformations`, in new tensors at each call: change them in place and nobody else sees it.

    Raises:
        ValueError: no such molecule.

    Example:
        >>> ethanol = molecules("ethanol")
        >>> "".join(ethanol.symbols), tuple(ethanol.positions.shape)
        ('CCOHHHHHH', (1600, 9, 3))
        >>> ethanol.forces.sum(dim=1).abs().max() < 1e-5  # nothing pulls from outside
        tensor(True)

    Source: this course, `python -m equivar.data.make_molecules`; GFN2-xTB, doi
    10.1021/acs.jctc.8b01176.
    """
    if name not in MOLECULES:
        close = difflib.get_close_matches(name, MOLECULES, n=1, cutoff=0.0)[0]
        raise ValueError(
            f"No molecule is named {name!r}. There are {', '.join(MOLECULES)}. "
            f"The closest is {close!r}."
        )
    arrays = _read(name)
    return Conformations(
        name=name,
        symbols=_symbols(arrays["numbers"]),
        **{
            key: torch.tensor(arrays[key])
            for key in ("numbers", "positions", "energies", "forces", "dipoles", "charges", "bonds")
        },
    )


def small_molecules() -> tuple[Molecule, ...]:
    """The 148 molecules of ASE's g2 set, two atoms to fourteen, hydrogen to chlorine.

    Geometries are the set's own (MP2(full)/6-31G*), not minima of GFN2-xTB, so forces are not zero.
    Radicals and triplets are among them; their energies are the method's weakest. The set's 14
    single atoms are left out.

    Returns:
        A tuple of `Molecule`, in ASE's order, in new tensors at each call.

    Example:
        >>> by_name = {molecule.name: molecule for molecule in small_molecules()}
        >>> by_name["H2O"].symbols
        ('O', 'H', 'H')
        >>> by_name["CH4"].dipole.norm() < 1e-5  # a tetrahedron has no direction to point in
        tensor(True)

    Source: geometries: Curtiss et al., J. Chem. Phys. 106, 1063 (1997), through ASE 3.29; labels:
    this course, GFN2-xTB.
    """
    arrays = _read("small_molecules")
    atoms = np.cumsum(arrays["sizes"])[:-1]
    split = {
        key: [torch.tensor(block) for block in np.split(arrays[key], atoms)]
        for key in ("numbers", "positions", "forces", "charges")
    }
    bonds = np.split(arrays["bonds"], np.cumsum(arrays["bond_counts"])[:-1])
    return tuple(
        Molecule(
            name=str(name),
            symbols=_symbols(split["numbers"][i].numpy()),
            energy=torch.tensor(arrays["energies"][i]),
            dipole=torch.tensor(arrays["dipoles"][i]),
            bonds=torch.tensor(bonds[i]),
            unpaired=int(arrays["unpaired"][i]),
            **{key: blocks[i] for key, blocks in split.items()},
        )
        for i, name in enumerate(arrays["names"])
    )
