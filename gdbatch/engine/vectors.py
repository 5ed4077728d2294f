"""Vectors of lanes for compiled kernels: 512 bits of one type of numbers in a register.

Every operation is one of IEEE arithmetic on each lane, with fused multiply-adds only where they
are written. Nothing is left to how a compiler arranges a loop, so a lane's bits depend on no other
lane. Where a processor has shorter registers, LLVM splits a vector. Importing this needs Numba.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

from ..ingredients import elementary

BITS = 512


def lasting(function: Any, name: str = "") -> Any:
    """An intrinsic that has the same name in every process.

    Numba gives each a random one, which goes into the keys of kernels on disk: none would ever be
    found again.
    """
    made = intrinsic(function)
    made._set_uuid(f"{__name__}.{name or function.__name__}")
    return made


class Vector(types.Type):  # type: ignore[misc]
    """Lanes of one type of numbers."""

    def __init__(self, number: Any) -> None:
        self.number = number
        self.lanes = BITS // number.bitwidth
        super().__init__(name=f"Vector({number})")


class Mask(types.Type):  # type: ignore[misc]
    """A truth value a lane."""

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


@lasting
def use_wide_vectors(context: Any) -> Any:
    """Let the function this stands in use 512-bit registers, where the processor has them.

    LLVM stays with 256 bits on processors that once slowed down for wider ones.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.function.attributes.add("alwaysinline")
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), generate


# to and from arrays --------------------------------------------------------------------------


def _place(context: Any, builder: Any, kinds: Any, arguments: Any) -> Any:
    """A pointer to a vector by its row and number in an array (rows, lanes) in C order."""
    array = context.make_array(kinds[0])(context, builder, arguments[0])
    row, number = (
        context.cast(builder, value, kind, types.intp)
        for value, kind in zip(arguments[1:3], kinds[1:3], strict=True)
    )
    bytes_a_row, _ = cgutils.unpack_tuple(builder, array.strides)
    vector_bytes = ir.Constant(number.type, BITS // 8)
    offset = builder.add(builder.mul(row, bytes_a_row), builder.mul(number, vector_bytes))
    start = builder.bitcast(array.data, ir.IntType(8).as_pointer())
    vector = context.get_value_type(Vector(kinds[0].dtype))
    return builder.bitcast(builder.gep(start, [offset], inbounds=True), vector.as_pointer())


@lasting
def load(context: Any, array: Any, row: Any, number: Any) -> Any:
    """The vector of a number, from 0, in an array's row."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature.args, arguments)
        return builder.load(place, align=array.dtype.bitwidth // 8)

    return Vector(array.dtype)(array, row, number), generate


@lasting
def store(context: Any, array: Any, row: Any, number: Any, vector: Any) -> Any:
    """Put a vector where `load` finds it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature.args, arguments)
        builder.store(arguments[3], place, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, row, number, vector), generate


@lasting
def spread(context: Any, number: Any) -> Any:
    """A number in every lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.get_value_type(Vector(number))
        return _spread(builder, kind, arguments[0])

    return Vector(number)(number), generate


def _spread(builder: Any, kind: Any, number: Any) -> Any:
    whole = ir.IntType(32)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), number, ir.Constant(whole, 0))
    everywhere = ir.Constant(ir.VectorType(whole, kind.count), [0] * kind.count)
    return builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), everywhere)


# arithmetic ----------------------------------------------------------------------------------


def _unary(name: str, generator: Callable[[Any, Any], Any]) -> Any:
    def apply(context: Any, a: Any) -> Any:
        return a(a), lambda context, builder, signature, values: generator(builder, values[0])

    return lasting(apply, name)


def _binary(name: str) -> Any:
    def apply(context: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return getattr(builder, name)(*values)

        return a(a, b), generate

    return lasting(apply, name)


def _comparison(sign: str) -> Any:
    def apply(context: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.fcmp_ordered(sign, *values)

        return Mask(a.lanes)(a, b), generate

    return lasting(apply, sign)


def _call(builder: Any, name: str, *values: Any) -> Any:
    """One of LLVM's functions on vectors."""
    kind = values[0].type
    bits = 64 if kind.element == ir.DoubleType() else 32
    signature = ir.FunctionType(kind, [kind] * len(values))
    full_name = f"llvm.{name}.v{kind.count}f{bits}"
    function = cgutils.get_or_insert_function(builder.module, signature, full_name)
    return builder.call(function, values)


