"""Put what `make bench-grading` measured on the page: `book/results/grading.json`.

python tests/benchmarks/grading/publish.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bench import BUILD, ROOT

RESULTS = ROOT / "book" / "results" / "grading.json"


def _read(path: Path) -> Any:
    if not path.exists():
        raise SystemExit(f"{path}: not there; measure it first: make bench-grading")
    return json.loads(path.read_text(encoding="utf-8"))


def main() -> int:
    """Refuse a class with a wrong score; write the rest."""
    graders = _read(BUILD / "grading.json")
    whole = _read(BUILD / "grading-class.json")
    sizes = _read(BUILD / "grading-scale.json")
    if whole["wrong_scores"]:
        print(f"wrong scores, so nothing is written: {whole['wrong_scores']}", file=sys.stderr)
        return 1
    rows = [{"kind": "grader", **row} for row in graders]
    rows += [{"kind": "size", **row} for row in sizes]
    about = {name: value for name, value in whole.items() if name != "wrong_scores"}
    lines = ",\n".join(json.dumps(row) for row in rows)
    text = f'{{"about": {json.dumps(about)},\n"rows": [\n{lines}\n]}}\n'
    RESULTS.write_text(text, encoding="utf-8")
    print(f"written: {RESULTS}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
