"""Elementary functions as the fused forms of ingredients write them.

Here they are NumPy's, so that a fused form can be read and run as plain Python; where kernels are
compiled, `engine.fused_functions` puts functions in their place that run on vectors of lanes.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def like(number: Any, constant: float) -> Any:
    """A constant in the type of a number."""
    return number.dtype.type(constant)


def exp(number: Any) -> Any:
    """e to the power of a number."""
    return np.exp(number)


def tanh(number: Any) -> Any:
    """The hyperbolic tangent of a number."""
    return np.tanh(number)
