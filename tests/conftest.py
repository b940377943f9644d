"""Every run of the tests is the same run: fixed examples, fixed seeds, one thread, no clock."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

from coursetools.device import choose_device

# Last on the path, so that the folder tests/equivar never hides the package of that name.
sys.path.append(str(Path(__file__).parent))

choose_device()  # without a GPU, Triton has to know before anything imports it

collect_ignore = ["benchmarks"]  # run by `make bench`, with packages that no test needs

settings.register_profile(
    "course",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=50,
    # A slow machine is no reason for a test to fail.
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("course")

torch.set_num_threads(1)  # the order of summation, and so the last digit, depends on it


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file in one worker, for what they share; those marked `apart` need not.

    A file of few long tests would else end a run with one worker at work and the other idle.
    """
    for item in items:
        apart = item.get_closest_marker("apart") is not None
        item.add_marker(pytest.mark.xdist_group(item.nodeid if apart else str(item.path)))


@pytest.fixture(autouse=True)
def _seed() -> None:
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
