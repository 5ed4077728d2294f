"""exp and tanh of vectors for compiled kernels, without branches; importing this needs Numba."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import overload, register_jitable
from numpy.polynomial import chebyshev

from ..ingredients import elementary
from ..ingredients.elementary import like, where
from .vectors import multiply_add, scaled, with_sign_of

# exp(x) = 2^k e^r with k = round(x/ln 2), r = x - k ln 2 (Cody and Waite 1980); ln 2 in two parts,
# the first exact when multiplied by k. Adding and subtracting 1.5·2^(bits of the mantissa - 1)
# rounds to a whole number, which then stands in the lowest bits of the sum.
_HIGHEST = {64: 709.0, 32: 88.0}
_LOWEST = {64: -708.39, 32: -87.33}  # of the numbers that are no denormals
_ROUND = {64: 1.5 * 2.0**52, 32: 1.5 * 2.0**23}
_LN2_HIGH = {64: 6.93147180369123816490e-01, 32: 0.693359375}
_LN2_LOW = {64: 1.90821492927058770002e-10, 32: -2.12194440e-4}
_INVERSE_LN2 = 1 / math.log(2)
_TERMS = {64: 11, 32: 6}  # of a polynomial for (e^r - 1)/r, |r| ≤ ln 2 / 2
_FLAT = {64: 20.0, 32: 10.0}  # beyond this tanh is 1 to the last bit


def telescoped(terms: int) -> list[float]:
    """Coefficients of a polynomial for (e^r - 1)/r on |r| ≤ ln 2 / 2, the highest power first.

    The Taylor series without its highest Chebyshev polynomials there (Lanczos 1938): off by
    a^n/((n + 1)! 2^(n-1)) with a = ln 2 / 2, 2e-17 with 11 terms and 1e-8 with 6.
    """
    scale = (math.log(2) / 2) ** np.arange(terms + 6)
    taylor = [1 / math.factorial(n + 1) for n in range(terms + 6)]
    kept = chebyshev.poly2cheb(taylor * scale)[:terms]
    found: list[float] = (chebyshev.cheb2poly(kept) / scale[:terms])[::-1].tolist()
    return found


def _bits(vector: Any) -> int:
    return int(vector.number.bitwidth)


def _split(x: Any) -> tuple[Any, Any]:
    """k, in the lowest bits of the first, and r."""
    raise TypeError("for compiled code")


def _series(r: Any) -> Any:
    """(e^r - 1)/r for |r| ≤ ln 2 / 2."""
    raise TypeError("for compiled code")


@overload(_split)
def _compiled_split(x: Any) -> Any:
    bits = _bits(x)
    rounder, high, low = _ROUND[bits], -_LN2_HIGH[bits], -_LN2_LOW[bits]

    def split(x: Any) -> Any:
        rounded = multiply_add(x, like(x, _INVERSE_LN2), like(x, rounder))
        k = rounded - like(x, rounder)
        return rounded, multiply_add(k, like(x, low), multiply_add(k, like(x, high), x))

    return split


@overload(_series, strict=False)
def _compiled_series(r: Any) -> Any:
    terms = telescoped(_TERMS[_bits(r)])

    def longer(total: Any, term: float) -> Any:
        @register_jitable
        def series(r: Any) -> Any:
            return multiply_add(total(r), r, like(r, term))

        return series

    first, *rest = terms
    series = register_jitable(lambda r: like(r, first))
    for term in rest:
        series = longer(series, term)
    return lambda r: series(r)


@overload(elementary.exp)
def _exp(number: Any) -> Any:
    """Within 1 ulp of e^x from -708.39 to 709 (float32: -87.33 to 88), the ends' values beyond."""
    highest, lowest = _HIGHEST[_bits(number)], _LOWEST[_bits(number)]

    def exp(number: Any) -> Any:
        x = where(number > like(number, highest), like(number, highest), number)  # NaN stays
        x = where(x < like(x, lowest), like(x, lowest), x)
        rounded, r = _split(x)
        return scaled(multiply_add(_series(r), r, like(r, 1.0)), rounded)

    return exp


@overload(elementary.tanh)
def _tanh(number: Any) -> Any:
    """Within 3 ulp of tanh(x), as -m/(2 + m) with m = e^(-2|x|) - 1, which keeps small x."""
    flat = _FLAT[_bits(number)]

    def tanh(number: Any) -> Any:
        size = abs(number)
        x = like(size, -2.0) * where(size > like(size, flat), like(size, flat), size)
        rounded, r = _split(x)
        power = scaled(like(r, 1.0), rounded)
        m = multiply_add(_series(r) * r, power, power - like(r, 1.0))
        return with_sign_of(-m / (like(m, 2.0) + m), number)

    return tanh
