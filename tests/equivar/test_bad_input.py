"""Malformed values end in sentences: no public function answers with an error from the depths."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from malformed import broken, faults_of, modules

SCRIPT = Path(__file__).parent.parent / "malformed.py"
NAMES = sorted(modules())


def names_of(half: int) -> list[str]:
    """Two shares of the modules, so that two workers can do them at once."""
    return NAMES[half::2]


@pytest.mark.parametrize("half", [0, 1])
def test_no_malformed_value_ends_in_the_depths(half: int):
    command = [sys.executable, str(SCRIPT), *names_of(half)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["faults"] == []
    assert report["silent"] == [], "these public functions have no example that calls them"
    assert len(report["called"]) > 20


def test_a_function_that_checks_nothing_is_found():
    def pick(x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        return x[index] @ torch.eye(3)

    found = list(faults_of("pick", pick, (torch.ones(4, 3), torch.tensor([1, 2])), {}))
    assert any("IndexError" in fault for fault in found)
    assert any("RuntimeError" in fault for fault in found)


def test_a_function_that_says_what_it_expects_is_not():
    def positive(n: int) -> int:
        if n < 1:
            raise ValueError(f"got n = {n}; expected 1 or more")
        return n

    assert list(faults_of("positive", positive, (3,), {})) == []
    assert [kind for kind, _ in broken(3)] == ["negative", "zero", "large"]
