r"""Published polarizabilities beside recomputed ones: python book/experiments/qm9_tensors.py.

The package qm9pack ships a table of polarizability tensors for the molecules of QM9, next to their
geometries. Lecture 12 audits that table. For the audit's verdict to be checked, this script takes
an extract and computes dipole and polarizability again *at the same coordinates* with GFN2-xTB, by
a small field E along each axis, of both signs: alpha_ij = d mu_i / d E_j.

GFN2-xTB is another method than QM9's B3LYP/6-31G(2df,p), and its polarizabilities are smaller. What
it settles is the frame: the recomputed tensor turns with the coordinates by construction.

Rows of `book/results/qm9_tensors.json`, one a molecule: index and SMILES in QM9; atomic numbers;
positions, angstrom, to four decimals; `published`, xx xy yy xz yz zz in bohr^3 as qm9pack has them;
`isotropic`, QM9's own number for a third of the trace; `recomputed`, six numbers as published has
them; `dipole`, atomic units.

Needs the extra `data`, and the package, of which two tables are read and no code is run:
`pip install --no-deps qm9pack==1.0.3` (104 MB, MIT license, whose notice the results repeat).
A minute on one core.
"""

from __future__ import annotations

import ast
import csv
import importlib.util
import time
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coursetools.results import Row, run_experiment
from equivar.data.xtb import BOHR, gfn2

RESULTS = Path(__file__).parent.parent / "results" / "qm9_tensors.json"
MOLECULES = 400  # the first ones of QM9 that have three atoms or more
FIELD, ACCURACY = 1e-3, 1e-2  # atomic units; tblite's factor on its thresholds
NUMBERS = {"H": 1, "C": 6, "N": 7, "O": 8, "F": 9}
NOTICE = (
    "smiles, numbers, positions, published and isotropic are an extract of qm9pack 1.0.3. "
    "MIT License. "
    "Copyright (c) 2024 Raghu. Permission is hereby granted, free of charge, to any person "
    "obtaining a copy of this software and associated documentation files (the Software), to deal "
    "in the Software without restriction, including without limitation the rights to use, copy, "
    "modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to "
    "permit persons to whom the Software is furnished to do so, subject to the following "
    "conditions: The above copyright notice and this permission notice shall be included in all "
    "copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED AS IS, WITHOUT "
    "WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF "
    "MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE "
    "AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN "
    "AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE "
    "SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."
)
SIX = ("A_xx", "A_xy", "A_yy", "A_xz", "A_yz", "A_zz")

Array = NDArray[np.float64]


@cache
def extract(count: int = MOLECULES) -> dict[int, Row]:
    """The first molecules of QM9 as qm9pack ships them, by their index."""
    found = importlib.util.find_spec("qm9pack")
    if found is None or found.origin is None:
        raise ImportError("qm9pack is missing: pip install --no-deps qm9pack==1.0.3")
    data = Path(found.origin).parent / "data"
    with (data / "qm9_polarizability.csv").open(encoding="utf-8") as file:
        tensors = {row["XYZ_file"]: [float(row[k]) for k in SIX] for row in csv.DictReader(file)}
    rows: dict[int, Row] = {}
    with (data / "qm9_part1.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            numbers = [NUMBERS[element] for element in ast.literal_eval(row["Elements"])]
            if len(numbers) < 3:
                continue
            positions = np.array(ast.literal_eval(row["XYZ_Ang"]))
            rows[int(row["Index"])] = {
                "smiles": row["SMILES"],
                "numbers": numbers,
                "positions": positions.round(4).tolist(),
                "published": tensors[row["XYZ_file"]],
                "isotropic": float(row["Polarizability_bohr3"]),
            }
            if len(rows) == count:
                break
    return rows


def dipole(numbers: NDArray[np.int64], positions: Array, field: Array) -> Array:
    """Dipole (3,) in a uniform field (3,), atomic units; positions in angstrom."""
    return gfn2(numbers, accuracy=ACCURACY, field=field)(positions).dipole / BOHR


def respond(numbers: NDArray[np.int64], positions: Array) -> tuple[Array, Array]:
    """Dipole (3,) and polarizability (3, 3) of one molecule, atomic units."""
    columns = [
        (dipole(numbers, positions, field) - dipole(numbers, positions, -field)) / (2 * FIELD)
        for field in FIELD * np.eye(3)
    ]
    alpha = np.stack(columns, axis=1)
    return dipole(numbers, positions, np.zeros(3)), (alpha + alpha.T) / 2


def work(job: Row) -> Row:
    """One molecule: what was published, and what GFN2-xTB finds at the same coordinates."""
    start = time.perf_counter()
    index = job["index"]
    assert isinstance(index, int)
    row = extract()[index]
    mu, alpha = respond(np.array(row["numbers"]), np.array(row["positions"]))
    six = [alpha[i, j] for i, j in ((0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2))]
    return {
        **row,
        "recomputed": [round(float(v), 3) for v in six],
        "dipole": [round(float(v), 4) for v in mu],
        "seconds": round(time.perf_counter() - start, 3),
    }


def main() -> None:
    """Do what is missing."""
    about: Row = {"unit": "bohr^3", "method": "GFN2-xTB", "notice": NOTICE}
    run_experiment(__doc__, RESULTS, about, [{"index": k} for k in extract()], work)


if __name__ == "__main__":
    main()
