"""Every solved set and every lecture on a real GPU, each in a process of its own.

`COURSE_DEVICE=cuda` is all that tells them. A set has to show what it shows on the CPU, within the
tolerance of grading; a lecture has to run, and its own asserts hold. Without a GPU,
`tests/test_other_device.py` runs the sets on one that is pretended.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import run_source
import torch

pytestmark = [
    pytest.mark.apart,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no GPU"),
]


@pytest.mark.parametrize("stem", run_source.STEMS)
def test_a_solved_set_shows_what_it_shows_on_the_cpu(stem: str) -> None:
    run("set", stem, minutes=5)


@pytest.mark.parametrize("page", run_source.PAGES)
def test_a_lecture_runs(page: str) -> None:
    run("page", page, minutes=20)


def run(kind: str, name: str, minutes: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.run_source", kind, name],
        cwd=run_source.ROOT,
        env=os.environ | {"COURSE_DEVICE": "cuda"},
        capture_output=True,
        text=True,
        timeout=60 * minutes,
        check=False,
    )
    assert done.returncode == 0, done.stderr
