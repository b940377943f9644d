"""One over a square root of a row of numbers, for Numba."""

# mypy: ignore-errors
from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["inverse_root"]


@intrinsic
def inverse_root(typing, lanes):
    """One over the square root, and zero for zero, lane by lane."""

    def build(context, builder, signature, args):
        vector = context.get_value_type(lanes)
        name = f"llvm.sqrt.v{vector.count}{vector.element.intrinsic_name}"
        kind = ir.FunctionType(vector, [vector])
        root = builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args)
        zeros, ones = (ir.Constant(vector, [number] * lanes.width) for number in (0.0, 1.0))
        # Unordered: what is not a number stays so.
        positive = builder.fcmp_unordered(">", args[0], zeros)
        return builder.select(positive, builder.fdiv(ones, root), zeros)

    return lanes(lanes), build
