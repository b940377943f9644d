"""Every kernel compiles to the machine code of a GPU, here, where there may be none."""

from __future__ import annotations

import ast
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

KERNELS = Path(__file__).parents[2] / "lib" / "equivar" / "kernels"


def started_kernels() -> set[str]:
    """Names of all functions that Triton compiles and `launch` starts."""
    trees = [ast.parse(path.read_text()) for path in KERNELS.glob("*triton*.py")]
    functions = [node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]
    compiled = [
        f.name for f in functions if any("triton.jit" in ast.unparse(d) for d in f.decorator_list)
    ]
    return {name for name in compiled if not name.startswith("_")}


@pytest.mark.skipif(platform.system() != "Linux", reason="Triton compiles on Linux")
def test_all_kernels_compile(tmp_path: Path):
    environment = os.environ | {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    script = Path(__file__).with_name("compile_all.py")
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["kernel"] for row in rows} == started_kernels()
    assert len(started_kernels()) == 9
    assert all(row["bytes"] > 1000 for row in rows)
    assert len(rows) == 4 * 9
