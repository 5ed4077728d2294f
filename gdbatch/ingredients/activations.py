"""Activations: what a neuron does to its sum of products, and the slope of it.

One class is one activation, whole: the plain form is read by students and by the reference
trainer, the array form runs in the engine, and the tests hold the two and autodiff together.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, ClassVar, Protocol

import numpy as np

from ..catalogue import register
from .buffers import new_buffer
from .elementary import cos, exp, like, log1p, sigmoid, sin, tanh, where
from .options import Floats


class Activation(Protocol):
    """What the engine needs of an activation.

    The array forms work on arrays of any one shape, in place, and allocate nothing. `memory` is
    handed from `forward` to `backward` untouched, so work done once need not be done twice.
    """

    bounds: ClassVar[tuple[float, float]]
    reads_sop: ClassVar[bool]  # `backward` does; else `value` may be the same array

    @staticmethod
    def value(sop: Any) -> Any:
        """The activation of one sum of products (a NumPy scalar), by IEEE rules."""

    @staticmethod
    def slope(sop: Any) -> Any:
        """The derivative of `value` at one sum of products (a NumPy scalar)."""

    @staticmethod
    def inverse(value: float) -> float:
        """The sum of products that gives `value`; NaN when there is none."""

    @staticmethod
    def fused(sop: Any) -> tuple[Any, Any]:
        """Value and slope of one number, without branches, for compiled kernels.

        `exp` and `tanh` are those of `elementary`, and constants have the type of `sop`.
        """

    @staticmethod
    def forward(sop: Floats, value: Floats, memory: Floats) -> None:
        """Fill `value` and `memory` from `sop`."""

    @staticmethod
    def backward(delta: Floats, sop: Floats, value: Floats, memory: Floats) -> None:
        """Multiply `delta` by the slope; `value` and `memory` may be used up."""

    @staticmethod
    def bend(sop: Floats) -> Floats:
        """The second derivative of `value`; outside the step loop, so it may allocate."""


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
    def forward(sop: Floats, value: Floats, memory: Floats) -> None:
        one = _ONE[sop.dtype.char]
        np.minimum(sop, _along(_EXPONENT_LIMIT, sop), out=value)
        np.exp(value, value)
        np.add(value, one, memory)
        np.divide(one, memory, memory)  # twice as fast as np.reciprocal, and as exact
        np.multiply(value, memory, value)

    @staticmethod
    def backward(delta: Floats, sop: Floats, value: Floats, memory: Floats) -> None:
        np.multiply(delta, value, delta)
        np.multiply(delta, memory, delta)

    @staticmethod
    def bend(sop: Floats) -> Floats:
        e = np.exp(-np.abs(sop))
        bend: Floats = -np.sign(sop) * e * (1 - e) / (1 + e) ** 3
        return bend


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
    def forward(sop: Floats, value: Floats, memory: Floats) -> None:
        np.tanh(sop, value)

    @staticmethod
    def backward(delta: Floats, sop: Floats, value: Floats, memory: Floats) -> None:
        np.multiply(value, value, value)
        np.subtract(_ONE[sop.dtype.char], value, value)
        np.multiply(delta, value, delta)

    @staticmethod
    def bend(sop: Floats) -> Floats:
        e = np.exp(-2 * np.abs(sop))  # of which 1 - tanh² is 4e/(1 + e)², without cancellation
        bend: Floats = -8 * np.tanh(sop) * e / (1 + e) ** 2
        return bend


@register("activation", "relu")
class Relu:
    """max(0, s); the slope at 0 is taken as 0."""

    bounds = (0.0, math.inf)
    reads_sop = False

    @staticmethod
    def value(sop: Any) -> Any:
        return np.maximum(sop, 0)

    @staticmethod
    def slope(sop: Any) -> Any:
        return sop if np.isnan(sop) else sop.dtype.type(sop > 0)

    @staticmethod
    def inverse(value: float) -> float:
        return value if value > 0 else math.nan

    @staticmethod
    def fused(sop: Any) -> tuple[Any, Any]:
        zero, one = like(sop, 0.0), like(sop, 1.0)
        slope = where(sop > zero, one, where(sop <= zero, zero, sop))  # NaN stays NaN
        return where(sop < zero, zero, sop), slope

    @staticmethod
    def forward(sop: Floats, value: Floats, memory: Floats) -> None:
        np.maximum(sop, _along(_ZERO, sop), out=value)

    @staticmethod
    def backward(delta: Floats, sop: Floats, value: Floats, memory: Floats) -> None:
        np.sign(value, value)
        np.multiply(delta, value, delta)

    @staticmethod
    def bend(sop: Floats) -> Floats:
        return np.zeros_like(sop)


@register("activation", "leaky_relu")
class LeakyRelu:
    """s above 0, 0.01 s below; the slope at 0 is taken as 0.01."""

    bounds = (-math.inf, math.inf)
    reads_sop = True
    leak: ClassVar[float] = 0.01

    @staticmethod
    def value(sop: Any) -> Any:
        return np.maximum(sop, sop * sop.dtype.type(LeakyRelu.leak))

    @staticmethod
    def slope(sop: Any) -> Any:
        return sop if np.isnan(sop) else sop.dtype.type(1.0 if sop > 0 else LeakyRelu.leak)

    @staticmethod
    def inverse(value: float) -> float:
        return value if value > 0 else value / LeakyRelu.leak

    @staticmethod
    def fused(sop: Any) -> tuple[Any, Any]:
        zero, one, leak = like(sop, 0.0), like(sop, 1.0), like(sop, 0.01)
        slope = where(sop > zero, one, where(sop <= zero, leak, sop))
        return where(sop < zero, sop * leak, sop), slope

    @staticmethod
    def forward(sop: Floats, value: Floats, memory: Floats) -> None:
        np.multiply(sop, _LEAK[sop.dtype.char], memory)
        np.maximum(sop, memory, out=value)

    @staticmethod
    def backward(delta: Floats, sop: Floats, value: Floats, memory: Floats) -> None:
        np.sign(sop, memory)
        np.maximum(memory, _along(_LEAK, sop), out=memory)
        np.multiply(delta, memory, delta)

    @staticmethod
    def bend(sop: Floats) -> Floats:
        return np.zeros_like(sop)


@register("activation", "identity")
class Identity:
    """s itself: a linear layer."""

    bounds = (-math.inf, math.inf)
    reads_sop = False

    @staticmethod
    def value(sop: Any) -> Any:
        return sop

    @staticmethod
    def slope(sop: Any) -> Any:
        return type(sop)(1)

    @staticmethod
    def inverse(value: float) -> float:
        return value

    @staticmethod
    def fused(sop: Any) -> tuple[Any, Any]:
        return sop, like(sop, 1.0)

    @staticmethod
    def forward(sop: Floats, value: Floats, memory: Floats) -> None:
        np.copyto(value, sop)

    @staticmethod
    def backward(delta: Floats, sop: Floats, value: Floats, memory: Floats) -> None:
        """The slope is 1: there is nothing to multiply."""

    @staticmethod
    def bend(sop: Floats) -> Floats:
        return np.zeros_like(sop)


@register("activation", "softplus")
class Softplus:
    """log(1 + exp(s)), a smooth relu.

    Computed as max(s, 0) + log1p(exp(-|s|)); the slope is the sigmoid of s.
    """

    bounds = (0.0, math.inf)
    reads_sop = True

    @staticmethod
    def value(sop: Any) -> Any:
        return np.maximum(sop, 0) + np.log1p(np.exp(-abs(sop)))

    @staticmethod
    def slope(sop: Any) -> Any:
        return Sigmoid.value(sop)

    @staticmethod
    def inverse(value: float) -> float:
        return value + math.log(-math.expm1(-value)) if value > 0 else math.nan

    @staticmethod
    def fused(sop: Any) -> tuple[Any, Any]:
        zero, one, e = like(sop, 0.0), like(sop, 1.0), exp(-abs(sop))
        above = where(sop < zero, zero, sop)
        return above + log1p(e), where(sop < zero, e, one) / (one + e)

    @staticmethod
    def forward(sop: Floats, value: Floats, memory: Floats) -> None:
        np.absolute(sop, memory)
        np.negative(memory, memory)
        np.exp(memory, memory)
        np.log1p(memory, memory)
        np.maximum(sop, _along(_ZERO, sop), out=value)
        np.add(value, memory, value)

    @staticmethod
    def backward(delta: Floats, sop: Floats, value: Floats, memory: Floats) -> None:
        np.negative(sop, memory)
        np.minimum(memory, _along(_EXPONENT_LIMIT, sop), out=memory)
        np.exp(memory, memory)
        np.add(memory, _ONE[sop.dtype.char], memory)
        np.divide(delta, memory, delta)

    @staticmethod
    def bend(sop: Floats) -> Floats:
        e = np.exp(-np.abs(sop))
        bend: Floats = e / (1 + e) ** 2
        return bend


@register("activation", "sin")
class Sine:
    """sin(s), periodic, between -1 and 1."""

    bounds = (-1.0, 1.0)
    reads_sop = True

    @staticmethod
    def value(sop: Any) -> Any:
        return np.sin(sop)

    @staticmethod
    def slope(sop: Any) -> Any:
        return np.cos(sop)

    @staticmethod
    def inverse(value: float) -> float:
        return math.asin(value) if -1 < value < 1 else math.nan

    @staticmethod
    def fused(sop: Any) -> tuple[Any, Any]:
        return sin(sop), cos(sop)

    @staticmethod
    def forward(sop: Floats, value: Floats, memory: Floats) -> None:
        np.sin(sop, value)

    @staticmethod
    def backward(delta: Floats, sop: Floats, value: Floats, memory: Floats) -> None:
        np.cos(sop, memory)
        np.multiply(delta, memory, delta)

    @staticmethod
    def bend(sop: Floats) -> Floats:
        bend: Floats = -np.sin(sop)
        return bend


def _constant(float64: float, float32: float | None = None) -> dict[str, Floats]:
    """A number as an array without axes, by type: ufuncs take these faster than Python numbers."""
    return {
        "d": np.array(float64, np.float64),
        "f": np.array(float64 if float32 is None else float32, np.float32),
    }


_ZERO = _constant(0.0)
_ONE = _constant(1.0)
_LEAK = _constant(LeakyRelu.leak)
# exp of these is finite, and its reciprocal is no denormal
_EXPONENT_LIMIT = _constant(700.0, 87.0)


def _along(numbers: dict[str, Floats], sop: Floats) -> Floats:
    """A number, again for each place of the last axis of `sop`.

    `np.minimum` and `np.maximum` take three times as long with a number as with an array.
    """
    return _row(float(numbers[sop.dtype.char]), sop.dtype.char, sop.shape[-1])


@lru_cache(maxsize=64)
def _row(number: float, kind: str, length: int) -> Floats:
    row = new_buffer(length, kind)
    row.fill(number)
    row.flags.writeable = False
    return row
