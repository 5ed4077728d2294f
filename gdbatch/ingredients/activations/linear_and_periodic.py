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

    @staticmethod
    def value(sop: Scalar) -> Scalar:
        return sop

    @staticmethod
    def derivative(sop: Scalar) -> Scalar:
        return type(sop)(1)

    @staticmethod
    def inverse(value: float) -> float:
        return value

    @staticmethod
    def fused(sop: Scalar) -> tuple[Scalar, Scalar]:
        return sop, like(sop, 1.0)

    @staticmethod
    def forward(sop: Floats, value: Floats, residuals: Floats) -> None:
        np.copyto(value, sop)

    @staticmethod
    def backward(delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        """The derivative is 1, so delta does not change."""

    @classmethod
    def second_derivative(cls, sop: Floats) -> Floats:
        return np.zeros_like(sop)


@register("activation", "sin")
class Sine(Activation):
    """sin(s): periodic, between -1 and 1 (Sitzmann et al. 2020)."""

    aliases = ("sine",)

    bounds = (-1.0, 1.0)

    @staticmethod
    def value(sop: Scalar) -> Scalar:
        return np.sin(sop)

    @staticmethod
    def derivative(sop: Scalar) -> Scalar:
        return np.cos(sop)

    @staticmethod
    def inverse(value: float) -> float:
        return math.asin(value) if -1 < value < 1 else math.nan

    @staticmethod
    def fused(sop: Scalar) -> tuple[Scalar, Scalar]:
        return sin(sop), cos(sop)

    @staticmethod
    def forward(sop: Floats, value: Floats, residuals: Floats) -> None:
        np.sin(sop, value)

    @staticmethod
    def backward(delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.cos(sop, residuals)
        np.multiply(delta, residuals, delta)

    @classmethod
    def second_derivative(cls, sop: Floats) -> Floats:
        curve: Floats = -np.sin(sop)
        return curve
