"""Vectors of lanes for compiled kernels: 512 bits of one number type.

Nothing depends on how a compiler vectorises loops, so a lane's bits depend on no other lane. On
processors with shorter registers, LLVM splits a vector. Needs Numba.
"""

from __future__ import annotations

import functools
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

BITS = 512


def named_intrinsic(function: Any, name: str = "") -> Any:
    """An intrinsic with the same name in every process.

    Numba's random names become part of the keys of cached kernels, which would never be found
    again.
    """
    made = intrinsic(function)
    made._set_uuid(f"{__name__}.{name or function.__name__}")
    return made


class Vector(types.Type):  # type: ignore[misc]
    """Lanes of one number type, in one or several registers of the same size (parts)."""

    def __init__(self, number: Any, parts: int = 1) -> None:
        self.number, self.parts = number, parts
        self.lanes = parts * BITS // number.bitwidth
        super().__init__(name=f"Vector({number}, {parts})")


class Mask(types.Type):  # type: ignore[misc]
    """One truth value per lane."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        super().__init__(name=f"Mask({lanes})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Vector) -> None:
        number = ir.DoubleType() if kind.number.bitwidth == 64 else ir.FloatType()
        super().__init__(manager, kind, ir.VectorType(number, kind.lanes))


@register_model(Mask)
class _MaskModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Mask) -> None:
        super().__init__(manager, kind, ir.VectorType(ir.IntType(1), kind.lanes))


def lanes_of(dtype: Any) -> int:
    """How many lanes of a NumPy type are in one vector."""
    return BITS // (8 * int(dtype.itemsize))


@named_intrinsic
def use_wide_vectors(context: Any) -> Any:
    """Let the calling function use 512-bit registers if the processor has them.

    By default LLVM uses 256 bits on processors that slow down for wider vectors.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.function.attributes.add("alwaysinline")
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), generate


@named_intrinsic
def borrowed(context: Any, group: Any) -> Any:
    """A named tuple without reference counting of its arrays.

    Counting costs atomic instructions wherever arrays are passed on. Pass the original tuple to
    `keep_alive`.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        found = arguments[0]
        for place, kind in enumerate(group.types):
            if isinstance(kind, types.Array):
                value = builder.extract_value(found, place)
                array = context.make_array(kind)(context, builder, value)
                array.meminfo = cgutils.get_null_value(array.meminfo.type)
                found = builder.insert_value(found, array._getvalue(), place)
        return found

    return group(group), generate


@named_intrinsic
def keep_alive(context: Any, group: Any) -> Any:
    """Keep the argument alive until here."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.get_dummy_value()

    return types.void(group), generate


# to and from arrays --------------------------------------------------------------------------


def _place(context: Any, builder: Any, kinds: Any, arguments: Any, kind: Vector) -> Any:
    """A pointer to a vector, by row and number, in an array (rows, lanes) in C order."""
    return _pointer(context, builder, kinds, arguments, kind, kind.parts * BITS // 8)


def _pointer(
    context: Any, builder: Any, kinds: Any, arguments: Any, kind: Any, bytes_apart: int
) -> Any:
    array = context.make_array(kinds[0])(context, builder, arguments[0])
    row, number = (
        context.cast(builder, value, kind, types.intp)
        for value, kind in zip(arguments[1:3], kinds[1:3], strict=True)
    )
    row_bytes, _ = cgutils.unpack_tuple(builder, array.strides)
    offset = builder.mul(number, ir.Constant(number.type, bytes_apart))
    offset = builder.add(builder.mul(row, row_bytes), offset)
    start = builder.bitcast(array.data, ir.IntType(8).as_pointer())
    found = builder.gep(start, [offset], inbounds=True)
    return builder.bitcast(found, context.get_value_type(kind).as_pointer())


@functools.cache
def loader(parts: int) -> Any:
    """A function that loads a vector of `parts` parts."""

    def load(context: Any, array: Any, row: Any, number: Any) -> Any:
        """Vector `number`, counted from 0, in an array's row."""
        kind = Vector(array.dtype, parts)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            place = _place(context, builder, signature.args, arguments, kind)
            return builder.load(place, align=array.dtype.bitwidth // 8)

        return kind(array, row, number), generate

    return named_intrinsic(load, f"load_{parts}")


load = loader(1)


@named_intrinsic
def store(context: Any, array: Any, row: Any, number: Any, vector: Any) -> Any:
    """Store a vector where `load` finds it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature.args, arguments, vector)
        builder.store(arguments[3], place, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, row, number, vector), generate


@named_intrinsic
def spread(context: Any, number: Any) -> Any:
    """A number in every lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.get_value_type(Vector(number))
        return spread_out(builder, kind, arguments[0])

    return Vector(number)(number), generate


def spread_out(builder: Any, kind: Any, number: Any) -> Any:
    """A number in every lane."""
    whole = ir.IntType(32)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), number, ir.Constant(whole, 0))
    everywhere = ir.Constant(ir.VectorType(whole, kind.count), [0] * kind.count)
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), everywhere)


# several parts -------------------------------------------------------------------------------


@functools.cache
def number_loader(parts: int) -> Any:
    """A function that loads one number per part, for all lanes of the part."""

    def load_numbers(context: Any, array: Any, row: Any, first: Any) -> Any:
        """The numbers from `first` on in an array's row."""
        kind = Vector(array.dtype, parts)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            size = array.dtype.bitwidth // 8
            place = _pointer(context, builder, signature.args, arguments, array.dtype, size)
            few = ir.VectorType(context.get_value_type(array.dtype), parts)
            numbers = builder.load(builder.bitcast(place, few.as_pointer()), align=size)
            width = kind.lanes // parts
            return shuffled(builder, numbers, [part for part in range(parts) for _ in range(width)])

        return kind(array, row, first), generate

    return named_intrinsic(load_numbers, f"load_numbers_{parts}")


@functools.cache
def repeater(parts: int) -> Any:
    """A function that repeats a vector of one part."""

    def repeat(context: Any, vector: Any) -> Any:
        """A vector in every part."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            order = list(range(vector.lanes)) * parts
            return shuffled(builder, arguments[0], order)

        return Vector(vector.number, parts)(vector), generate

    return named_intrinsic(repeat, f"repeat_{parts}")


def shuffled(builder: Any, vector: Any, order: list[int]) -> Any:
    """The lanes of a vector in the given order."""
    if order == list(range(vector.type.count)):
        return vector
    places = ir.Constant(ir.VectorType(ir.IntType(32), len(order)), order)
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), places)
