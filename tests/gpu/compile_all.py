"""Compile every kernel for GPUs that need not be here: a script, for test_compile.py.

Triton's compiler is a part of the package, and so is the assembler. So that a kernel is valid code,
and not only valid in the interpreter, can be seen without a GPU; that it is right or fast cannot.
Prints one line of JSON for each: the kernel, the GPU's generation, the number's type, the size of
its tiles, the bytes of its machine code.
"""

from __future__ import annotations

import json

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from equivar.kernels import (
    convolution_triton_kernels,
    harmonics_triton,
    products_triton,
    rotate_triton,
    segments_triton,
)

WIDE, WHOLE = "*i64", "*i32"
SETTINGS = {"EDGES": (16, 1), "CHANNELS": (32, 1), "COLUMNS": (128, 1), "POINTS": (128, 1)}
SETTINGS |= {"ROWS": (128, 1), "LMAX": (4, 0), "NORMALIZE": (True, False)}
# Arrays of indices, by kernel; all others are floats, and what is no array is an int32.
INDICES = {
    "sum_rows": {"source": WIDE, "starts": WIDE},
    "add_rows": {"source": WIDE, "target": WIDE},
    "turn": {},
    "evaluate_points": {},
    "differentiate_points": {},
    "multiply_rows": {"starts": WHOLE, "factors": WHOLE},
    "sum_edges": dict.fromkeys(("starts", "edges", "nodes", "rows"), WIDE)
    | dict.fromkeys(("tasks", "lines", "groups", "factors", "terms"), WHOLE),
    "differentiate_weights": dict.fromkeys(("sources", "targets"), WIDE)
    | dict.fromkeys(("tasks", "lines", "groups", "factors", "terms"), WHOLE),
    "differentiate_filter": dict.fromkeys(("sources", "targets", "rows"), WIDE)
    | dict.fromkeys(("columns", "groups", "starts", "terms"), WHOLE),
}
MODULES = (
    convolution_triton_kernels,
    harmonics_triton,
    products_triton,
    rotate_triton,
    segments_triton,
)


def is_number(name: str) -> bool:
    """Whether an argument is a whole number: n, n_edges, d_out, d1, width."""
    return name in ("n", "width") or name.startswith(("n_", "d_", "d1", "d2", "d3"))


def size_of_code(kernel: object, generation: int, kind: str, small: bool) -> int:
    """Compile one kernel; with `small`, for tiles of one number and whole numbers equal to 1."""
    constants = {n: SETTINGS[n][small] for n in kernel.arg_names if n in SETTINGS}
    if small:  # Triton compiles 1 into the code
        constants |= {name: 1 for name in kernel.arg_names if is_number(name)}
    signature = {}
    for name in kernel.arg_names:
        float_or_index = INDICES[kernel.__name__].get(name, f"*{kind}")
        signature[name] = "i32" if is_number(name) else float_or_index
        if name in constants:
            signature[name] = "constexpr"
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
    made = triton.compile(source, target=GPUTarget("cuda", generation, 32))
    return len(made.asm["cubin"])


def main() -> None:
    """Compile them all."""
    for module in MODULES:
        for name in INDICES:
            kernel = getattr(module, name, None)
            if kernel is None:
                continue
            for generation, kind, small in (
                (80, "fp32", False),
                (90, "fp32", False),
                (90, "fp64", False),
                (90, "fp32", True),
            ):
                size = size_of_code(kernel, generation, kind, small)
                row = {"kernel": name, "sm": generation, "type": kind, "small": small}
                print(json.dumps(row | {"bytes": size}), flush=True)


if __name__ == "__main__":
    main()
