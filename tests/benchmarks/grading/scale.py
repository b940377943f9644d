"""Ten thousand submissions without a kernel: what grading itself costs (`make bench-grading`).

Everything but the judging is real: files are read, answers transplanted, results stored, feedback
and tables written. Each size runs in a process of its own; the second run finds everything graded.
Writes `_build/grading-scale.json`.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
BUILD = ROOT / "_build"
STEM = "01_same_molecule_two_answers"
SIZES = (1_000, 2_500, 5_000, 10_000)


def one(students: int) -> dict[str, float]:
    """Grade so many, with judges that fail every check at once."""
    from classes import make_class

    from coursetools.grading import batch
    from coursetools.grading.crew import Alone
    from coursetools.grading.judge import Exercise, Reference

    pristine = ROOT / "exercises" / f"{STEM}.ipynb"
    cells = json.loads(pristine.read_text(encoding="utf-8"))["cells"]
    checks = [c["metadata"] for c in cells if c["metadata"].get("role") == "check"]
    reference = {check["name"]: check["reference"] for check in checks}

    def work(_, jobs):  # type: ignore[no-untyped-def]
        for job in jobs:
            shown = job.notebook["metadata"]  # as much as a judge would hand back
            assert shown is not None
            outcome = {"passed": False, "message": "A law does not hold. " * 20, "shown": ["x"] * 5}
            yield job, {name: dict(outcome, name=name) for name in reference}

    with tempfile.TemporaryDirectory(prefix="class-") as name:
        folder = Path(name)
        make_class(ROOT, [STEM], students, folder / "in")
        seconds = []
        with (
            patch.object(Alone, "start", lambda _: None),
            patch.object(Alone, "work", work),
            patch.object(Exercise, "reference", Reference(reference, ())),
        ):
            for _ in range(2):
                start = time.perf_counter()
                batch.grade(ROOT, folder / "in", folder / "out", 1, sandbox=False)
                seconds.append(time.perf_counter() - start)
        journal = (folder / "out" / batch.JOURNAL).stat().st_size / 1e6
        shutil.rmtree(folder / "in")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return {
        "submissions": students,
        "seconds": round(seconds[0], 2),
        "seconds_again": round(seconds[1], 2),
        "peak_mb": round(peak, 1),
        "journal_mb": round(journal, 1),
    }


def main() -> None:
    """Run each size in a process of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=BUILD / "grading-scale.json")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one)))
        return
    rows = []
    for size in SIZES:
        command = [sys.executable, __file__, "--one", str(size)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    options.out.parent.mkdir(exist_ok=True, parents=True)
    options.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(f"written: {options.out}")


if __name__ == "__main__":
    main()
