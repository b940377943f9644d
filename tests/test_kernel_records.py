"""What lecture 13 shows of Triton's kernels is what they do, recorded again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from coursetools.results import load_results
from equivar.widgets.kernel_steps import RECORDING

pytest.importorskip("triton")
ROOT = Path(__file__).parent.parent
TRAFFIC = ROOT / "book" / "results" / "triton_traffic.json"


def run(script: str, *words: str) -> None:
    """In another process, since Triton is told to interpret before it is imported."""
    command = [sys.executable, str(ROOT / "book" / "experiments" / script), *words]
    environment = os.environ | {"TRITON_INTERPRET": "1", "COURSE_DEVICE": "cpu"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_the_steps_of_the_widget_are_those_of_the_kernels(tmp_path: Path) -> None:
    out = tmp_path / "steps.json"
    run("kernel_steps.py", "--out", str(out))
    assert json.loads(out.read_text("utf-8")) == json.loads(RECORDING.read_text("utf-8"))


def test_traffic_is_seen_again(tmp_path: Path) -> None:
    out = tmp_path / "traffic.json"
    run("triton_traffic.py", "--quick", "--out", str(out))
    before = {row["kernel"]: row for row in load_results(TRAFFIC)[0]}
    rows = load_results(out)[0]
    assert len(rows) == 4
    for row in rows:
        kept = before[row["kernel"]]
        for name in ("programs", "seen", "counted_bytes", "least_bytes", "operations"):
            assert row[name] == kept[name], name
        assert row["error"] == pytest.approx(kept["error"], rel=0.5)


def test_recorded_kernels_are_right() -> None:
    rows, about = load_results(TRAFFIC)
    assert len(rows) == 9
    assert "interpreter" in str(about["device"])
    for row in rows:
        assert row["seen_bytes"] == row["counted_bytes"] >= row["least_bytes"]
        assert row["outside"] == row["races"] == 0
        assert row["error"] < 1e-5
        assert row["symmetry_error"] < 1e-5
        assert row["least_operations"] <= row["operations"]
