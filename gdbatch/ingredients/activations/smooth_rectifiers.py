"""Smooth relatives of relu that dip below zero: gelu, its tanh form, silu and mish."""

from __future__ import annotations

import math

import numpy as np

from ...numerics.elementary import Scalar, erfcx, exp, fill_erfcx, like, sigmoid, where
from ...registry import register
from ..options import Floats
from .arrays import ONE, along, constant
from .protocol import Activation
from .saturating import Sigmoid

_HALF = constant(0.5)
_ROOT_HALF = math.sqrt(0.5)
_DENSITY = 1 / math.sqrt(2 * math.pi)  # of the normal distribution at 0
_TANH_SCALE, _CUBIC = math.sqrt(2 / math.pi), 0.044715
_MISH_LIMIT = constant(40.0, 20.0)  # above it mish rounds to s, and its derivative to 1
_SIGMOID = Sigmoid()


@register("activation", "gelu")
class Gelu(Activation):
    """s Φ(s), with the normal distribution Φ(s) = (1 + erf(s/√2))/2 (Hendrycks and Gimpel 2016)."""

    bounds = (-0.17, math.inf)

    def value(self, sop: Scalar) -> Scalar:
        return sop * _normal(sop)

    def derivative(self, sop: Scalar) -> Scalar:
        return _normal(sop) + sop * np.exp(-sop * sop / 2) * sop.dtype.type(_DENSITY)

    @staticmethod
    def fused(sop: Scalar) -> tuple[Scalar, Scalar]:
        half, size = like(sop, 0.5), abs(sop)
        power = exp(-half * sop * sop)
        tail = half * power * erfcx(size * like(sop, _ROOT_HALF))  # Φ(-|s|)
        normal = where(sop < like(sop, 0.0), tail, like(sop, 1.0) - tail)
        return sop * normal, normal + sop * power * like(sop, _DENSITY)

    def forward(self, sop: Floats, value: Floats, residuals: Floats) -> None:
        kind = sop.dtype.type
        np.absolute(sop, residuals)
        np.multiply(residuals, kind(_ROOT_HALF), residuals)
        fill_erfcx(residuals, value, residuals)
        np.multiply(sop, sop, residuals)
        np.multiply(residuals, kind(-0.5), residuals)
        np.exp(residuals, residuals)
        # Φ(s) = 1/2 ± (1/2 - Φ(-|s|))
        np.multiply(value, residuals, value)
        np.multiply(value, kind(-0.5), value)
        np.add(value, _HALF[sop.dtype.char], value)
        np.copysign(value, sop, value)
        np.add(value, _HALF[sop.dtype.char], value)
        # the derivative Φ(s) + s Φ'(s)
        np.multiply(residuals, kind(_DENSITY), residuals)
        np.multiply(residuals, sop, residuals)
        np.add(residuals, value, residuals)
        np.multiply(value, sop, value)

    def backward(self, delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.multiply(delta, residuals, delta)

    def second_derivative(self, sop: Floats) -> Floats:
        square = sop * sop
        curve: Floats = _DENSITY * np.exp(-square / 2) * (2 - square)
        return curve


def _normal(sop: Scalar) -> Scalar:
    """The normal distribution of one number."""
    kind = sop.dtype.type
    return kind(0.5 * math.erfc(-float(sop) * _ROOT_HALF))


@register("activation", "gelu_tanh")
class GeluTanh(Activation):
    """s (1 + tanh(√(2/π) (s + 0.044715 s³)))/2, near gelu (Hendrycks and Gimpel 2016)."""

    bounds = (-0.1701, math.inf)

    def value(self, sop: Scalar) -> Scalar:
        return sop * (1 + np.tanh(self._inner(sop))) / 2

    def derivative(self, sop: Scalar) -> Scalar:
        t = np.tanh(self._inner(sop))
        inner = sop.dtype.type(_TANH_SCALE) * (1 + sop.dtype.type(3 * _CUBIC) * sop * sop)
        return (1 + t) / 2 + sop * inner * (1 - t * t) / 2

    @staticmethod
    def _inner(sop: Scalar) -> Scalar:
        kind = sop.dtype.type
        return kind(_TANH_SCALE) * sop * (1 + kind(_CUBIC) * sop * sop)

    @staticmethod
    def fused(sop: Scalar) -> tuple[Scalar, Scalar]:
        one, twice, square = like(sop, 1.0), like(sop, 2 * _TANH_SCALE), sop * sop
        # (1 + tanh u)/2 is the sigmoid of 2 u
        half, rest = sigmoid(twice * sop * (one + like(sop, _CUBIC) * square))
        inner = twice * (one + like(sop, 3 * _CUBIC) * square)
        return sop * half, half + sop * inner * half * rest

    def forward(self, sop: Floats, value: Floats, residuals: Floats) -> None:
        kind, one = sop.dtype.type, ONE[sop.dtype.char]
        np.multiply(sop, sop, residuals)
        np.multiply(residuals, kind(_CUBIC), residuals)
        np.add(residuals, one, residuals)
        np.multiply(residuals, sop, residuals)
        np.multiply(residuals, kind(_TANH_SCALE), residuals)
        np.tanh(residuals, residuals)
        np.add(residuals, one, residuals)
        np.multiply(residuals, kind(0.5), residuals)  # h = (1 + tanh)/2
        np.multiply(residuals, sop, value)

    def backward(self, delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        """The derivative is h (1 + (1 - h) 2 s √(2/π) (1 + 3·0.044715 s²))."""
        kind, one = sop.dtype.type, ONE[sop.dtype.char]
        np.multiply(sop, sop, value)
        np.multiply(value, kind(3 * _CUBIC), value)
        np.add(value, one, value)
        np.multiply(value, sop, value)
        np.multiply(value, kind(2 * _TANH_SCALE), value)
        np.multiply(delta, residuals, delta)
        np.subtract(one, residuals, residuals)
        np.multiply(value, residuals, value)
        np.add(value, one, value)
        np.multiply(delta, value, delta)

    def second_derivative(self, sop: Floats) -> Floats:
        square = sop * sop
        t = np.tanh(_TANH_SCALE * sop * (1 + _CUBIC * square))
        inner, slope = _TANH_SCALE * (1 + 3 * _CUBIC * square), 6 * _TANH_SCALE * _CUBIC * sop
        curve: Floats = (1 - t * t) * (inner + sop * (slope / 2 - t * inner * inner))
        return curve


@register("activation", "silu")
class Silu(Activation):
    """s/(1 + exp(-s)), also called swish (Elfwing et al. 2018)."""

    aliases = ("swish",)
    bounds = (-0.2785, math.inf)

    def value(self, sop: Scalar) -> Scalar:
        return sop * _SIGMOID.value(sop)

    def derivative(self, sop: Scalar) -> Scalar:
        return _SIGMOID.value(sop) * (1 + sop * _SIGMOID.value(-sop))

    @staticmethod
    def fused(sop: Scalar) -> tuple[Scalar, Scalar]:
        value, rest = sigmoid(sop)
        return sop * value, value * (like(sop, 1.0) + sop * rest)

    def forward(self, sop: Floats, value: Floats, residuals: Floats) -> None:
        _SIGMOID.forward(sop, value, residuals)
        np.multiply(value, sop, value)

    def backward(self, delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        """With q = 1/(1 + exp(s)), the derivative 1 - q + s (1 - q) q is 1 + q (value - 1)."""
        np.subtract(value, ONE[sop.dtype.char], value)
        np.multiply(value, residuals, value)
        np.add(value, ONE[sop.dtype.char], value)
        np.multiply(delta, value, delta)

    def second_derivative(self, sop: Floats) -> Floats:
        e = np.exp(-np.abs(sop))
        slope = e / (1 + e) ** 2
        curve: Floats = slope * (2 - np.abs(sop) * (1 - e) / (1 + e))
        return curve


@register("activation", "mish")
class Mish(Activation):
    """s tanh(log(1 + exp(s))) (Misra 2019).

    With e = exp(s) and d = e² + 2 e + 2 it is s e (e + 2)/d, and its derivative is
    e (e + 2)/d + 4 s e (1 + e)/d².
    """

    bounds = (-0.3089, math.inf)

    def value(self, sop: Scalar) -> Scalar:
        return sop * np.tanh(np.log1p(np.exp(sop)) if sop < 0 else sop + np.log1p(np.exp(-sop)))

    def derivative(self, sop: Scalar) -> Scalar:
        e = np.exp(np.minimum(sop, _MISH_LIMIT[sop.dtype.char]))
        d = e * (e + 2) + 2
        return e / d * ((e + 2) + 4 * sop * ((1 + e) / d))

    @staticmethod
    def fused(sop: Scalar) -> tuple[Scalar, Scalar]:
        one, two, limit = like(sop, 1.0), like(sop, 2.0), like(sop, 20.0)
        e = exp(where(sop > limit, limit, sop))
        n = e * (e + two)
        d = n + two
        slope = n / d + like(sop, 4.0) * sop * (e / d) * ((one + e) / d)
        return sop * (n / d), where(sop > limit, one, slope)

    def forward(self, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.minimum(sop, along(_MISH_LIMIT, sop), out=residuals)
        np.exp(residuals, residuals)
        np.add(residuals, sop.dtype.type(2), value)
        np.multiply(value, residuals, value)
        np.add(value, sop.dtype.type(2), residuals)
        np.divide(value, residuals, value)
        np.multiply(value, sop, value)

    def backward(self, delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        """Multiplies by e/d, then by e + 2 + 4 s (1 + e)/d."""
        one = ONE[sop.dtype.char]
        np.minimum(sop, along(_MISH_LIMIT, sop), out=value)
        np.exp(value, value)
        np.multiply(delta, value, delta)
        np.divide(delta, residuals, delta)
        np.add(value, one, value)
        np.divide(value, residuals, residuals)
        np.multiply(residuals, sop, residuals)
        np.multiply(residuals, sop.dtype.type(4), residuals)
        np.add(value, one, value)
        np.add(value, residuals, value)
        np.multiply(delta, value, delta)

    def second_derivative(self, sop: Floats) -> Floats:
        e = np.exp(np.minimum(sop, 40.0))
        d = e * (e + 2) + 2
        slope = 4 * (e / d) * ((1 + e) / d)  # of tanh(log(1 + exp(s)))
        relative = 1 + e / (1 + e) - 4 * e * ((1 + e) / d)
        curve: Floats = slope * (2 + sop * relative)
        return curve
