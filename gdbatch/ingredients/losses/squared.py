"""Squared errors: their sum and their mean."""

from __future__ import annotations

import numpy as np

from ...numerics.elementary import Scalar
from ...registry import register
from ..options import Floats
from .protocol import Loss


class _Squared(Loss):
    def term(self, prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        return (prediction - target) ** 2

    @staticmethod
    def fused(prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        return (prediction - target) * (prediction - target)

    def terms(
        self, difference: Floats, sop: Floats, targets: Floats, out: Floats, work: Floats
    ) -> None:
        np.multiply(difference, difference, out)

    def bound(self, lowest: float, highest: float, target: float) -> float:
        # a product overflows to inf; a power of Python floats would raise OverflowError
        below, above = lowest - target, highest - target
        return max(below * below, above * above)


@register("loss", "squared_error")
class SquaredError(_Squared):
    """Sum of (p - t)² over outputs and samples, as in the tutorial."""

    aliases = ("sse", "l2")

    def scale(self, count: int) -> float:
        return 1.0

    def factor(self, count: int) -> float:
        return 2.0


@register("loss", "mean_squared_error")
class MeanSquaredError(_Squared):
    """Mean of (p - t)² over outputs and samples."""

    aliases = ("mse", "mse_loss")

    def scale(self, count: int) -> float:
        return 1.0 / count

    def factor(self, count: int) -> float:
        return 2.0 / count
