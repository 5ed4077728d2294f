"""exp, sigmoid and tanh of vectors for compiled kernels, without branches; needs Numba."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba.extending import overload, register_jitable
from numpy.polynomial import chebyshev

from ...numerics import elementary
from ...numerics.elementary import like, where
from .vector_arithmetic import multiply_add, scaled, with_sign_of

# exp(x) = 2^k e^r with k = round(x/ln 2), r = x - k ln 2 (Cody and Waite 1980); ln 2 is split in
# two, so that k times the first part is exact. Adding and subtracting 1.5·2^(mantissa bits - 1)
# rounds to an integer, which the lowest bits of the sum hold.
_HIGHEST = {64: 709.0, 32: 88.0}
_LOWEST = {64: -708.39, 32: -87.33}  # below it e^x is subnormal
_ROUND = {64: 1.5 * 2.0**52, 32: 1.5 * 2.0**23}
_LN2_HIGH = {64: 6.93147180369123816490e-01, 32: 0.693359375}
_LN2_LOW = {64: 1.90821492927058770002e-10, 32: -2.12194440e-4}
_INVERSE_LN2 = 1 / math.log(2)
_TERMS = {64: 11, 32: 6}  # of a polynomial for (e^r - 1)/r, |r| ≤ ln 2 / 2
_FAR = {64: 708.0, 32: 87.1}  # above it the reciprocal of about e^x is subnormal
_FLAT = {64: 20.0, 32: 10.0}  # above it tanh rounds to 1


def telescoped(terms: int) -> list[float]:
    """Coefficients of a polynomial for (e^r - 1)/r on |r| ≤ ln 2 / 2, highest power first.

    The Taylor series without its highest Chebyshev terms (Lanczos 1938). The error is
    a^n/((n + 1)! 2^(n-1)) with a = ln 2 / 2: 2e-17 for 11 terms and 1e-8 for 6.
    """
    scale = (math.log(2) / 2) ** np.arange(terms + 6)
    taylor = [1 / math.factorial(n + 1) for n in range(terms + 6)]
    kept = chebyshev.poly2cheb(taylor * scale)[:terms]
    found: list[float] = (chebyshev.cheb2poly(kept) / scale[:terms])[::-1].tolist()
    return found


def _bits(vector: Any) -> int:
    return int(vector.number.bitwidth)


def _split(x: Any) -> tuple[Any, Any]:
    """k, in the lowest bits of the first result, and r."""
    raise TypeError("only for compiled code")


def _series(r: Any) -> Any:
    """(e^r - 1)/r for |r| ≤ ln 2 / 2."""
    raise TypeError("only for compiled code")


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
    series = polynomial(telescoped(_TERMS[_bits(r)]))
    return lambda r: series(r)


def polynomial(coefficients: Sequence[float]) -> Any:
    """A polynomial by Horner's rule, highest power first."""

    def longer(total: Any, term: float) -> Any:
        @register_jitable
        def series(r: Any) -> Any:
            return multiply_add(total(r), r, like(r, term))

        return series

    first, *rest = coefficients
    series = register_jitable(lambda r: like(r, first))
    for term in rest:
        series = longer(series, term)
    return series


@overload(elementary.exp)
def _exp(number: Any) -> Any:
    """Within 1 ulp of e^x from -708.39 to 709 (float32: -87.33 to 88); clamped beyond."""
    highest, lowest = _HIGHEST[_bits(number)], _LOWEST[_bits(number)]

    def exp(number: Any) -> Any:
        x = where(number > like(number, highest), like(number, highest), number)  # NaN stays
        x = where(x < like(x, lowest), like(x, lowest), x)
        rounded, r = _split(x)
        return scaled(multiply_add(_series(r), r, like(r, 1.0)), rounded)

    return exp


def _fraction(r: Any) -> tuple[Any, Any]:
    """R and Q such that e^r = (Q + R)/(Q - R), for |r| ≤ ln 2 / 2."""
    raise TypeError("only for compiled code")


@overload(_fraction)
def _compiled_fraction(r: Any) -> Any:
    """Lambert's continued fraction (1768) of tanh(r/2) = R/Q.

    Truncated at 11/r², with an error of 4e-19 in e^r; in float32 at 7/r², with 6e-9. A power of two
    brings Q between 1 and 2, so that 2^k times it stays in the normal range.
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
    """Both within 4 ulp from -708.39 to 708 (float32: -87.33 to 87.1); clamped beyond.

    With e^x = 2^k A/B they are 2^k A and B over their sum; a value near 1 is computed from its
    complement, so that it can reach 1.
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

    With e^2|x| = 2^k (Q + R)/(Q - R) it is N/(N + 2(Q - R)), N = (2^k - 1) Q + (2^k + 1) R: small
    results keep their digits, and none exceeds 1.
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


@overload(elementary.expm1)
def _expm1(number: Any) -> Any:
    """Within 3 ulp of e^x - 1; clamped like exp.

    With e^x = 2^k (Q + R)/(Q - R) it is ((2^k - 1) Q + (2^k + 1) R)/(Q - R).
    """
    highest, lowest = _HIGHEST[_bits(number)], _LOWEST[_bits(number)]

    def expm1(number: Any) -> Any:
        one = like(number, 1.0)
        x = where(number > like(number, highest), like(number, highest), number)  # NaN stays
        x = where(x < like(x, lowest), like(x, lowest), x)
        rounded, r = _split(x)
        r, q = _fraction(r)
        power = scaled(one, rounded)
        return multiply_add(power + one, r, (power - one) * q) / (q - r)

    return expm1


@overload(elementary.erfcx)
def _erfcx(number: Any) -> Any:
    """Within 4 ulp of erfc(x) e^(x²) for x ≥ 0."""
    series = polynomial(elementary.erfcx_coefficients(_bits(number)))
    centre = elementary.ERFCX_CENTRE

    def erfcx(number: Any) -> Any:
        middle = like(number, centre)
        return series((number - middle) / (number + middle))

    return erfcx
