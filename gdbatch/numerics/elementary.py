"""Elementary functions as the fused forms of ingredients write them.

Here they are NumPy's, so that a fused form can be read and run as plain Python; where kernels are
compiled, `engine.vector_arithmetic` and `engine.fused_functions` put functions of vectors of lanes
in their place.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def like(number: Any, constant: float) -> Any:
    """A constant in the type of a number."""
    return number.dtype.type(constant)


def where(condition: Any, chosen: Any, other: Any) -> Any:
    """One number where a condition holds, the other where not."""
    return chosen if condition else other


def sqrt(number: Any) -> Any:
    """The square root of a number."""
    return np.sqrt(number)


def exp(number: Any) -> Any:
    """e to the power of a number."""
    return np.exp(number)


def sigmoid(number: Any) -> tuple[Any, Any]:
    """1/(1 + e^-x), and what it lacks of 1, both accurate where they are small."""
    power = np.exp(-number)
    value = 1 / (1 + power)
    return value, power * value


def tanh(number: Any) -> Any:
    """The hyperbolic tangent of a number."""
    return np.tanh(number)


def log1p(number: Any) -> Any:
    """The natural logarithm of 1 + a number."""
    return np.log1p(number)


def sin(number: Any) -> Any:
    """The sine of a number."""
    return np.sin(number)


def cos(number: Any) -> Any:
    """The cosine of a number."""
    return np.cos(number)
