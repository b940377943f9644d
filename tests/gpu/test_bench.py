"""`make gpu-bench` runs, on tiny sizes, and says what it cannot do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu.py"


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_dry_run_times_every_contender_of_some_cases(tmp_path: Path):
    out = tmp_path / "report"
    said = run("rotations", "sums", "products", "--dry-run", "--out", str(out))
    report = json.loads(out.with_suffix(".json").read_text())
    rows = {(row["case"], row["direction"], row["form"]): row for row in report["rows"]}
    assert {"torch", "triton", "torch.compile"} <= {form for *_, form in rows}
    for (_, _, form), row in rows.items():
        if form.startswith("CUDA graph") and not torch.cuda.is_available():
            assert row["why_not"] == "RuntimeError: a CUDA graph needs a GPU"
        else:
            assert row["error"] < 1e-5, row
            assert row["seconds"] > 0
            assert row["least_bytes"] > 0
    assert out.with_suffix(".md").read_text() in said
    assert "the times mean nothing" in said


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so_and_times_nothing(tmp_path: Path):
    said = run("--out", str(tmp_path / "report"))
    assert "no GPU that PyTorch sees, so nothing was timed" in said
    assert list(tmp_path.iterdir()) == []
