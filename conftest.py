"""What every pytest run in this repository needs, whoever runs it.

A student has no jaxtyping, so the option `--jaxtyping-packages` in pyproject.toml would end a
student's `pytest --nbval-lax exercises/01_*.ipynb` before it began. The hook is installed here
instead, where jaxtyping is there (`make test` installs it, and a test holds the hook to be active).
"""

from __future__ import annotations

import importlib.util

pytest_plugins = ["coursetools.grading.student"]

if importlib.util.find_spec("jaxtyping") and importlib.util.find_spec("beartype"):
    from jaxtyping import install_import_hook

    # Must come before the first import of equivar: modules imported earlier stay unchecked.
    install_import_hook(["equivar"], "beartype.beartype")
