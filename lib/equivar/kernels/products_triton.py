"""Products of irreps on a GPU, in Triton. Import it only where Triton is: `products` does so."""

# mypy: ignore-errors
from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from equivar.kernels.launch_triton import ROWS, blocks, launch

__all__ = ["multiply", "multiply_rows"]


@triton.jit
def multiply_rows(a, b, out, starts, factors, coefficients, n, d1, d2, d3, ROWS: tl.constexpr):
    """Some rows: for each component of the result, its entries of the table and no others."""
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    there = rows < n
    for k in range(d3):
        total = tl.full((ROWS,), 0.0, dtype=out.dtype.element_ty)
        for q in range(tl.load(starts + k), tl.load(starts + k + 1)):
            left = tl.load(a + rows * d1 + tl.load(factors + 2 * q), mask=there, other=0.0)
            right = tl.load(b + rows * d2 + tl.load(factors + 2 * q + 1), mask=there, other=0.0)
            total += tl.load(coefficients + q) * (left * right)
        tl.store(out + rows * d3 + k, total, mask=there)


def multiply(
    a: Tensor, b: Tensor, out: Tensor, starts: Tensor, factors: Tensor, coefficients: Tensor
) -> None:
    """Write the products of rows.

    Args:
        a: (n, d1).
        b: (n, d2).
        out: (n, d3), contiguous; it is written over.
        starts: (d3 + 1,), where the entries of each component begin.
        factors: (n_entries, 2), the components that are multiplied.
        coefficients: (n_entries,).
    """
    arrays = a.contiguous(), b.contiguous(), out, starts, factors, coefficients
    widths = a.shape[1], b.shape[1], out.shape[1]
    launch(multiply_rows, blocks(len(a), ROWS), *arrays, len(a), *widths, ROWS=ROWS)
