"""Activations with bounded values: sigmoid and tanh."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...numerics.elementary import like, sigmoid, tanh
from ...registry import register
from ..options import Floats
from .arrays import EXPONENT_LIMIT, ONE, along


@register("activation", "sigmoid")
class Sigmoid:
    """1/(1 + exp(-s)), between 0 and 1.

    With e = exp(s) and q = 1/(1 + e) the value is p = e q and the slope p q: q is 1 - p without
    cancellation, so both are accurate in both tails. s is clamped where e would overflow.
    """

    bounds = (0.0, 1.0)
    reads_sop = False

    @staticmethod
    def value(sop: Any) -> Any:
        return 1 / (1 + np.exp(-sop))

    @staticmethod
    def slope(sop: Any) -> Any:
        e = np.exp(-abs(sop))  # the slope is even, and exp of a negative number cannot overflow
        return e / (1 + e) ** 2

    @staticmethod
    def inverse(value: float) -> float:
        return math.log(value / (1 - value)) if 0 < value < 1 else math.nan

    @staticmethod
    def fused(sop: Any) -> tuple[Any, Any]:
        value, rest = sigmoid(sop)
        return value, value * rest

    @staticmethod
    def forward(sop: Floats, value: Floats, residuals: Floats) -> None:
        one = ONE[sop.dtype.char]
        np.minimum(sop, along(EXPONENT_LIMIT, sop), out=value)
        np.exp(value, value)
        np.add(value, one, residuals)
        np.divide(one, residuals, residuals)  # twice as fast as np.reciprocal, and as exact
        np.multiply(value, residuals, value)

    @staticmethod
    def backward(delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.multiply(delta, value, delta)
        np.multiply(delta, residuals, delta)

    @staticmethod
    def second_derivative(sop: Floats) -> Floats:
        e = np.exp(-np.abs(sop))
        second_derivative: Floats = -np.sign(sop) * e * (1 - e) / (1 + e) ** 3
        return second_derivative


@register("activation", "tanh")
class Tanh:
    """Hyperbolic tangent, between -1 and 1."""

    bounds = (-1.0, 1.0)
    reads_sop = False

    @staticmethod
    def value(sop: Any) -> Any:
        return np.tanh(sop)

    @staticmethod
    def slope(sop: Any) -> Any:
        return 1 - np.tanh(sop) ** 2

    @staticmethod
    def inverse(value: float) -> float:
        return math.atanh(value) if -1 < value < 1 else math.nan

    @staticmethod
    def fused(sop: Any) -> tuple[Any, Any]:
        value = tanh(sop)
        return value, like(sop, 1.0) - value * value

    @staticmethod
    def forward(sop: Floats, value: Floats, residuals: Floats) -> None:
        np.tanh(sop, value)

    @staticmethod
    def backward(delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.multiply(value, value, value)
        np.subtract(ONE[sop.dtype.char], value, value)
        np.multiply(delta, value, delta)

    @staticmethod
    def second_derivative(sop: Floats) -> Floats:
        e = np.exp(-2 * np.abs(sop))  # of which 1 - tanh² is 4e/(1 + e)², without cancellation
        second_derivative: Floats = -8 * np.tanh(sop) * e / (1 + e) ** 2
        return second_derivative
