"""What every pytest run in this repository needs, whoever runs it.

A student has no jaxtyping, so the option `--jaxtyping-packages` in pyproject.toml would end a
student's `pytest --nbval-lax exercises/01_*.ipynb` before it began. The hook is installed here
instead, where jaxtyping is there (`make test` installs it, and a test holds the hook to be active).
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

pytest_plugins = ["coursetools.grading.student"]

LIBRARY = Path(__file__).parent / "lib" / "equivar"


def checked_modules() -> list[str]:
    """All modules of the library but those that Numba or Triton compile: they want it plain."""
    files = [path for path in LIBRARY.rglob("*.py") if path.name != "__init__.py"]
    marks = "\nfrom numba", "import compiled", "\nimport triton"
    plain = [f for f in files if not any(m in f.read_text(encoding="utf-8") for m in marks)]
    return [".".join(f.relative_to(LIBRARY.parent).with_suffix("").parts) for f in plain]


if importlib.util.find_spec("jaxtyping") and importlib.util.find_spec("beartype"):
    from jaxtyping import install_import_hook

    # Must come before the first import of equivar: modules imported earlier stay unchecked.
    install_import_hook(checked_modules(), "beartype.beartype")
