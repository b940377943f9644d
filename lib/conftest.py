"""The doctests of the library: what they need before it is imported."""

from __future__ import annotations

import importlib.util

from coursetools.device import choose_device

choose_device()  # without a GPU, Triton has to know before anything imports it

# Imported only where Triton is, and so are their doctests.
collect_ignore_glob = [] if importlib.util.find_spec("triton") else ["*_triton*.py"]