def _overload_binary(function: Any, apply: Any, kind: Any = Vector) -> None:
    @overload(function, strict=False)
    def find(a: Any, b: Any) -> Any:
        if isinstance(a, kind) and a == b:
            return lambda a, b: apply(a, b)
        return None


def _overload_unary(function: Any, apply: Any, kind: Any = Vector) -> None:
    @overload(function, strict=False)
    def find(a: Any) -> Any:
        if isinstance(a, kind):
            return lambda a: apply(a)
        return None


for _operator, _name in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _overload_binary(_operator, _binary(_name))
for _operator, _name in (
    (operator.lt, "<"),
    (operator.le, "<="),
    (operator.gt, ">"),
    (operator.ge, ">="),
):
    _overload_binary(_operator, _comparison(_name))
_overload_binary(operator.and_, _binary("and_"), Mask)
_overload_unary(operator.invert, _unary("not", lambda builder, value: builder.not_(value)), Mask)
_overload_unary(operator.neg, _unary("fneg", lambda builder, value: builder.fneg(value)))
_overload_unary(abs, _unary("fabs", lambda builder, value: _call(builder, "fabs", value)))


@lasting
def any_of(context: Any, mask: Any) -> Any:
    """Whether a truth value holds in any lane."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        bits = ir.IntType(mask.lanes)
        return builder.icmp_unsigned("!=", builder.bitcast(values[0], bits), ir.Constant(bits, 0))

    return types.boolean(mask), generate


square_root = _unary("sqrt", lambda builder, value: _call(builder, "sqrt", value))
_overload_unary(elementary.sqrt, square_root)


@lasting
def multiply_add(context: Any, a: Any, b: Any, c: Any) -> Any:
    """a·b + c, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _call(builder, "fma", *values)

    return a(a, b, c), generate


@lasting
def with_sign_of(context: Any, size: Any, signed: Any) -> Any:
    """The size of one vector's numbers with the sign of another's."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _call(builder, "copysign", *values)

    return size(size, signed), generate


@lasting
def scaled(context: Any, number: Any, rounded: Any) -> Any:
    """number·2^k, where k stands in the lowest bits of `rounded`; no overflow is looked for."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = values[0].type
        double = kind.element == ir.DoubleType()
        whole = ir.VectorType(ir.IntType(64 if double else 32), kind.count)
        places = ir.Constant(whole, [52 if double else 23] * kind.count)
        exponent = builder.shl(builder.bitcast(values[1], whole), places)
        return builder.bitcast(builder.add(builder.bitcast(values[0], whole), exponent), kind)

    return number(number, rounded), generate


# what fused forms of ingredients are written in -----------------------------------------------


@lasting
def _select(context: Any, condition: Any, a: Any, b: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.select(*values)

    return a(condition, a, b), generate


@overload(elementary.where, strict=False)
def _where(condition: Any, a: Any, b: Any) -> Any:
    return lambda condition, a, b: _select(condition, a, b)


@overload(elementary.like, strict=False)
def _like(number: Any, constant: Any) -> Any:
    kind = np.float64 if number.number == types.float64 else np.float32

    def typed(number: Any, constant: Any) -> Any:
        return spread(kind(constant))

    return typed


def _lane_by_lane(name: str, function: Any) -> Any:
    """A function of one number, called for every lane."""

    def apply(context: Any, a: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            number, found = a.number, values[0]
            for lane in range(a.lanes):
                place = ir.Constant(ir.IntType(32), lane)
                one = builder.extract_element(values[0], place)
                one = context.compile_internal(builder, function, number(number), [one])
                found = builder.insert_element(found, one, place)
            return found

        return a(a), generate

    return lasting(apply, name)


for _plain, _scalar in (
    (elementary.log1p, lambda number: math.log1p(number)),
    (elementary.sin, lambda number: math.sin(number)),
    (elementary.cos, lambda number: math.cos(number)),
):
    _overload_unary(_plain, _lane_by_lane(_plain.__name__, _scalar))
