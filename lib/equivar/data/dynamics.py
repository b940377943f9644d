"""Draw conformations at a temperature: relax a start geometry, then Langevin dynamics.

`make_molecules` says which choices were made, and why. Needs the extra `data`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equivar.data.geometries import GEOMETRIES, place


@dataclass(frozen=True)
class Recipe:
    """All that decides which frames of one molecule are drawn. Times in fs, masses in u."""

    name: str
    frames: int
    chains: int = 20
    temperature: float = 500.0  # kelvin
    timestep: float = 1.0
    friction: float = 0.02  # 1/fs
    hydrogen_mass: float = 4.0
    discard: int = 500  # steps
    interval: int = 50  # steps
    seed: int = 0


def relax(name: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Atomic numbers and the centered positions `(n, 3)` of the GFN2-xTB minimum near the start."""
    from ase import Atoms
    from ase.optimize import BFGS
    from tblite.ase import TBLite

    atoms = Atoms(*place(GEOMETRIES[name]))
    atoms.calc = TBLite(method="GFN2-xTB", accuracy=0.01, verbosity=0)
    BFGS(atoms, logfile=None).run(fmax=1e-3, steps=500)
    return atoms.numbers.astype(np.int64), atoms.positions - atoms.positions.mean(axis=0)


def run_chain(
    recipe: Recipe, chain: int, numbers: NDArray[np.int64], start: NDArray[np.float64]
) -> NDArray[np.float64]:
    """One chain of Langevin dynamics.

    Args:
        recipe: how.
        chain: its number, from 0; with the recipe's seed it decides the random numbers.
        numbers: atomic numbers `(n,)`.
        start: positions `(n, 3)` at rest in a minimum, angstrom.

    Returns:
        Positions `(recipe.frames // recipe.chains, n, 3)`, neither centered nor aligned.

    """
    os.environ["OMP_NUM_THREADS"] = "1"  # these molecules are too small to share among threads
    from ase import Atoms, units
    from ase.md.langevin import Langevin
    from tblite.ase import TBLite

    rng = np.random.default_rng([recipe.seed, chain])
    masses = np.where(numbers == 1, recipe.hydrogen_mass, Atoms(numbers).get_masses())
    atoms = Atoms(numbers, start, masses=masses)
    atoms.calc = TBLite(method="GFN2-xTB", accuracy=0.1, verbosity=0)
    # Twice the temperature, since half of it goes into the potential energy, zero at the start.
    widths = np.sqrt(masses * units.kB * 2 * recipe.temperature)
    atoms.set_momenta(rng.standard_normal(start.shape) * widths[:, None])
    dynamics = Langevin(
        atoms,
        recipe.timestep * units.fs,
        temperature_K=recipe.temperature,
        friction=recipe.friction / units.fs,
        fixcm=False,
        rng=rng,
    )
    dynamics.run(recipe.discard)
    frames = np.empty((recipe.frames // recipe.chains, len(numbers), 3))
    for frame in frames:
        dynamics.run(recipe.interval)
        frame[:] = atoms.positions
    return frames


def align(positions: NDArray[np.float64], onto: NDArray[np.float64]) -> NDArray[np.float64]:
    """Center positions and turn them onto others by the best proper rotation.

    Source: Kabsch, Acta Cryst. A32, 922 (1976).

    Args:
        positions: `(n, 3)`.
        onto: `(n, 3)`, centered.

    Returns:
        `(n, 3)`: centroid at the origin, least sum of squares to `onto`.

    Example:
        >>> corner = np.diag([1.0, 2.0, 3.0]) - np.array([1.0, 2.0, 3.0]) / 3
        >>> turned = corner @ np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        >>> np.testing.assert_allclose(align(turned + 5, corner), corner, atol=1e-12)

    """
    centered = positions - positions.mean(axis=0)
    U, _, Vt = np.linalg.svd(centered.T @ onto)
    # Without the sign a planar frame, or an inverted one, would be fitted by a reflection.
    sign = np.diag([1.0, 1.0, np.sign(np.linalg.det(U @ Vt))])
    return centered @ (U @ sign @ Vt)
