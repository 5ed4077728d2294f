"""Activations in two or three pieces: elu, selu, hard_tanh and relu6."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from ...numerics.elementary import Scalar, exp, expm1, like, where
from ...registry import register
from ..options import Floats, PartOptions
from .arrays import ONE, ZERO, along, fill_positive, filled
from .protocol import Activation

# Klambauer et al. 2017, section 2
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


class _Exponential(Activation):
    """c s above 0 and c a (exp(s) - 1) below."""

    kinks = (0.0,)
    scale: ClassVar[float] = 1.0

    @property
    def alpha(self) -> float:
        """The factor a."""
        return self.options.numbers[0]

    def value(self, sop: Scalar) -> Scalar:
        kind = sop.dtype.type
        below = kind(self.alpha) * np.expm1(np.minimum(sop, 0))
        return kind(self.scale) * (np.maximum(sop, 0) + below)

    def derivative(self, sop: Scalar) -> Scalar:
        kind = sop.dtype.type
        return kind(self.scale) * (kind(1) if sop > 0 else kind(self.alpha) * np.exp(sop))

    def inverse(self, value: float) -> float:
        value /= self.scale
        if value > 0:
            return value
        return math.log1p(value / self.alpha) if value > -self.alpha else math.nan

    def forward(self, sop: Floats, value: Floats, residuals: Floats) -> None:
        """exp(s) - 1 is 2 t/(1 - t) with t = tanh(s/2), which is faster than np.expm1."""
        kind = sop.dtype.type
        np.minimum(sop, along(ZERO, sop), out=residuals)
        np.multiply(residuals, kind(0.5), residuals)
        np.tanh(residuals, residuals)
        np.subtract(ONE[sop.dtype.char], residuals, value)
        np.divide(residuals, value, residuals)
        np.multiply(residuals, kind(2 * self.alpha), residuals)
        np.maximum(sop, along(ZERO, sop), out=value)
        np.add(value, residuals, value)
        if self.scale != 1:
            np.multiply(value, kind(self.scale), value)

    def backward(self, delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        """The derivative, before the scale, is a exp(min(s, 0)) + (1 - a) [s > 0]."""
        kind = sop.dtype.type
        np.minimum(sop, along(ZERO, sop), out=residuals)
        np.exp(residuals, residuals)
        if self.alpha != 1:
            np.multiply(residuals, kind(self.alpha), residuals)
            np.maximum(sop, along(ZERO, sop), out=value)
            fill_positive(value, value)
            np.multiply(value, kind(1 - self.alpha), value)
            np.add(residuals, value, residuals)
        np.multiply(delta, residuals, delta)
        if self.scale != 1:
            np.multiply(delta, kind(self.scale), delta)

    def second_derivative(self, sop: Floats) -> Floats:
        curve: Floats = self.scale * self.alpha * np.exp(np.minimum(sop, 0.0)) * (sop <= 0)
        return curve


@register("activation", "elu")
class Elu(_Exponential):
    """s above 0 and alpha (exp(s) - 1) below (Clevert et al. 2016)."""

    class Options(PartOptions):
        kind: Literal["elu"]
        alpha: float = Field(1.0, gt=0, description="Minus the limit of the values below 0.")

    @property
    def bounds(self) -> tuple[float, float]:  # type: ignore[override]
        """Of the values."""
        return -self.alpha, math.inf

    @staticmethod
    def fused(sop: Scalar, alpha: Scalar) -> tuple[Scalar, Scalar]:
        zero, one = like(sop, 0.0), like(sop, 1.0)
        below = where(sop > zero, zero, sop)
        value = where(sop > zero, sop, alpha * expm1(below))
        return value, where(sop > zero, one, alpha * exp(below))


@register("activation", "selu")
class Selu(_Exponential):
    """1.0507 times elu with alpha = 1.6733 (Klambauer et al. 2017)."""

    bounds = (-1.7581, math.inf)  # -1.67326 × 1.05070, rounded down
    scale = _SELU_SCALE

    @property
    def alpha(self) -> float:
        """The factor a."""
        return _SELU_ALPHA

    @staticmethod
    def fused(sop: Scalar) -> tuple[Scalar, Scalar]:
        zero, scale = like(sop, 0.0), like(sop, _SELU_SCALE)
        alpha, below = like(sop, _SELU_SCALE * _SELU_ALPHA), where(sop > zero, zero, sop)
        value = where(sop > zero, scale * sop, alpha * expm1(below))
        return value, where(sop > zero, scale, alpha * exp(below))


class _Clipped(Activation):
    """s between two limits, with derivative 0 at and beyond them."""

    reads_sop = False

    def value(self, sop: Scalar) -> Scalar:
        return np.clip(sop, *map(sop.dtype.type, self.bounds))

    def derivative(self, sop: Scalar) -> Scalar:
        lowest, highest = self.bounds
        return sop if np.isnan(sop) else sop.dtype.type(lowest < sop < highest)

    def inverse(self, value: float) -> float:
        lowest, highest = self.bounds
        return value if lowest < value < highest else math.nan

    def forward(self, sop: Floats, value: Floats, residuals: Floats) -> None:
        lowest, highest = self.bounds
        np.maximum(sop, filled(lowest, sop), out=value)
        np.minimum(value, filled(highest, value), out=value)

    def second_derivative(self, sop: Floats) -> Floats:
        return np.zeros_like(sop)


@register("activation", "hard_tanh")
class HardTanh(_Clipped):
    """s, but at least -1 and at most 1, with derivative 0 there (Collobert 2004)."""

    aliases = ("hardtanh",)
    bounds = (-1.0, 1.0)
    kinks = (-1.0, 1.0)

    @staticmethod
    def fused(sop: Scalar) -> tuple[Scalar, Scalar]:
        zero, one = like(sop, 0.0), like(sop, 1.0)
        value = where(sop > one, one, where(sop < -one, -one, sop))
        inside = where(abs(sop) < one, one, where(abs(sop) >= one, zero, sop))  # NaN stays NaN
        return value, inside

    def backward(self, delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.absolute(value, value)
        np.floor(value, value)
        np.subtract(ONE[value.dtype.char], value, value)
        np.multiply(delta, value, delta)


@register("activation", "relu6")
class Relu6(_Clipped):
    """min(max(0, s), 6), with derivative 0 at 0 and at 6 (Krizhevsky 2010)."""

    bounds = (0.0, 6.0)
    kinks = (0.0, 6.0)

    @staticmethod
    def fused(sop: Scalar) -> tuple[Scalar, Scalar]:
        zero, one, six = like(sop, 0.0), like(sop, 1.0), like(sop, 6.0)
        value = where(sop > six, six, where(sop < zero, zero, sop))
        below = where(sop < six, one, where(sop >= six, zero, sop))
        return value, where(sop > zero, below, where(sop <= zero, zero, sop))  # NaN stays NaN

    def backward(self, delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.divide(value, value.dtype.type(6), residuals)
        np.floor(residuals, residuals)
        fill_positive(value, value)
        np.subtract(value, residuals, value)
        np.multiply(delta, value, delta)
