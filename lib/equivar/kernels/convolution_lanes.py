"""A row of channels as one value, for Numba: what a CPU's vector registers hold.

A Numba loop over channels is made a vector by luck, and tests for overlapping memory and for the
loop's end each time around. A value of this type is a vector from the start: it stays in registers,
and every line of a kernel that uses it is one instruction for each register. Offsets count numbers
from the beginning of a one-dimensional contiguous array; nothing checks them.
"""

# mypy: ignore-errors
from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

__all__ = [
    "fma",
    "load",
    "load_some",
    "mul",
    "peek",
    "plus",
    "plus_some",
    "spread",
    "store",
    "store_some",
    "total",
]


class Lanes(types.Type):
    """Numba's name for `width` numbers of one dtype."""

    def __init__(self, dtype, width: int):
        self.dtype, self.width = dtype, width
        super().__init__(name=f"Lanes({dtype}, {width})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, lanes):
        number = manager.lookup(lanes.dtype).get_value_type()
        super().__init__(manager, lanes, ir.VectorType(number, lanes.width))


def _pointer(context, builder, array_type, array, start, lanes=None):
    data = context.make_array(array_type)(context, builder, array).data
    pointer = builder.gep(data, [start])
    if lanes is None:
        return pointer
    return builder.bitcast(pointer, context.get_value_type(lanes).as_pointer())


def _bytes(array_type) -> int:
    return array_type.dtype.bitwidth // 8


@intrinsic
def peek(typing, array, start):
    """The number at `start`, with no test whether `start` counts from the end."""

    def build(context, builder, signature, args):
        return builder.load(_pointer(context, builder, array, *args))

    return array.dtype(array, types.intp), build


@intrinsic(prefer_literal=True)
def load(typing, array, start, width):
    """The `width` numbers from `start`."""
    lanes = Lanes(array.dtype, width.literal_value)

    def build(context, builder, signature, args):
        pointer = _pointer(context, builder, array, *args[:2], lanes)
        return builder.load(pointer, align=_bytes(array))

    return lanes(array, types.intp, width), build


@intrinsic
def store(typing, array, start, lanes):
    """Write all lanes from `start` on."""

    def build(context, builder, signature, args):
        pointer = _pointer(context, builder, array, *args[:2], lanes)
        builder.store(args[2], pointer, align=_bytes(array))
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), build


def _first(context, builder, count, width: int):
    """A mask of the first `count` lanes."""
    whole = ir.VectorType(count.type, width)
    numbers = ir.Constant(whole, [ir.Constant(count.type, i) for i in range(width)])
    return builder.icmp_signed("<", numbers, _repeat(builder, count, width))


def _repeat(builder, number, width: int):
    vector = ir.VectorType(number.type, width)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), number, ir.IntType(32)(0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), width), None)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), everywhere)


def _masked(builder, name: str, result, vector, arguments):
    """Call LLVM's masked load or store; it touches no memory where the mask is off."""
    kind = f"v{vector.count}{vector.element.intrinsic_name}"
    signature = ir.FunctionType(result, [a.type for a in arguments])
    function = cgutils.get_or_insert_function(
        builder.module, signature, f"llvm.masked.{name}.{kind}.p0"
    )
    return builder.call(function, arguments)


@intrinsic(prefer_literal=True)
def load_some(typing, array, start, count, width):
    """The first `count` numbers from `start`, then zeros."""
    lanes = Lanes(array.dtype, width.literal_value)

    def build(context, builder, signature, args):
        pointer = _pointer(context, builder, array, *args[:2], lanes)
        vector = context.get_value_type(lanes)
        mask = _first(context, builder, args[2], lanes.width)
        align, zeros = ir.IntType(32)(_bytes(array)), ir.Constant(vector, None)
        return _masked(builder, "load", vector, vector, [pointer, align, mask, zeros])

    return lanes(array, types.intp, types.intp, width), build


@intrinsic
def plus(typing, array, start, lanes):
    """All lanes, and the numbers from `start` added to them."""

    def build(context, builder, signature, args):
        pointer = _pointer(context, builder, array, *args[:2], lanes)
        return builder.fadd(builder.load(pointer, align=_bytes(array)), args[2])

    return lanes(array, types.intp, lanes), build


@intrinsic
def plus_some(typing, array, start, count, lanes):
    """All lanes, and to the first `count` of them the numbers from `start` added."""

    def build(context, builder, signature, args):
        pointer = _pointer(context, builder, array, *args[:2], lanes)
        vector = context.get_value_type(lanes)
        mask = _first(context, builder, args[2], lanes.width)
        align, zeros = ir.IntType(32)(_bytes(array)), ir.Constant(vector, None)
        before = _masked(builder, "load", vector, vector, [pointer, align, mask, zeros])
        return builder.fadd(before, args[3])

    return lanes(array, types.intp, types.intp, lanes), build


@intrinsic
def store_some(typing, array, start, count, lanes):
    """Write the first `count` lanes from `start` on."""

    def build(context, builder, signature, args):
        pointer = _pointer(context, builder, array, *args[:2], lanes)
        mask = _first(context, builder, args[2], lanes.width)
        align, vector = ir.IntType(32)(_bytes(array)), context.get_value_type(lanes)
        _masked(builder, "store", ir.VoidType(), vector, [args[3], pointer, align, mask])
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, lanes), build


@intrinsic(prefer_literal=True)
def spread(typing, number, width):
    """One number in every lane."""

    def build(context, builder, signature, args):
        return _repeat(builder, args[0], width.literal_value)

    return Lanes(number, width.literal_value)(number, width), build


@intrinsic
def mul(typing, a, b):
    """`a * b`, lane by lane."""

    def build(context, builder, signature, args):
        return builder.fmul(*args)

    return a(a, b), build


@intrinsic
def fma(typing, a, b, c):
    """`a * b + c`, lane by lane, rounded once where the CPU can."""

    def build(context, builder, signature, args):
        product = builder.fmul(args[0], args[1], flags=("contract",))
        return builder.fadd(product, args[2], flags=("contract",))

    return a(a, b, c), build


@intrinsic
def total(typing, lanes):
    """The sum of all lanes, as a tree: fewer roundings in a row than one after the other."""

    def build(context, builder, signature, args):
        value, width = args[0], lanes.width
        while width > 1:
            width //= 2
            halves = [
                builder.shuffle_vector(
                    value,
                    value,
                    ir.Constant(ir.VectorType(ir.IntType(32), width), list(range(i, i + width))),
                )
                for i in (0, width)
            ]
            value = builder.fadd(*halves)
        return builder.extract_element(value, ir.IntType(32)(0))

    return lanes.dtype(lanes), build
