"""Cross-entropies of probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...numerics.elementary import Scalar, exp, like, log1p, where
from ...registry import register
from ..activations.saturating import Sigmoid
from ..activations.softmax import Softmax, powers_and_rest
from ..options import Floats
from .protocol import CoupledLoss, Loss


@register("loss", "binary_cross_entropy")
class BinaryCrossEntropy(Loss):
    """Mean of -t log p - (1 - t) log(1 - p), for sigmoid outputs and targets in [0, 1].

    Computed from the sum of products s as max(s, 0) - t s + log1p(exp(-|s|)), which avoids
    cancellation.
    """

    aliases = ("bce", "binary_crossentropy", "log_loss", "logistic")

    output_activation = Sigmoid
    target_range = (0.0, 1.0)
    is_classification = True

    def term(self, prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        return np.maximum(sop, 0) - target * sop + np.log1p(np.exp(-abs(sop)))

    @staticmethod
    def fused(prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        zero = like(sop, 0.0)
        return where(sop < zero, zero, sop) - target * sop + log1p(exp(-abs(sop)))

    def scale(self, count: int) -> float:
        return 1.0 / count

    def factor(self, count: int) -> float:
        return 1.0 / count

    def terms(
        self, difference: Floats, sop: Floats, targets: Floats, out: Floats, work: Floats
    ) -> None:
        np.multiply(sop, targets, out)
        np.maximum(sop, 0, out=work)
        np.subtract(work, out, out)  # exactly 0 as the target is approached
        np.absolute(sop, work)
        np.negative(work, work)
        np.exp(work, work)
        np.log1p(work, work)
        np.add(out, work, out)


@register("loss", "cross_entropy")
class CrossEntropy(CoupledLoss):
    """Mean over samples of -Σ t log p, for softmax outputs and rows of probabilities t.

    With m, r and e as in `Softmax`, a term is t (log1p(r) - (s - m)) and its slope, as Σ t is 1,
    is (e - t - t r)/(1 + r): for the largest s that is ((1 - t) - t r)/(1 + r). Both are accurate
    in both tails.
    """

    aliases = (
        "ce",
        "crossentropy",
        "softmax_cross_entropy",
        "categorical_crossentropy",
        "sparse_categorical_crossentropy",
        "categorical_cross_entropy",
        "nll",
        "nll_loss",
    )

    output_activation = Softmax
    target_range = (0.0, 1.0)
    is_classification = True
    averages_samples = True

    def scale(self, count: int) -> float:
        return 1.0 / count

    def factor(self, count: int) -> float:
        return 1.0 / count

    def sample_terms(
        self, predictions: Sequence[Scalar], sops: Sequence[Scalar], targets: Sequence[Scalar]
    ) -> list[Scalar]:
        _, rest = powers_and_rest(sops)
        largest = max(sops)
        return [t * (np.log1p(rest) - (s - largest)) for s, t in zip(sops, targets, strict=True)]

    def sample_slopes(
        self, predictions: Sequence[Scalar], sops: Sequence[Scalar], targets: Sequence[Scalar]
    ) -> list[Scalar]:
        powers, rest = powers_and_rest(sops)
        return [((e - t) - t * rest) / (1 + rest) for e, t in zip(powers, targets, strict=True)]

    def terms(
        self, shared: Floats, sop: Floats, targets: Floats, out: Floats, work: Floats
    ) -> None:
        largest, rest, _ = shared
        np.log1p(rest, work[0])
        np.subtract(sop, largest, out)
        np.subtract(work[0], out, out)
        np.multiply(out, targets, out)

    def slopes(
        self, residuals: Floats, shared: Floats, targets: Floats, out: Floats, work: Floats
    ) -> None:
        _, rest, total = shared
        np.multiply(targets, rest, work)
        np.subtract(residuals, targets, out)
        np.subtract(out, work, out)
        np.divide(out, total, out)

    @staticmethod
    def fused(sop: Scalar, target: Scalar, largest: Scalar, log_total: Scalar) -> Scalar:
        return target * (log_total - (sop - largest))

    @staticmethod
    def fused_slope(power: Scalar, target: Scalar, rest: Scalar) -> Scalar:
        return ((power - target) - target * rest) / (like(rest, 1.0) + rest)
