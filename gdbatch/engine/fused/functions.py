"""exp, sigmoid and tanh of vectors for compiled kernels, without branches; this needs Numba."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import overload, register_jitable
from numpy.polynomial import chebyshev

from ...numerics import elementary
from ...numerics.elementary import like, where
from .vector_arithmetic import multiply_add, scaled, with_sign_of

# exp(x) = 2^k e^r with k = round(x/ln 2), r = x - k ln 2 (Cody and Waite 1980); ln 2 in two parts,
# the first exact when multiplied by k. Adding and subtracting 1.5·2^(bits of the mantissa - 1)
# rounds to a whole number, which then stands in the lowest bits of the sum.
_HIGHEST = {64: 709.0, 32: 88.0}
_LOWEST = {64: -708.39, 32: -87.33}  # of the normal numbers
_ROUND = {64: 1.5 * 2.0**52, 32: 1.5 * 2.0**23}
_LN2_HIGH = {64: 6.93147180369123816490e-01, 32: 0.693359375}
_LN2_LOW = {64: 1.90821492927058770002e-10, 32: -2.12194440e-4}
_INVERSE_LN2 = 1 / math.log(2)
_TERMS = {64: 11, 32: 6}  # of a polynomial for (e^r - 1)/r, |r| ≤ ln 2 / 2
_FAR = {64: 708.0, 32: 87.1}  # beyond it the inverse of a sum around e^x is a denormal
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


def _fraction(r: Any) -> tuple[Any, Any]:
    """R and Q, positive, of which e^r = (Q + R)/(Q - R), for |r| ≤ ln 2 / 2."""
    raise TypeError("for compiled code")


@overload(_fraction)
def _compiled_fraction(r: Any) -> Any:
    """Lambert's continued fraction (1768) of tanh(r/2) = R/Q.

    Up to 11/r², for e^r off by 4e-19; in float32 up to 7/r², by 6e-9. Both are made 1 to 2 by a
    power of two, for 2^k times them to stay among the ordinary numbers.
    """
    small = {64: 2.0**-19, 32: 2.0**-6}[_bits(r)]
    whole = {64: 665280, 32: 120}[_bits(r)] * small

    def double(r: Any) -> Any:
        u = r * r
        odd = multiply_add(like(r, 42 * small), u, like(r, 10080 * small))
        odd = multiply_add(odd, u, like(r, 332640 * small))
        even = multiply_add(like(r, small), u, like(r, 840 * small))
        even = multiply_add(multiply_add(even, u, like(r, 75600 * small)), u, like(r, whole))
        return r * odd, even

    def single(r: Any) -> Any:
        u = r * r
        odd = multiply_add(like(r, small), u, like(r, 60 * small))
        return r * odd, multiply_add(like(r, 12 * small), u, like(r, whole))

    return double if _bits(r) == 64 else single


@overload(elementary.sigmoid)
def _sigmoid(number: Any) -> Any:
    """Both within 4 ulp from -708.39 to 708 (float32: -87.33 to 87.1), the ends' values beyond.

    With e^x = 2^k A/B they are 2^k A and B over their sum; the larger one by the smaller one, so
    that it comes to be 1.
    """
    far, lowest = _FAR[_bits(number)], _LOWEST[_bits(number)]

    def sigmoid(number: Any) -> Any:
        x = where(number > like(number, far), like(number, far), number)  # NaN stays
        x = where(x < like(x, lowest), like(x, lowest), x)
        rounded, r = _split(x)
        r, q = _fraction(r)
        a, b = scaled(q + r, rounded), q - r
        one = like(x, 1.0)
        inverse = one / (a + b)
        rest = b * inverse
        return where(rest < like(x, 0.5), one - rest, a * inverse), rest

    return sigmoid


@overload(elementary.tanh)
def _tanh(number: Any) -> Any:
    """Within 3 ulp of tanh(x).

    With e^2|x| = 2^k (Q + R)/(Q - R) it is N/(N + 2(Q - R)), N = (2^k - 1) Q + (2^k + 1) R: so
    small numbers keep their digits, and none comes out above 1.
    """
    flat = _FLAT[_bits(number)]

    def tanh(number: Any) -> Any:
        one, size = like(number, 1.0), abs(number)
        size = where(size > like(size, flat), like(size, flat), size)
        rounded, r = _split(size + size)
        r, q = _fraction(r)
        power = scaled(one, rounded)
        n = multiply_add(power + one, r, (power - one) * q)
        return with_sign_of(n / multiply_add(one + one, q - r, n), number)

    return tanh
