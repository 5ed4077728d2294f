"""Arithmetic on vectors of lanes, for compiled kernels and fused forms.

Every operation is IEEE arithmetic in each lane, with fused multiply-adds only where they are
written. Needs Numba.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import overload

from ...numerics import elementary
from .vectors import Mask, Vector, named_intrinsic, shuffled, spread_out


def _unary(name: str, generator: Callable[[Any, Any], Any]) -> Any:
    def apply(context: Any, a: Any) -> Any:
        return a(a), lambda context, builder, signature, values: generator(builder, values[0])

    return named_intrinsic(apply, name)


def _binary(name: str) -> Any:
    def apply(context: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return getattr(builder, name)(*values)

        return a(a, b), generate

    return named_intrinsic(apply, name)


def _comparison(sign: str) -> Any:
    def apply(context: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.fcmp_ordered(sign, *values)

        return Mask(a.lanes)(a, b), generate

    return named_intrinsic(apply, sign)


def _call(builder: Any, name: str, *values: Any) -> Any:
    """Call an LLVM intrinsic on vectors."""
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


@named_intrinsic
def any_of(context: Any, mask: Any) -> Any:
    """Whether a mask is true in any lane."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        bits = ir.IntType(mask.lanes)
        return builder.icmp_unsigned("!=", builder.bitcast(values[0], bits), ir.Constant(bits, 0))

    return types.boolean(mask), generate


square_root = _unary("sqrt", lambda builder, value: _call(builder, "sqrt", value))
_overload_unary(elementary.sqrt, square_root)


@named_intrinsic
def multiply_add(context: Any, a: Any, b: Any, c: Any) -> Any:
    """a·b + c, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _call(builder, "fma", *values)

    return a(a, b, c), generate


@named_intrinsic
def add_products(context: Any, a: Any, b: Any, total: Any) -> Any:
    """Total + a·b of the first part + a·b of the second, and so on, each rounded once."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        found = values[2]
        for part in range(a.parts):
            order = list(range(part * total.lanes, (part + 1) * total.lanes))
            one, other = (shuffled(builder, value, order) for value in values[:2])
            found = _call(builder, "fma", one, other, found)
        return found

    return total(a, b, total), generate


@named_intrinsic
def add_parts(context: Any, vector: Any, total: Any) -> Any:
    """Total + the first part + the second, and so on."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        found = values[1]
        for part in range(vector.parts):
            order = list(range(part * total.lanes, (part + 1) * total.lanes))
            found = builder.fadd(found, shuffled(builder, values[0], order))
        return found

    return total(vector, total), generate


@named_intrinsic
def with_sign_of(context: Any, size: Any, signed: Any) -> Any:
    """The magnitudes of one vector with the signs of another."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _call(builder, "copysign", *values)

    return size(size, signed), generate


@named_intrinsic
def scaled(context: Any, number: Any, rounded: Any) -> Any:
    """number·2^k, with k in the lowest bits of `rounded`; overflow is not handled."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = values[0].type
        double = kind.element == ir.DoubleType()
        whole = ir.VectorType(ir.IntType(64 if double else 32), kind.count)
        places = ir.Constant(whole, [52 if double else 23] * kind.count)
        exponent = builder.shl(builder.bitcast(values[1], whole), places)
        return builder.bitcast(builder.add(builder.bitcast(values[0], whole), exponent), kind)

    return number(number, rounded), generate


# functions for fused forms --------------------------------------------------------------------


@named_intrinsic
def _select(context: Any, condition: Any, a: Any, b: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.select(*values)

    return a(condition, a, b), generate


@named_intrinsic
def _constant(context: Any, number: Any, constant: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = context.get_value_type(number)
        value = values[1] if number.number == constant else builder.fptrunc(values[1], kind.element)
        return spread_out(builder, kind, value)

    return number(number, constant), generate


@overload(elementary.where, strict=False)
def _where(condition: Any, a: Any, b: Any) -> Any:
    return lambda condition, a, b: _select(condition, a, b)


@overload(elementary.like, strict=False)
def _like(number: Any, constant: Any) -> Any:
    return lambda number, constant: _constant(number, constant)


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

    return named_intrinsic(apply, name)


for _plain, _scalar in (
    (elementary.log1p, lambda number: math.log1p(number)),
    (elementary.sin, lambda number: math.sin(number)),
    (elementary.cos, lambda number: math.cos(number)),
):
    _overload_unary(_plain, _lane_by_lane(_plain.__name__, _scalar))
