"""Activations that are linear above zero: relu, leaky relu and softplus."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from pydantic import Field

from ...numerics.elementary import Scalar, exp, like, log1p, where
from ...registry import register
from ..options import Floats, PartOptions
from .arrays import EXPONENT_LIMIT, ONE, ZERO, along, fill_positive, filled
from .protocol import Activation


@register("activation", "relu")
class Relu(Activation):
    """max(0, s), with derivative 0 at 0 (Nair and Hinton 2010)."""

    bounds = (0.0, math.inf)
    reads_sop = False
    kinks = (0.0,)

    def value(self, sop: Scalar) -> Scalar:
        return np.maximum(sop, 0)

    def derivative(self, sop: Scalar) -> Scalar:
        return sop if np.isnan(sop) else sop.dtype.type(sop > 0)

    def inverse(self, value: float) -> float:
        return value if value > 0 else math.nan

    @staticmethod
    def fused(sop: Scalar) -> tuple[Scalar, Scalar]:
        zero, one = like(sop, 0.0), like(sop, 1.0)
        derivative = where(sop > zero, one, where(sop <= zero, zero, sop))  # NaN stays NaN
        return where(sop < zero, zero, sop), derivative

    def forward(self, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.maximum(sop, along(ZERO, sop), out=value)

    def backward(self, delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        fill_positive(value, value)
        np.multiply(delta, value, delta)

    def second_derivative(self, sop: Floats) -> Floats:
        return np.zeros_like(sop)


@register("activation", "leaky_relu")
class LeakyRelu(Activation):
    """s above 0 and 0.01 s below, or another slope; left derivative at 0 (Maas et al. 2013)."""

    aliases = ("leakyrelu", "lrelu")

    class Options(PartOptions):
        kind: Literal["leaky_relu"]
        slope: float = Field(0.01, gt=0, le=1, description="The derivative below 0.")

    options: Options
    kinks = (0.0,)

    def value(self, sop: Scalar) -> Scalar:
        return np.maximum(sop, sop * sop.dtype.type(self.options.slope))

    def derivative(self, sop: Scalar) -> Scalar:
        return sop if np.isnan(sop) else sop.dtype.type(1.0 if sop > 0 else self.options.slope)

    def inverse(self, value: float) -> float:
        return value if value > 0 else value / self.options.slope

    @staticmethod
    def fused(sop: Scalar, slope: Scalar) -> tuple[Scalar, Scalar]:
        zero, one = like(sop, 0.0), like(sop, 1.0)
        derivative = where(sop > zero, one, where(sop <= zero, slope, sop))
        return where(sop < zero, sop * slope, sop), derivative

    def forward(self, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.multiply(sop, sop.dtype.type(self.options.slope), residuals)
        np.maximum(sop, residuals, out=value)

    def backward(self, delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.maximum(sop, along(ZERO, sop), out=residuals)
        fill_positive(residuals, residuals)
        np.maximum(residuals, filled(self.options.slope, sop), out=residuals)
        np.multiply(delta, residuals, delta)

    def second_derivative(self, sop: Floats) -> Floats:
        return np.zeros_like(sop)


@register("activation", "softplus")
class Softplus(Activation):
    """log(1 + exp(s)), a smooth relu (Dugas et al. 2001).

    Computed as max(s, 0) + log1p(exp(-|s|)). The derivative is the sigmoid of s.
    """

    bounds = (0.0, math.inf)

    def value(self, sop: Scalar) -> Scalar:
        return np.maximum(sop, 0) + np.log1p(np.exp(-abs(sop)))

    def derivative(self, sop: Scalar) -> Scalar:
        return 1 / (1 + np.exp(-sop))

    def inverse(self, value: float) -> float:
        return value + math.log(-math.expm1(-value)) if value > 0 else math.nan

    @staticmethod
    def fused(sop: Scalar) -> tuple[Scalar, Scalar]:
        zero, one, e = like(sop, 0.0), like(sop, 1.0), exp(-abs(sop))
        above = where(sop < zero, zero, sop)
        return above + log1p(e), where(sop < zero, e, one) / (one + e)

    def forward(self, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.absolute(sop, residuals)
        np.negative(residuals, residuals)
        np.exp(residuals, residuals)
        np.log1p(residuals, residuals)
        np.maximum(sop, along(ZERO, sop), out=value)
        np.add(value, residuals, value)

    def backward(self, delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.negative(sop, residuals)
        np.minimum(residuals, along(EXPONENT_LIMIT, sop), out=residuals)
        np.exp(residuals, residuals)
        np.add(residuals, ONE[sop.dtype.char], residuals)
        np.divide(delta, residuals, delta)

    def second_derivative(self, sop: Floats) -> Floats:
        e = np.exp(-np.abs(sop))
        curve: Floats = e / (1 + e) ** 2
        return curve
