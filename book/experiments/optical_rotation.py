r"""A pseudoscalar from quantum chemistry: python book/experiments/optical_rotation.py.

Light turns the plane of its polarization in a liquid of handed molecules. The textbook picture: the
light's electric field drives charge along the molecule, and where the molecule is a screw, the
charge goes around as it goes along, so that a magnetic moment appears *along* the field. How much
of it, averaged over all orientations of the molecule, is one number that changes sign in a mirror.

Here that number is computed for real molecules, with the charges of GFN2-xTB in a small field:

* In a field E along each axis a, of both signs, the charges q(E) of the atoms; dq/dE by difference.
* In a molecule without rings, charges say how much charge F passed along each bond: dq = B F, where
  B has -1 at the bond's first atom and 1 at its second.
* A current along a straight line from r_i to r_j has the moment F (r_i x r_j) / 2.
* G = 1/3 sum_a dm_a/dE_a, in e angstrom^2 per atomic unit of field (51.4 V/angstrom).

What it leaves out: the charge that moves within an atom, the solvent, and how all of it depends on
the color of the light. It has the symmetry of an optical rotation and its mechanism, from a real
response; it is not the number that a polarimeter shows. Moments are taken about the mean position
of the atoms. A turned molecule gives the same number within 2e-5, by the thresholds of the solver;
a typical G is thousands of times that. An inverted one gives minus the number, to the last digit.

Rows of `book/results/optical_rotation.json`: hydrogen peroxide, its OH bonds turned about the OO
bond; frames of alanine dipeptide (L). Needs the extra `data`. Ten minutes on one core.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coursetools.results import Row, run_experiment
from equivar.data import molecules
from equivar.data.geometries import place
from equivar.data.xtb import gfn2

RESULTS = Path(__file__).parent.parent / "results" / "optical_rotation.json"
FIELD, ACCURACY = 1e-3, 1e-2  # atomic units; tblite's factor on its thresholds
DIHEDRALS, FRAMES, CHUNK = range(0, 361, 15), 600, 50
PEROXIDE, BONDS = ("H", "O", "O", "H"), np.array([[0, 1], [1, 2], [2, 3]])
LENGTHS, ANGLE = (0.970, 1.468), 100.0  # OH, OO in angstrom and HOO in degrees, near ASE's g2

Array = NDArray[np.float64]


def peroxide(dihedral: float) -> Array:
    """H-O-O-H (4, 3) with a dihedral angle in degrees; planar, so achiral, at 0 and at 180."""
    none = (0, 0.0, 0, 0.0, 0, 0.0)
    rows = (
        ("H", *none),
        ("O", 0, LENGTHS[0], 0, 0.0, 0, 0.0),
        ("O", 1, LENGTHS[1], 0, ANGLE, 0, 0.0),
        ("H", 2, LENGTHS[0], 1, ANGLE, 0, dihedral),
    )
    positions = place(rows)[1]
    return positions - positions.mean(axis=0)


def charges(numbers: NDArray[np.int64], positions: Array, field: Array) -> Array:
    """Mulliken charges (n,) in a uniform field (3,), atomic units."""
    return gfn2(numbers, accuracy=ACCURACY, field=field)(positions).charges


def rotation(numbers: NDArray[np.int64], positions: Array, bonds: NDArray[np.int64]) -> float:
    """G of one geometry (n, 3) with bonds (m, 2) that form no ring."""
    r = positions - positions.mean(axis=0)
    ends = np.eye(len(r))
    flow = np.linalg.pinv((ends[bonds[:, 1]] - ends[bonds[:, 0]]).T)  # (m, n): charges to flows
    areas = np.cross(r[bonds[:, 0]], r[bonds[:, 1]]) / 2  # (m, 3)
    total = 0.0
    for a, field in enumerate(FIELD * np.eye(3)):
        there, back = charges(numbers, r, field), charges(numbers, r, -field)
        total += float(flow @ (there - back) / (2 * FIELD) @ areas[:, a])
    return total / 3


def jobs(frames: int = FRAMES) -> list[Row]:
    """All calculations."""
    scan: list[Row] = [{"molecule": "hydrogen peroxide", "dihedral": d} for d in DIHEDRALS]
    return scan + [
        {"molecule": "alanine_dipeptide", "first": k, "count": CHUNK}
        for k in range(0, frames, CHUNK)
    ]


def work(job: Row) -> Row:
    """G of one geometry, or of some frames one after another."""
    start = time.perf_counter()
    if "dihedral" in job:
        dihedral = job["dihedral"]
        assert isinstance(dihedral, int)
        found: list[float] = [rotation(np.array([1, 8, 8, 1]), peroxide(dihedral), BONDS)]
    else:
        first, count = job["first"], job["count"]
        assert isinstance(first, int)
        assert isinstance(count, int)
        data = molecules(str(job["molecule"]))
        numbers, bonds = data.numbers.numpy(), data.bonds.numpy()
        frames = data.positions[first : first + count].numpy()
        found = [rotation(numbers, frame, bonds) for frame in frames]
    seconds = round(time.perf_counter() - start, 3)
    return {"rotation": [round(value, 6) for value in found], "seconds": seconds}


def main() -> None:
    """Do what is missing."""
    about: Row = {"unit": "e angstrom^2 per atomic unit of field", "method": "GFN2-xTB"}
    run_experiment(__doc__, RESULTS, about, jobs(), work, jobs(CHUNK))


if __name__ == "__main__":
    main()
