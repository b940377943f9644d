"""The Triton kernels on the device at hand: a GPU, or their interpreter on the CPU.

`make gpu-test` runs this folder. Without a GPU, sizes are small, since each operation of a kernel
is then some Python. Nothing here knows which of the two it is but the fixture below.
"""

from __future__ import annotations

import pytest
import torch

from coursetools.device import choose_device, describe_device
from equivar.kernels.forms import has_triton


def pytest_report_header() -> str:
    return f"device: {describe_device()}"


@pytest.fixture(autouse=True)
def _triton() -> None:
    if not has_triton():
        pytest.skip("Triton is not installed")
    import triton.language  # noqa: F401  # now, before a test tries other values of its variable


@pytest.fixture
def device() -> torch.device:
    return choose_device()
