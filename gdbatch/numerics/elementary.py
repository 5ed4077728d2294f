"""Elementary functions for the compiled (fused) forms of ingredients.

Here they call NumPy, so that a fused form can be read and run as plain Python. In compiled kernels,
the fused engine replaces them with functions on vectors of lanes.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

# One number of an equation: a NumPy scalar, which follows IEEE arithmetic, or a vector of lanes in
# compiled kernels. No static type covers both.
Scalar = Any
Floats = NDArray[np.floating[Any]]


def like(number: Scalar, constant: float) -> Scalar:
    """A constant in the type of a number."""
    return number.dtype.type(constant)


def where(condition: Scalar, chosen: Scalar, other: Scalar) -> Scalar:
    """`chosen` if the condition holds, else `other`; without a branch in compiled kernels."""
    return chosen if condition else other


def sqrt(number: Scalar) -> Scalar:
    """Square root."""
    return np.sqrt(number)


def exp(number: Scalar) -> Scalar:
    """Exponential function."""
    return np.exp(number)


def sigmoid(number: Scalar) -> tuple[Scalar, Scalar]:
    """1/(1 + e^-x) and 1 minus it, both accurate where they are small."""
    power = np.exp(-number)
    value = 1 / (1 + power)
    return value, power * value


def tanh(number: Scalar) -> Scalar:
    """Hyperbolic tangent."""
    return np.tanh(number)


def expm1(number: Scalar) -> Scalar:
    """e^x - 1, accurate where it is small."""
    return np.expm1(number)


def log1p(number: Scalar) -> Scalar:
    """Natural logarithm of 1 + x."""
    return np.log1p(number)


def sin(number: Scalar) -> Scalar:
    """Sine."""
    return np.sin(number)


def cos(number: Scalar) -> Scalar:
    """Cosine."""
    return np.cos(number)


# erfc(x) e^(x²) for x ≥ 0 as a Chebyshev series in (x - 3.75)/(x + 3.75): J. L. Schonfelder,
# "Chebyshev expansions for the error and related functions", Math. Comp. 32 (1978) 1232-1240
ERFCX_CENTRE = 3.75
_ERFCX = (
    0.3050715409616002,
    -0.4348412727125775,
    0.1763511936436055,
    -0.06071079560924941,
    0.017712068995694115,
    -0.004321119385567294,
    0.0008542166768870987,
    -0.00012715509060916275,
    1.1248167243671189e-05,
    3.1306388542182096e-07,
    -2.70988068537762e-07,
    3.073762270140769e-08,
    2.515620384817623e-09,
    -1.0289299213203192e-09,
    2.994405211994994e-11,
    2.6051789687266936e-11,
    -2.6348399241719693e-12,
    -6.434045098906365e-13,
    1.1245740180166345e-13,
    1.7281533389986097e-14,
    -4.264101694942375e-15,
    -5.453719778801906e-16,
    1.5869760776167123e-16,
    2.0899837844334044e-17,
)
_ERFCX_TERMS = {64: 24, 32: 12}  # whose error is below an ulp


@functools.cache
def erfcx_coefficients(bits: int) -> tuple[float, ...]:
    """The series as a polynomial, highest power first."""
    return tuple(chebyshev.cheb2poly(_ERFCX[: _ERFCX_TERMS[bits]])[::-1].tolist())


def erfcx(number: Scalar) -> Scalar:
    """erfc(x) e^(x²) for x ≥ 0, within 4 ulp."""
    centre = like(number, ERFCX_CENTRE)
    t = (number - centre) / (number + centre)
    total, *rest = (like(t, one) for one in erfcx_coefficients(8 * number.dtype.itemsize))
    for one in rest:
        total = total * t + one
    return total


def fill_erfcx(number: Floats, out: Floats, work: Floats) -> None:
    """Fill `out` with erfc(x) e^(x²) for x ≥ 0, within 4 ulp; `work` may be `number`."""
    kind = number.dtype.type
    centre = kind(ERFCX_CENTRE)
    np.add(number, centre, out)
    np.subtract(number, centre, work)
    np.divide(work, out, work)
    first, second, *rest = erfcx_coefficients(8 * number.dtype.itemsize)
    np.multiply(work, kind(first), out)
    np.add(out, kind(second), out)
    for one in rest:
        np.multiply(out, work, out)
        np.add(out, kind(one), out)
