"""Squared errors: their sum and their mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...registry import register
from ..options import Floats


class _Squared:
    through_sigmoid = False

    @staticmethod
    def term(prediction: Any, sop: Any, target: Any) -> Any:
        return (prediction - target) ** 2

    @staticmethod
    def fused(prediction: Any, sop: Any, target: Any) -> Any:
        return (prediction - target) * (prediction - target)

    @staticmethod
    def terms(difference: Floats, sop: Floats, targets: Floats, out: Floats, work: Floats) -> None:
        np.multiply(difference, difference, out)

    @staticmethod
    def bound(lowest: float, highest: float, target: float) -> float:
        # a power of Python's raises where it overflows, a product is inf
        below, above = lowest - target, highest - target
        return max(below * below, above * above)


@register("loss", "squared_error")
class SquaredError(_Squared):
    """(p - t)², summed over outputs and samples: the tutorial's."""

    @staticmethod
    def scale(count: int) -> float:
        return 1.0

    @staticmethod
    def factor(count: int) -> float:
        return 2.0


@register("loss", "mean_squared_error")
class MeanSquaredError(_Squared):
    """(p - t)², averaged over outputs and samples."""

    @staticmethod
    def scale(count: int) -> float:
        return 1.0 / count

    @staticmethod
    def factor(count: int) -> float:
        return 2.0 / count
