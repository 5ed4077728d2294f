"""Activations that saturate: sigmoid, tanh and softsign."""

from __future__ import annotations

import math

import numpy as np

from ...numerics.elementary import Scalar, like, sigmoid, tanh
from ...registry import register
from ..options import Floats
from .arrays import EXPONENT_LIMIT, ONE, along
from .protocol import Activation


@register("activation", "sigmoid")
class Sigmoid(Activation):
    """1/(1 + exp(-s)), between 0 and 1.

    With e = exp(s) and q = 1/(1 + e), the value is p = e q and the derivative is p q. As q is 1 - p
    without cancellation, both are accurate in both tails. s is clamped where e would overflow.
    """

    aliases = ("logistic",)

    bounds = (0.0, 1.0)
    reads_sop = False

    def value(self, sop: Scalar) -> Scalar:
        return 1 / (1 + np.exp(-sop))

    def derivative(self, sop: Scalar) -> Scalar:
        e = np.exp(-abs(sop))  # even in s, and exp of a negative number cannot overflow
        return e / (1 + e) ** 2

    def inverse(self, value: float) -> float:
        return math.log(value / (1 - value)) if 0 < value < 1 else math.nan

    @staticmethod
    def fused(sop: Scalar) -> tuple[Scalar, Scalar]:
        value, rest = sigmoid(sop)
        return value, value * rest

    def forward(self, sop: Floats, value: Floats, residuals: Floats) -> None:
        one = ONE[sop.dtype.char]
        np.minimum(sop, along(EXPONENT_LIMIT, sop), out=value)
        np.exp(value, value)
        np.add(value, one, residuals)
        np.divide(one, residuals, residuals)  # twice as fast as np.reciprocal and equally accurate
        np.multiply(value, residuals, value)

    def backward(self, delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.multiply(delta, value, delta)
        np.multiply(delta, residuals, delta)

    def second_derivative(self, sop: Floats) -> Floats:
        e = np.exp(-np.abs(sop))
        curve: Floats = -np.sign(sop) * e * (1 - e) / (1 + e) ** 3
        return curve


@register("activation", "tanh")
class Tanh(Activation):
    """Hyperbolic tangent, between -1 and 1."""

    bounds = (-1.0, 1.0)
    reads_sop = False

    def value(self, sop: Scalar) -> Scalar:
        return np.tanh(sop)

    def derivative(self, sop: Scalar) -> Scalar:
        return 1 - np.tanh(sop) ** 2

    def inverse(self, value: float) -> float:
        return math.atanh(value) if -1 < value < 1 else math.nan

    @staticmethod
    def fused(sop: Scalar) -> tuple[Scalar, Scalar]:
        value = tanh(sop)
        return value, like(sop, 1.0) - value * value

    def forward(self, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.tanh(sop, value)

    def backward(self, delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.multiply(value, value, value)
        np.subtract(ONE[sop.dtype.char], value, value)
        np.multiply(delta, value, delta)

    def second_derivative(self, sop: Floats) -> Floats:
        e = np.exp(-2 * np.abs(sop))  # 1 - tanh² is 4e/(1 + e)², without cancellation
        curve: Floats = -8 * np.tanh(sop) * e / (1 + e) ** 2
        return curve


@register("activation", "softsign")
class Softsign(Activation):
    """s/(1 + |s|), between -1 and 1 (Turian et al. 2009)."""

    bounds = (-1.0, 1.0)

    def value(self, sop: Scalar) -> Scalar:
        return sop / (1 + abs(sop))

    def derivative(self, sop: Scalar) -> Scalar:
        return 1 / (1 + abs(sop)) ** 2

    def inverse(self, value: float) -> float:
        return value / (1 - abs(value)) if -1 < value < 1 else math.nan

    @staticmethod
    def fused(sop: Scalar) -> tuple[Scalar, Scalar]:
        rest = like(sop, 1.0) / (like(sop, 1.0) + abs(sop))
        return sop * rest, rest * rest

    def forward(self, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.absolute(sop, residuals)
        np.add(residuals, ONE[sop.dtype.char], residuals)
        np.divide(sop, residuals, value)

    def backward(self, delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.divide(delta, residuals, delta)
        np.divide(delta, residuals, delta)

    def second_derivative(self, sop: Floats) -> Floats:
        curve: Floats = -2 * np.sign(sop) / (1 + np.abs(sop)) ** 3
        return curve
