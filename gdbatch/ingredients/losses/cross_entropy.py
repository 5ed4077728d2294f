"""Cross-entropies of probabilities."""

from __future__ import annotations

import numpy as np

from ...numerics.elementary import Scalar, exp, like, log1p, where
from ...registry import register
from ..activations.saturating import Sigmoid
from ..options import Floats
from .protocol import Loss


@register("loss", "binary_cross_entropy")
class BinaryCrossEntropy(Loss):
    """Mean of -t log p - (1 - t) log(1 - p), for sigmoid outputs and targets in [0, 1].

    Computed from the sum of products s as max(s, 0) - t s + log1p(exp(-|s|)), which avoids
    cancellation.
    """

    output_activation = Sigmoid
    target_range = (0.0, 1.0)

    @staticmethod
    def term(prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        return np.maximum(sop, 0) - target * sop + np.log1p(np.exp(-abs(sop)))

    @staticmethod
    def fused(prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
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
        np.subtract(work, out, out)  # exactly 0 as the target is approached
        np.absolute(sop, work)
        np.negative(work, work)
        np.exp(work, work)
        np.log1p(work, work)
        np.add(out, work, out)
