"""Losses: one number for how wrong all predictions of a model are.

One class is one loss, whole; all of them give the gradient as a factor times (p - t).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Protocol

import numpy as np

from ..catalogue import register
from .elementary import exp, like, log1p, where
from .options import Floats


class Loss(Protocol):
    """What the engine needs of a loss.

    The gradient of every loss here is `factor` × (prediction - target): with respect to the
    prediction, or, when `through_sigmoid`, to the sum of products of a sigmoid output, whose
    slope then cancels.
    """

    through_sigmoid: ClassVar[bool]

    @staticmethod
    def term(prediction: Any, sop: Any, target: Any) -> Any:
        """The loss of one prediction (NumPy scalars), before `scale`."""

    @staticmethod
    def fused(prediction: Any, sop: Any, target: Any) -> Any:
        """The same for compiled kernels, of numbers of one type."""

    @staticmethod
    def scale(count: int) -> float:
        """What the sum of `count` terms (samples × outputs) is multiplied by."""

    @staticmethod
    def factor(count: int) -> float:
        """What (prediction - target) is multiplied by in the gradient."""

    @staticmethod
    def terms(difference: Floats, sop: Floats, targets: Floats, out: Floats, work: Floats) -> None:
        """Fill `out` with the loss of every prediction, before `scale`.

        `difference` = prediction - target, `sop`, `out` and `work` are of one shape, to which
        `targets` broadcasts.
        """

    @staticmethod
    def bound(lowest: float, highest: float, target: float) -> float:
        """The largest term possible with predictions between lowest and highest."""


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


@register("loss", "binary_cross_entropy")
class BinaryCrossEntropy:
    """-t log p - (1-t) log(1-p), averaged; for sigmoid outputs and targets in [0, 1].

    Computed from the sum of products s, without cancellation, as
    max(s, 0) - t s + log1p(exp(-|s|)).
    """

    through_sigmoid = True

    @staticmethod
    def term(prediction: Any, sop: Any, target: Any) -> Any:
        return np.maximum(sop, 0) - target * sop + np.log1p(np.exp(-abs(sop)))

    @staticmethod
    def fused(prediction: Any, sop: Any, target: Any) -> Any:
        zero = like(sop, 0.0)
        return where(sop < zero, zero, sop) - target * sop + log1p(exp(-abs(sop)))

    @staticmethod
    def scale(count: int) -> float:
        return 1.0 / count

    @staticmethod
    def factor(count: int) -> float:
        return 1.0 / count

    @staticmethod
    def terms(difference: Floats, sop: Floats, targets: Floats, out: Floats, work: Floats) -> None:
        np.multiply(sop, targets, out)
        np.maximum(sop, 0, out=work)
        np.subtract(work, out, out)  # exactly 0 where the target is met ever better
        np.absolute(sop, work)
        np.negative(work, work)
        np.exp(work, work)
        np.log1p(work, work)
        np.add(out, work, out)

    @staticmethod
    def bound(lowest: float, highest: float, target: float) -> float:
        return math.inf
