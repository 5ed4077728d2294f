"""An activation: softsign."""

import numpy as np

from gdbatch.ingredients.activations.protocol import Activation
from gdbatch.ingredients.options import Floats
from gdbatch.numerics.elementary import Scalar
from gdbatch.registry import register


@register("activation", "outside_softsign")
class Softsign(Activation):
    """s/(1 + |s|), between -1 and 1."""

    bounds = (-1.0, 1.0)

    def value(self, sop: Scalar) -> Scalar:
        return sop / (1 + abs(sop))

    def derivative(self, sop: Scalar) -> Scalar:
        return 1 / (1 + abs(sop)) ** 2

    def forward(self, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.abs(sop, residuals)
        np.add(residuals, 1, residuals)
        np.divide(sop, residuals, value)

    def backward(self, delta: Floats, sop: Floats, value: Floats, residuals: Floats) -> None:
        np.divide(delta, residuals, delta)
        np.divide(delta, residuals, delta)
