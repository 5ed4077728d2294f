"""Elementary functions for the compiled (fused) forms of ingredients.

Here they call NumPy, so that a fused form can be read and run as plain Python. In compiled kernels,
the fused engine replaces them with functions on vectors of lanes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# One number of an equation: a NumPy scalar, which follows IEEE arithmetic, or a vector of lanes in
# compiled kernels. No static type covers both.
Scalar = Any


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


def log1p(number: Scalar) -> Scalar:
    """Natural logarithm of 1 + x."""
    return np.log1p(number)


def sin(number: Scalar) -> Scalar:
    """Sine."""
    return np.sin(number)


def cos(number: Scalar) -> Scalar:
    """Cosine."""
    return np.cos(number)
