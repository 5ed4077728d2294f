"""The likelihood of counts."""

from __future__ import annotations

import math

import numpy as np

from ...numerics.elementary import Scalar
from ...registry import register
from ..activations.exponential import Exponential
from ..options import Floats
from .protocol import MeanLoss


@register("loss", "poisson")
class Poisson(MeanLoss):
    """Mean of exp(s) - t s for exponential outputs and counts t ≥ 0, which may be fractions.

    The negative logarithm of the Poisson likelihood of rate exp(s), without the constant log(t!),
    as PyTorch's PoissonNLLLoss with `log_input`. It may be negative.
    """

    aliases = ("poisson_nll", "poisson_nll_loss")
    output_activation = Exponential
    target_range = (0.0, math.inf)

    def term(self, prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        return np.exp(sop) - target * sop

    @staticmethod
    def fused(prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        return prediction - target * sop

    def terms(
        self, difference: Floats, sop: Floats, targets: Floats, out: Floats, work: Floats
    ) -> None:
        np.exp(sop, out)
        np.multiply(sop, targets, work)
        np.subtract(out, work, out)
