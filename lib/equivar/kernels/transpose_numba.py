"""A square tile of an array turned around in vector registers, for Numba.

Kernels that keep many points side by side have to write each point's numbers one after the other
in the end. Done one number at a time, that takes longer than the mathematics.
"""

# mypy: ignore-errors
from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["WIDTH", "turn_tile"]

WIDTH = 16
"""Rows and columns of a tile: one AVX-512 register of float32."""


def _mask(lanes) -> ir.Constant:
    return ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), list(lanes))


@intrinsic
def turn_tile(typing, source, start, step, target, into, stride):
    """Number j of row i goes to number i of row j, for i and j below WIDTH.

    Both arrays are one-dimensional and contiguous. Row i of the tile begins at `start + i * step`
    of source, row j of the result at `into + j * stride` of target. Nothing checks them.
    """

    def build(context, builder, signature, args):
        vector = ir.VectorType(context.get_value_type(source.dtype), WIDTH)
        align = source.dtype.bitwidth // 8

        def row(array_type, array, start, step, i):
            data = context.make_array(array_type)(context, builder, array).data
            offset = builder.add(start, builder.mul(step, ir.Constant(step.type, i)))
            return builder.bitcast(builder.gep(data, [offset]), vector.as_pointer())

        rows = [builder.load(row(source, *args[:3], i), align=align) for i in range(WIDTH)]
        half = WIDTH // 2
        while half:  # swap the two squares of this size that are off the diagonal, all at once
            low = _mask(WIDTH + j - half if j & half else j for j in range(WIDTH))
            high = _mask(WIDTH + j if j & half else j + half for j in range(WIDTH))
            for i in range(WIDTH):
                if not i & half:
                    pair = rows[i], rows[i + half]
                    rows[i] = builder.shuffle_vector(*pair, low)
                    rows[i + half] = builder.shuffle_vector(*pair, high)
            half //= 2
        for j in range(WIDTH):
            builder.store(rows[j], row(target, *args[3:], j), align=align)
        return context.get_dummy_value()

    n = types.intp
    return types.void(source, n, n, target, n, n), build
