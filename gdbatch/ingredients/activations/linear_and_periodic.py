"""The identity and the sine."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...numerics.elementary import cos, like, sin
from ...registry import register
from ..options import Floats


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
    def forward(sop: Floats, value: Floats, residuals: Floats) -> None:
        np.copyto(value, sop)

    @staticmethod
    def backward(delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        """The slope is 1: there is nothing to multiply."""

    @staticmethod
    def second_derivative(sop: Floats) -> Floats:
        return np.zeros_like(sop)


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
    def forward(sop: Floats, value: Floats, residuals: Floats) -> None:
        np.sin(sop, value)

    @staticmethod
    def backward(delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.cos(sop, residuals)
        np.multiply(delta, residuals, delta)

    @staticmethod
    def second_derivative(sop: Floats) -> Floats:
        second_derivative: Floats = -np.sin(sop)
        return second_derivative
