"""The exponential function."""

from __future__ import annotations

import math

import numpy as np

from ...numerics.elementary import Scalar, exp
from ...registry import register
from ..options import Floats
from .protocol import Activation


@register("activation", "exponential")
class Exponential(Activation):
    """exp(s): positive outputs, for counts with the loss poisson."""

    aliases = ("exp",)
    bounds = (0.0, math.inf)
    reads_sop = False

    def value(self, sop: Scalar) -> Scalar:
        return np.exp(sop)

    def derivative(self, sop: Scalar) -> Scalar:
        return np.exp(sop)

    def inverse(self, value: float) -> float:
        return math.log(value) if value > 0 else math.nan

    @staticmethod
    def fused(sop: Scalar) -> tuple[Scalar, Scalar]:
        value = exp(sop)
        return value, value

    def forward(self, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.exp(sop, value)

    def backward(self, delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.multiply(delta, value, delta)

    def second_derivative(self, sop: Floats) -> Floats:
        curve: Floats = np.exp(sop)
        return curve
