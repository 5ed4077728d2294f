"""Interface of losses."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Protocol

from ...numerics.elementary import Scalar
from ..activations.protocol import OutputActivation
from ..options import Floats, Part


class FusedLoss(Protocol):
    """The term of one prediction, or its slope, for the fused engine; the options' number is last.

    It has no branches, and uses the functions in `numerics.elementary` and constants from `like`.
    """

    def __call__(
        self, prediction: Scalar, sop: Scalar, target: Scalar, /, *number: Scalar
    ) -> Scalar: ...


class OutputLoss(Part, ABC):
    """A loss of predictions p and targets t, which may couple the outputs.

    It is `scale` × the sum of a term for every prediction. Its gradient is `factor` × the slope of
    every term: the derivative with respect to p or, with an `output_activation`, to the output's
    sum of products (sop).
    """

    # the output activation that the loss requires, whose derivative is in the slopes; None: any
    output_activation: ClassVar[type[OutputActivation] | None] = None
    target_range: ClassVar[tuple[float, float]] = (-math.inf, math.inf)  # allowed targets
    # whether targets are classes: probabilities, stretched to the target range
    is_classification: ClassVar[bool] = False
    needs_hard_labels: ClassVar[bool] = False  # targets at the ends of the range only
    averages_samples: ClassVar[bool] = False  # not all terms: `count` is the number of samples

    @abstractmethod
    def scale(self, count: int) -> float:
        """The factor of the sum of the terms; count: samples × outputs."""

    @abstractmethod
    def factor(self, count: int) -> float:
        """The factor of the slopes in the gradient."""

    @abstractmethod
    def sample_terms(
        self, predictions: Sequence[Scalar], sops: Sequence[Scalar], targets: Sequence[Scalar]
    ) -> list[Scalar]:
        """The term of every output for one sample, before `scale`."""

    @abstractmethod
    def sample_slopes(
        self, predictions: Sequence[Scalar], sops: Sequence[Scalar], targets: Sequence[Scalar]
    ) -> list[Scalar]:
        """The slope of every output for one sample, before `factor`."""

    def bound(self, lowest: float, highest: float, target: float) -> float:
        """An upper bound of a term for predictions from `lowest` to `highest`."""
        return math.inf


class Loss(OutputLoss):
    """A loss with a term that reads one prediction.

    The slope is p - t unless the loss defines `slope`, `slopes`, `slope_changes` and, for the fused
    engine, `fused_slope`.
    """

    fused: ClassVar[FusedLoss | None] = None  # the term; None: not available in the fused engine
    fused_slope: ClassVar[FusedLoss | None] = None  # None: p - t
    # whether the derivative of the slope with respect to p, where p = t, is 1
    is_quadratic_at_target: ClassVar[bool] = True

    @abstractmethod
    def term(self, prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        """The loss of one prediction, before `scale`."""

    def slope(self, prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        """The slope of one term, before `factor`."""
        return prediction - target

    def slopes(self, difference: Floats, sop: Floats, targets: Floats, work: Floats) -> None:
        """Replace `difference`, p - t, by the slopes; the arrays are as in `terms`."""

    @property
    def has_own_slopes(self) -> bool:
        """Whether the slopes are not p - t."""
        return type(self).slopes is not Loss.slopes

    @abstractmethod
    def terms(
        self, difference: Floats, sop: Floats, targets: Floats, out: Floats, work: Floats
    ) -> None:
        """Fill `out` with the term of every prediction, without allocating memory.

        `difference` (p - t), `sop`, `out` and `work` have one shape, to which `targets` broadcasts.
        """

    def slope_changes(self, difference: Floats, targets: Floats, changes: Floats) -> Floats:
        """The changes of the slopes as predictions change, for Hessian-vector products."""
        return changes

    def sample_terms(
        self, predictions: Sequence[Scalar], sops: Sequence[Scalar], targets: Sequence[Scalar]
    ) -> list[Scalar]:
        """The term of every output for one sample, before `scale`."""
        return [self.term(*one) for one in zip(predictions, sops, targets, strict=True)]

    def sample_slopes(
        self, predictions: Sequence[Scalar], sops: Sequence[Scalar], targets: Sequence[Scalar]
    ) -> list[Scalar]:
        """The slope of every output for one sample, before `factor`."""
        return [self.slope(*one) for one in zip(predictions, sops, targets, strict=True)]


class MeanLoss(Loss):
    """The mean of its terms over outputs and samples."""

    def scale(self, count: int) -> float:
        return 1.0 / count

    def factor(self, count: int) -> float:
        return 1.0 / count


class CoupledLoss(OutputLoss):
    """A loss with terms that read what a `CoupledActivation` computes.

    Arrays are (outputs, samples, lanes) in any memory order; `targets` broadcasts to them.
    `residuals` and `shared` are what the activation filled. The slopes are the derivatives with
    respect to the sums of products.
    """

    @abstractmethod
    def terms(
        self, shared: Floats, sop: Floats, targets: Floats, out: Floats, work: Floats
    ) -> None:
        """Fill `out` with the terms, without allocating memory."""

    @abstractmethod
    def slopes(
        self, residuals: Floats, shared: Floats, targets: Floats, out: Floats, work: Floats
    ) -> None:
        """Fill `out` with the slopes, without allocating memory."""

    @staticmethod
    @abstractmethod
    def fused(sop: Scalar, target: Scalar, largest: Scalar, log_total: Scalar) -> Scalar:
        """The term of one output; largest: m, log_total: log(1 + r) of the sample's softmax."""

    @staticmethod
    @abstractmethod
    def fused_slope(power: Scalar, target: Scalar, rest: Scalar) -> Scalar:
        """The slope of one output; power: e, rest: r of the sample's softmax."""
