"""Interface of activations."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Protocol

import numpy as np

from ...numerics.elementary import Scalar
from ..options import Floats, Part

_STEP = float(np.cbrt(np.finfo(np.float64).eps))


class FusedActivation(Protocol):
    """Value and derivative of one number, for the fused engine; the options' number follows it.

    It has no branches, and uses the functions in `numerics.elementary` and constants from `like`.
    """

    def __call__(self, sop: Scalar, /, *number: Scalar) -> tuple[Scalar, Scalar]: ...


class OutputActivation(Part, ABC):
    """What the outputs apply to their sums of products s (sop)."""

    bounds: ClassVar[tuple[float, float]] = (-math.inf, math.inf)  # of the values
    reads_sop: ClassVar[bool] = True  # in `backward`; if not, `value` and `sop` may share memory

    @abstractmethod
    def values(self, sops: Sequence[Scalar]) -> list[Scalar]:
        """The values of a layer for one sample, from its sums of products."""


class CoupledActivation(OutputActivation):
    """An activation that reads all sums of products of a layer, so only outputs may have it.

    Arrays are (units, samples, lanes), in any memory order. `shared`, (3, samples, lanes), is for
    what the units have in common; a `CoupledLoss` reads it too.
    """

    @abstractmethod
    def forward(self, sop: Floats, value: Floats, residuals: Floats, shared: Floats) -> None:
        """Fill `value`, `residuals` and `shared` from `sop`, without allocating memory."""

    @abstractmethod
    def change(self, value: Floats, towards: Floats) -> Floats:
        """The derivative of the values in the direction `towards` of the sums of products."""


class Activation(OutputActivation):
    """A function that a unit applies to its sum of products s (sop).

    The plain forms `value` and `derivative` take one number: they are the equations, for readers
    and for the reference trainer. The array forms `forward` and `backward` work in place on arrays
    of equal shape and must not allocate memory.
    """

    fused: ClassVar[FusedActivation | None] = None  # None: not available in the fused engine
    kinks: ClassVar[tuple[float, ...]] = ()  # where the derivative jumps

    @abstractmethod
    def value(self, sop: Scalar) -> Scalar:
        """The activation of one sum of products."""

    @abstractmethod
    def derivative(self, sop: Scalar) -> Scalar:
        """The derivative of `value` at one sum of products."""

    @abstractmethod
    def forward(self, sop: Floats, value: Floats, residuals: Floats) -> None:
        """Fill `value` from `sop`, and `residuals` with whatever `backward` can reuse."""

    @abstractmethod
    def backward(self, delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        """Multiply `delta` by the derivative; `value` and `residuals` may be overwritten."""

    def values(self, sops: Sequence[Scalar]) -> list[Scalar]:
        """The value of each sum of products."""
        return [self.value(sop) for sop in sops]

    def inverse(self, value: float) -> float:
        """The sum of products that gives `value`, if known and unique, else NaN."""
        return math.nan

    def second_derivative(self, sop: Floats) -> Floats:
        """The second derivative of `value`, needed for the sharpness of a network.

        By default, central differences of the derivative, accurate to about 10 digits.
        """
        step = _STEP * np.maximum(1.0, np.abs(sop))
        ahead, behind = (self._derivatives(sop + signed) for signed in (step, -step))
        difference: Floats = (ahead - behind) / (2 * step)
        return difference

    def _derivatives(self, sop: Floats) -> Floats:
        value, residuals, derivative = np.empty_like(sop), np.empty_like(sop), np.ones_like(sop)
        self.forward(sop, value, residuals)
        self.backward(derivative, sop, value, residuals)
        return derivative
