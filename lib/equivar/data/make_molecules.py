"""Compute the course's molecules: `python -m equivar.data.make_molecules`.

How the frames came about, so that you can judge what they are good for:

* A start geometry (`geometries`), relaxed with GFN2-xTB (`xtb` says what that is good for).
* Langevin dynamics at 500 K, 12 or 20 chains for each molecule, each with its own seed, the first
  0.5 ps dropped, then a frame every 50 fs. Vibrations are forgotten between frames; slow turns of a
  bond are not always, which is why there are many chains. All start in the same minimum, and what
  takes picoseconds is not sampled to the end: the two sides of malonaldehyde are alike by symmetry,
  but its proton is on the far one in 16 % of the frames, not in half.
* Hydrogen weighs 4 u in the dynamics, so that a step of 1 fs is short enough. How often a
  conformation occurs at a temperature does not depend on masses, and nothing here depends on time.
* Net translation and rotation are removed: every frame has its centroid at the origin and is turned
  onto the first one (Kabsch, all atoms alike, proper rotations only). **Such data sets are commonly
  aligned by their makers, so look before you conclude that a model has learned symmetry from one.**
* Positions are rounded to six decimals, and the labels computed at the rounded, aligned positions,
  from scratch, with tight thresholds. That is the same as turning forces and dipoles along with the
  frame, and leaves no gap between the positions in the file and the physics.
* Small molecules: ASE's g2 set at its own geometries (MP2(full)/6-31G*), which are no minima of
  GFN2-xTB, so forces are small but not zero. Open shells are kept, with their number of unpaired
  electrons. The 14 single atoms are left out: no bonds, no forces, no dipole.

Finished chains are kept in `--parts`; if you interrupt it, the next run goes on with the chains
that are missing. Dynamics is chaotic: another processor or another tblite gives other frames of the
same distribution, but the labels of given positions agree to the last stored digit or nearly.

Needs the extra `data`: `pip install "equivar-course[data]"` (tblite, ase, tqdm).
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equivar.data.dynamics import Recipe, align, relax, run_chain
from equivar.data.molecules import DECIMALS, FOLDER, molecules, small_molecules
from equivar.data.xtb import Labels, gfn2

Arrays = dict[str, NDArray[Any]]

RECIPES = (
    Recipe("ethanol", 1600),
    Recipe("malonaldehyde", 1600),
    Recipe("alanine_dipeptide", 600, chains=12),
)


def find_bonds(numbers: NDArray[np.int64], positions: NDArray[np.float64]) -> NDArray[np.int64]:
    """Pairs of atoms closer than 1.25 times the sum of their covalent radii.

    Args:
        numbers: atomic numbers `(n,)`.
        positions: `(n, 3)`, angstrom.

    Returns:
        `(m, 2)`, each pair once with the smaller index first, in order.

    """
    from ase.data import covalent_radii

    radii = covalent_radii[numbers]
    distances = np.linalg.norm(positions[:, None] - positions[None, :], axis=-1)
    bonded = np.triu(distances < 1.25 * (radii[:, None] + radii[None, :]), k=1)
    return np.argwhere(bonded)


def save(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a compressed npz that is either whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


def whole(values: Any) -> NDArray[np.int32]:
    """Numbers as int32 counts of the last stored decimal: smaller than float64, and exact."""
    return np.rint(np.asarray(values) * 10**DECIMALS).astype(np.int32)


def label_arrays(labels: list[Labels]) -> Arrays:
    """The labels of some frames, as they are stored."""
    return {
        "energies": np.array([label.energy for label in labels]),
        "forces": whole([label.forces for label in labels]),
        "dipoles": whole([label.dipole for label in labels]),
        "charges": whole([label.charges for label in labels]),
    }


def run_chains(
    recipe: Recipe,
    chains: Sequence[int],
    numbers: NDArray[np.int64],
    start: NDArray[np.float64],
    workers: int,
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Number and frames of each chain, as they get ready. One worker is this process itself."""
    if workers == 1:
        for chain in chains:
            yield chain, run_chain(recipe, chain, numbers, start)
        return
    # Spawned, since a fork of a process whose libraries hold threads can hang. A Pool: it ends
    # its workers at once when you press Ctrl-C, where an executor waits for the chains begun.
    ignore = (signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; only this process is to answer
    with get_context("spawn").Pool(workers, initializer=signal.signal, initargs=ignore) as pool:
        jobs = [(recipe, chain, numbers, start) for chain in chains]
        yield from pool.imap_unordered(_numbered_chain, jobs)


def _numbered_chain(job: tuple[Any, ...]) -> tuple[int, NDArray[np.float64]]:
    return job[1], run_chain(*job)


def make_conformations(recipe: Recipe, parts: Path, workers: int) -> Arrays:
    """Draw the frames of one molecule (those chains that are not in `parts` yet) and label them."""
    from tqdm import tqdm

    numbers, start = relax(recipe.name)
    # The folder's name holds the whole recipe, so no chain of another one is taken for its own.
    key = ",".join(f"{value}" for value in asdict(recipe).values())
    files = [parts / key / f"{chain:02d}.npz" for chain in range(recipe.chains)]
    missing = [chain for chain, file in enumerate(files) if not file.exists()]
    with tqdm(desc=f"{recipe.name}: chains", total=recipe.chains) as bar:
        bar.update(recipe.chains - len(missing))
        for chain, frames in run_chains(recipe, missing, numbers, start, workers):
            save(files[chain], {"positions": frames})
            bar.update()

    drawn = np.concatenate([np.load(file)["positions"] for file in files])
    first = drawn[0] - drawn[0].mean(axis=0)
    positions = whole([align(frame, first) for frame in drawn])
    evaluate = gfn2(numbers)
    labels = [
        evaluate(frame) for frame in tqdm(positions / 10**DECIMALS, desc=f"{recipe.name}: labels")
    ]
    bonds = find_bonds(numbers, start)
    return {"numbers": numbers, "bonds": bonds, "positions": positions, **label_arrays(labels)}


def make_small_molecules() -> Arrays:
    """Label ASE's g2 molecules, atoms of all molecules one after another."""
    from ase.build import molecule
    from ase.collections import g2
    from tqdm import tqdm

    kept = [atoms for atoms in map(molecule, g2.names) if len(atoms) > 1]
    names = [name for name in g2.names if len(molecule(name)) > 1]
    unpaired = [round(abs(atoms.get_initial_magnetic_moments().sum())) for atoms in kept]
    centered = [atoms.positions - atoms.positions.mean(axis=0) for atoms in kept]
    positions = [whole(p) for p in centered]
    labels = [
        gfn2(atoms.numbers, spin)(position / 10**DECIMALS)
        for atoms, spin, position in tqdm(
            list(zip(kept, unpaired, positions, strict=True)), desc="small molecules"
        )
    ]
    bonds = [find_bonds(atoms.numbers, p) for atoms, p in zip(kept, centered, strict=True)]
    return {
        "names": np.array(names),
        "sizes": np.array([len(atoms) for atoms in kept]),
        "bond_counts": np.array([len(pairs) for pairs in bonds]),
        "unpaired": np.array(unpaired),
        "numbers": np.concatenate([atoms.numbers for atoms in kept]).astype(np.int64),
        "positions": np.concatenate(positions),
        "bonds": np.concatenate(bonds),
        "energies": np.array([label.energy for label in labels]),
        "forces": whole(np.concatenate([label.forces for label in labels])),
        "dipoles": whole([label.dipole for label in labels]),
        "charges": whole(np.concatenate([label.charges for label in labels])),
    }


def verify() -> None:
    """Read the files back and hold a sample against a fresh calculation."""
    for recipe in RECIPES:
        data = molecules(recipe.name)
        evaluate = gfn2(data.numbers.numpy())
        worst = 0.0
        for i in range(0, len(data.energies), 50):
            labels = evaluate(data.positions[i].numpy())
            worst = max(worst, abs(labels.energy - data.energies[i].item()))
            worst = max(worst, float(np.abs(labels.forces - data.forces[i].numpy()).max()))
        if not worst < 2e-6:
            raise RuntimeError(f"{recipe.name}: stored and recomputed labels differ by {worst:.1e}")
        spread = data.energies.std().item()
        print(
            f"{recipe.name}: {len(data.energies)} frames, energy spread {spread:.3f} eV, verified"
        )
    print(f"small molecules: {len(small_molecules())}")


def main() -> None:
    """Make what is missing, write it beside this file, and verify it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument(
        "--parts",
        type=Path,
        default=Path("_build/molecules"),
        help="where finished chains are kept",
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        save(FOLDER / "small_molecules.npz", make_small_molecules())
        for recipe in RECIPES:
            arrays = make_conformations(recipe, options.parts, options.workers)
            save(FOLDER / f"{recipe.name}.npz", arrays)
    except KeyboardInterrupt:
        sys.exit(f"Stopped. Finished chains are in {options.parts}: run this again to go on.")
    verify()


if __name__ == "__main__":
    main()
