"""Elementary functions for compiled kernels, without branches, so that they run on vectors.

Every operation is one of IEEE arithmetic, with fused multiply-adds only where they are written:
a lane's bits do not depend on how the compiler arranges a loop. Importing this needs Numba.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from ..ingredients import elementary

# exp(x) = 2^k e^r with k = round(x/ln 2), r = x - k ln 2 (Cody and Waite 1980); ln 2 in two parts,
# the first exact when multiplied by k. Adding and subtracting 1.5·2^(bits of the mantissa - 1)
# rounds to a whole number, which then stands in the lowest bits of the sum.
_HIGHEST64, _LOWEST64 = 709.0, -708.0
_ROUND64 = 1.5 * 2.0**52
_LN2_HIGH64, _LN2_LOW64 = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_TERMS64 = tuple(1 / math.factorial(n) for n in range(13, 0, -1))  # of (e^r - 1)/r, |r| ≤ 0.347

_f = np.float32
_HIGHEST32, _LOWEST32 = _f(88.0), _f(-87.0)
_ROUND32 = _f(1.5 * 2.0**23)
_LN2_HIGH32, _LN2_LOW32 = _f(0.693359375), _f(-2.12194440e-4)
_TERMS32 = tuple(_f(1 / math.factorial(n)) for n in range(8, 0, -1))
_INVERSE_LN2_64, _INVERSE_LN2_32 = 1 / math.log(2), _f(1 / math.log(2))
_ONE32, _TWO32, _FLAT32 = _f(1), _f(2), _f(10)
_FLAT64 = 20.0  # beyond this tanh is 1 to the last bit


@intrinsic
def multiply_add(context: Any, a: Any, b: Any, c: Any) -> Any:
    """a·b + c, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return a(a, b, c), generate


@intrinsic
def scaled(context: Any, number: Any, rounded: Any) -> Any:
    """number·2^k, where k stands in the lowest bits of `rounded`; no overflow is looked for."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, holder = arguments
        double = value.type == ir.DoubleType()
        whole, mantissa = (ir.IntType(64), 52) if double else (ir.IntType(32), 23)
        exponent = builder.shl(builder.bitcast(holder, whole), ir.Constant(whole, mantissa))
        return builder.bitcast(builder.add(builder.bitcast(value, whole), exponent), value.type)

    return number(number, rounded), generate


@intrinsic
def use_wide_vectors(context: Any) -> Any:
    """Let the function this stands in use 512-bit vectors, where the processor has them.

    LLVM stays with 256 bits on processors that once slowed down for wider ones.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), generate


@overload(elementary.like, strict=False)
def _like(number: Any, constant: Any) -> Any:
    kind = np.float64 if number == types.float64 else np.float32

    def typed(number: Any, constant: Any) -> Any:
        return kind(constant)

    return typed


@overload(elementary.exp)
def _exp(number: Any) -> Any:
    """Within 1 ulp of e^x from -708 to 709 (float32: -87 to 88), at the ends' values beyond."""
    if number == types.float64:

        def exp64(number: Any) -> Any:
            x = _HIGHEST64 if number > _HIGHEST64 else number  # NaN stays
            x = _LOWEST64 if x < _LOWEST64 else x
            rounded = multiply_add(x, _INVERSE_LN2_64, _ROUND64)
            k = rounded - _ROUND64
            r = multiply_add(k, -_LN2_LOW64, multiply_add(k, -_LN2_HIGH64, x))
            return scaled(multiply_add(_series64(r), r, 1.0), rounded)

        return exp64

    def exp32(number: Any) -> Any:
        x = _HIGHEST32 if number > _HIGHEST32 else number
        x = _LOWEST32 if x < _LOWEST32 else x
        rounded = multiply_add(x, _INVERSE_LN2_32, _ROUND32)
        k = rounded - _ROUND32
        r = multiply_add(k, -_LN2_LOW32, multiply_add(k, -_LN2_HIGH32, x))
        return scaled(multiply_add(_series32(r), r, _ONE32), rounded)

    return exp32


@overload(elementary.tanh)
def _tanh(number: Any) -> Any:
    """Within 3 ulp of tanh(x), as -m/(2 + m) with m = e^(-2|x|) - 1, which keeps small x."""
    if number == types.float64:

        def tanh64(number: Any) -> Any:
            size = abs(number)
            x = -2.0 * (_FLAT64 if size > _FLAT64 else size)
            rounded = multiply_add(x, _INVERSE_LN2_64, _ROUND64)
            k = rounded - _ROUND64
            r = multiply_add(k, -_LN2_LOW64, multiply_add(k, -_LN2_HIGH64, x))
            power = scaled(1.0, rounded)
            m = multiply_add(_series64(r) * r, power, power - 1.0)
            return math.copysign(-m / (2.0 + m), number)

        return tanh64

    def tanh32(number: Any) -> Any:
        size = abs(number)
        x = -_TWO32 * (_FLAT32 if size > _FLAT32 else size)
        rounded = multiply_add(x, _INVERSE_LN2_32, _ROUND32)
        k = rounded - _ROUND32
        r = multiply_add(k, -_LN2_LOW32, multiply_add(k, -_LN2_HIGH32, x))
        power = scaled(_ONE32, rounded)
        m = multiply_add(_series32(r) * r, power, power - _ONE32)
        return math.copysign(-m / (_TWO32 + m), number)

    return tanh32


def _series64(r: float) -> float:
    """(e^r - 1)/r for |r| ≤ 0.347."""
    raise TypeError("for compiled code")


def _series32(r: float) -> float:
    """The same in float32."""
    raise TypeError("for compiled code")


@overload(_series64)
def _compiled_series64(r: Any) -> Any:
    t13, t12, t11, t10, t9, t8, t7, t6, t5, t4, t3, t2, t1 = _TERMS64

    def series(r: Any) -> Any:
        total = multiply_add(t13, r, t12)
        total = multiply_add(multiply_add(total, r, t11), r, t10)
        total = multiply_add(multiply_add(total, r, t9), r, t8)
        total = multiply_add(multiply_add(total, r, t7), r, t6)
        total = multiply_add(multiply_add(total, r, t5), r, t4)
        total = multiply_add(multiply_add(total, r, t3), r, t2)
        return multiply_add(total, r, t1)

    return series


@overload(_series32)
def _compiled_series32(r: Any) -> Any:
    t8, t7, t6, t5, t4, t3, t2, t1 = _TERMS32

    def series(r: Any) -> Any:
        total = multiply_add(multiply_add(t8, r, t7), r, t6)
        total = multiply_add(multiply_add(total, r, t5), r, t4)
        total = multiply_add(multiply_add(total, r, t3), r, t2)
        return multiply_add(total, r, t1)

    return series
