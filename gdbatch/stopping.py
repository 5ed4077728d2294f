"""Stop rules: a quantity, a direction and a threshold that end a trial as converged.

A rule is one class. Engines, the reference trainer and the sweep file read everything from it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from . import registry
from .ingredients.problems.protocol import Problem
from .ingredients.problems.quantities import QUANTITIES
from .registry import register

Floats = NDArray[np.floating]


class Observed(Protocol):
    """What a rule can read about some lanes after an update; arrays are (lanes,)."""

    @property
    def loss(self) -> Floats:
        """The loss."""

    @property
    def initial_loss(self) -> Floats:
        """The loss before the first update."""

    @property
    def prediction_error(self) -> Floats:
        """max |prediction - target|; NaN without predictions."""

    @property
    def gradient_norm(self) -> Floats:
        """The Euclidean norm of the gradient."""

    @property
    def parameters(self) -> Floats:
        """(parameters, lanes)."""

    @property
    def quantities(self) -> Mapping[str, Floats]:
        """Those of `QUANTITIES` that the rules read, as last evaluated."""


class StopRule(ABC):
    """A quantity of a trial that is compared with a threshold after every update."""

    direction: ClassVar[Literal["≤", "≥"]] = "≤"
    # the attributes of `Observed`, or the names in its `quantities`, that `value` reads
    reads: ClassVar[tuple[str, ...]]
    description: ClassVar[str]  # of the key in the sweep file
    fused_row: ClassVar[str | None] = None  # the one of `reads` that compiled kernels can compare
    largest: ClassVar[float] = np.inf  # threshold

    @staticmethod
    @abstractmethod
    def value(observed: Observed) -> Floats:
        """The quantity, (lanes,); may be an array of `observed` itself."""

    @classmethod
    def reads_quantities(cls) -> bool:
        """Whether the rule is checked only when `QUANTITIES` are evaluated."""
        return any(name in QUANTITIES for name in cls.reads)

    @classmethod
    def lacking(cls, problem: Problem) -> str:
        """What a problem needs for the rule, "" if nothing."""
        reasons = (one.lacking(problem) for one in map(QUANTITIES.get, cls.reads) if one)
        return next(filter(None, reasons), "")

    @classmethod
    def holds(cls, value: Floats, threshold: float) -> NDArray[np.bool_]:
        """Where the rule holds; False for NaN."""
        return np.asarray(value <= threshold if cls.direction == "≤" else value >= threshold)

    @classmethod
    def reset(cls, extreme: Floats) -> None:
        """Fill `extreme` with the value that is farthest from holding."""
        extreme.fill(np.inf if cls.direction == "≤" else -np.inf)

    @classmethod
    def update(cls, extreme: Floats, value: Floats) -> None:
        """Update in place the value that came nearest to holding; ignores NaN."""
        (np.fmin if cls.direction == "≤" else np.fmax)(extreme, value, out=extreme)


@register("stop_rule", "prediction_error")
class PredictionError(StopRule):
    """The largest absolute difference between a prediction and its target."""

    reads = ("prediction_error",)
    description = "max |prediction - target| ≤"
    fused_row = "prediction_error"

    @classmethod
    def lacking(cls, problem: Problem) -> str:
        return "" if problem.n_predictions else "this problem has a loss, but no predictions"

    @staticmethod
    def value(observed: Observed) -> Floats:
        return observed.prediction_error


@register("stop_rule", "loss")
class LossRule(StopRule):
    """The loss over all samples."""

    reads = ("loss",)
    description = "loss ≤"
    fused_row = "loss"

    @staticmethod
    def value(observed: Observed) -> Floats:
        return observed.loss


@register("stop_rule", "gradient_norm")
class GradientNorm(StopRule):
    """The Euclidean norm of the gradient."""

    reads = ("gradient_norm",)
    description = "norm of the gradient ≤"
    fused_row = "gradient_norm"

    @staticmethod
    def value(observed: Observed) -> Floats:
        return observed.gradient_norm


@register("stop_rule", "validation_loss")
class ValidationLoss(StopRule):
    """The loss on the held-out samples, checked every `every` updates."""

    reads = ("validation_loss",)
    description = "loss on the held-out samples ≤"

    @staticmethod
    def value(observed: Observed) -> Floats:
        return observed.quantities["validation_loss"]


@register("stop_rule", "accuracy")
class Accuracy(StopRule):
    """The share of samples whose class is predicted, checked every `every` updates."""

    direction = "≥"
    reads = ("accuracy",)
    description = "share of samples whose class is predicted ≥"
    largest = 1.0

    @staticmethod
    def value(observed: Observed) -> Floats:
        return observed.quantities["accuracy"]


@register("stop_rule", "validation_accuracy")
class ValidationAccuracy(StopRule):
    """The share of held-out samples whose class is predicted, checked every `every` updates."""

    direction = "≥"
    reads = ("validation_accuracy",)
    description = "share of held-out samples whose class is predicted ≥"
    largest = 1.0

    @staticmethod
    def value(observed: Observed) -> Floats:
        return observed.quantities["validation_accuracy"]


def rules_of(thresholds: Mapping[str, float]) -> list[tuple[type[StopRule], float]]:
    """Stop rules by name, each with its threshold."""
    return [(registry.get("stop_rule", name), most) for name, most in thresholds.items()]
