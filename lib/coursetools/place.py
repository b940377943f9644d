"""Where a kernel runs: an empty folder and a bare environment."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# A list of what may pass, not of what may not: a CI job's environment holds tokens.
PASSED_ON = {
    *("PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SYSTEMROOT"),
    *("VIRTUAL_ENV", "LD_LIBRARY_PATH", "PYTHONPATH", "XDG_CACHE_HOME", "MPLCONFIGDIR"),
}


@contextmanager
def kernel_place(seed: int) -> Iterator[tuple[Path, dict[str, str]]]:
    """An empty working folder and a bare environment for one kernel; gone afterwards.

    The environment is the same for derived notebooks, for reference outputs and for students'
    answers, so a difference in outputs is a difference in answers.

    Yields:
        The kernel's working folder, and its environment.
    """
    with tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True) as name:
        environment = {key: text for key, text in os.environ.items() if key in PASSED_ON}
        environment |= furnish(Path(name), seed)
        yield Path(name) / "work", environment


def furnish(scratch: Path, seed: int) -> dict[str, str]:
    """Put into an empty folder what a kernel needs, and say so in variables.

    Args:
        scratch: The folder; `work` in it is where the kernel should run.
        seed: What `coursetools.checks.seed()` shall say.
    """
    for part in ("work", "ipython"):
        (scratch / part).mkdir()
    style = scratch / "matplotlibrc"
    style.write_text("svg.hashsalt: course\n", encoding="utf-8")
    return {
        "COURSE_SEED": str(seed),
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",  # two kernels that fight for two cores are many times slower
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "IPYTHONDIR": str(scratch / "ipython"),  # no start-up files of the user's
        "MATPLOTLIBRC": str(style),
        "SOURCE_DATE_EPOCH": "0",  # or SVG files hold today's date
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
