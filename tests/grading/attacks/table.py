"""`python -m tests.grading.attacks.table`: hold the class of attackers, and write what came of it.

From the root of the course, about five minutes. It writes book/results/attacks.json, which the
page `book/attacks.md` shows, and fails without writing if an attack got through.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path

from . import ALL, KINDS
from .arena import CELL_TIMEOUT, Report, arena, hold, honest

RESULTS = Path(__file__).parents[3] / "book" / "results" / "attacks.json"


def rows(report: Report) -> list[dict[str, object]]:
    """One row for each attack."""
    return [
        {
            "kind": kind,
            "name": attack.name,
            "tries": attack.tries,
            "must": attack.points,
            "got": report.got(attack.who) if attack.points is not None else None,
            "proof": attack.proof(report.evidence(attack)),
        }
        for kind, attacks in KINDS.items()
        for attack in attacks
    ]


def main() -> int:
    """Grade, compare, write."""
    with arena() as scene:
        report = hold(scene, ALL)
        found = rows(report)
        students = list(honest(scene.answers))
        points = [report.got(student) for student in students]
    outside = {
        "files": report.changed + report.left,
        "heard": report.heard,
        "processes": report.processes,
    }
    through = [row["name"] for row in found if row["must"] != row["got"]]
    if through or any(outside.values()) or set(points) != {6}:
        print(f"got through: {through}; outside: {outside}; honest: {points}", file=sys.stderr)
        return 1
    bubblewrap = subprocess.run(["bwrap", "--version"], capture_output=True, text=True, check=True)
    about = {
        "attacks": len(ALL),
        "honest": len(students),
        "honest_points": min(points),
        **{f"outside_{name}": len(items) for name, items in outside.items()},
        "seconds": round(report.seconds),
        "cell_timeout": CELL_TIMEOUT,
        "bubblewrap": bubblewrap.stdout.split()[-1],
        "linux": platform.release().split("-")[0],
    }
    lines = ",\n".join(json.dumps(row) for row in found)
    RESULTS.write_text(f'{{"about": {json.dumps(about)},\n"rows": [\n{lines}\n]}}\n', "utf-8")
    print(f"{len(found)} attacks, none got through: {RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
