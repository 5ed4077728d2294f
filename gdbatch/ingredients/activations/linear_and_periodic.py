"""The identity and the sine."""

from __future__ import annotations

import math

import numpy as np

from ...numerics.elementary import Scalar, cos, like, sin
from ...registry import register
from ..options import Floats
from .protocol import Activation


@register("activation", "identity")
class Identity(Activation):
    """s: a linear layer."""

    aliases = ("linear", "none")

    reads_sop = False

    def value(self, sop: Scalar) -> Scalar:
        return sop

    def derivative(self, sop: Scalar) -> Scalar:
        return type(sop)(1)

    def inverse(self, value: float) -> float:
        return value

    @staticmethod
    def fused(sop: Scalar) -> tuple[Scalar, Scalar]:
        return sop, like(sop, 1.0)

    def forward(self, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.copyto(value, sop)

    def backward(self, delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        """The derivative is 1, so delta does not change."""

    def second_derivative(self, sop: Floats) -> Floats:
        return np.zeros_like(sop)


@register("activation", "sin")
class Sine(Activation):
    """sin(s): periodic, between -1 and 1 (Sitzmann et al. 2020)."""

    aliases = ("sine",)

    bounds = (-1.0, 1.0)

    def value(self, sop: Scalar) -> Scalar:
        return np.sin(sop)

    def derivative(self, sop: Scalar) -> Scalar:
        return np.cos(sop)

    def inverse(self, value: float) -> float:
        return math.asin(value) if -1 < value < 1 else math.nan

    @staticmethod
    def fused(sop: Scalar) -> tuple[Scalar, Scalar]:
        return sin(sop), cos(sop)

    def forward(self, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.sin(sop, value)

    def backward(self, delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.cos(sop, residuals)
        np.multiply(delta, residuals, delta)

    def second_derivative(self, sop: Floats) -> Floats:
        curve: Floats = -np.sin(sop)
        return curve
