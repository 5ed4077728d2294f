"""A loss: half the sum of squares."""

import numpy as np

from gdbatch.ingredients.losses.protocol import Loss
from gdbatch.ingredients.options import Floats
from gdbatch.numerics.elementary import Scalar
from gdbatch.registry import register


@register("loss", "outside_half_squared_error")
class HalfSquaredError(Loss):
    """½ (p - t)², summed over outputs and samples."""

    @staticmethod
    def term(prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        return (prediction - target) ** 2

    @staticmethod
    def scale(count: int) -> float:
        return 0.5

    @staticmethod
    def factor(count: int) -> float:
        return 1.0

    @staticmethod
    def terms(difference: Floats, sop: Floats, targets: Floats, out: Floats, work: Floats) -> None:
        np.multiply(difference, difference, out)
