"""A loss: half the sum of squares."""

import numpy as np

from gdbatch.ingredients.losses.protocol import Loss
from gdbatch.ingredients.options import Floats
from gdbatch.numerics.elementary import Scalar
from gdbatch.registry import register


@register("loss", "outside_half_squared_error")
class HalfSquaredError(Loss):
    """½ (p - t)², summed over outputs and samples."""

    def term(self, prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        return (prediction - target) ** 2

    def scale(self, count: int) -> float:
        return 0.5

    def factor(self, count: int) -> float:
        return 1.0

    def terms(
        self, difference: Floats, sop: Floats, targets: Floats, out: Floats, work: Floats
    ) -> None:
        np.multiply(difference, difference, out)
