"""Cross-entropies of probabilities."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...numerics.elementary import exp, like, log1p, where
from ...registry import register
from ..options import Floats


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
