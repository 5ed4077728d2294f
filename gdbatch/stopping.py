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


class StopRule(ABC):
    """A quantity of a trial that is compared with a threshold after every update."""

    direction: ClassVar[Literal["≤", "≥"]] = "≤"
    reads: ClassVar[tuple[str, ...]]  # the attributes of `Observed` that `value` reads
    description: ClassVar[str]  # of the key in the sweep file
    fused_row: ClassVar[str | None] = None  # the one of `reads` that compiled kernels can compare
    needs_predictions: ClassVar[bool] = False  # whether the problem must have predictions

    @staticmethod
    @abstractmethod
    def value(observed: Observed) -> Floats:
        """The quantity, (lanes,); may be an array of `observed` itself."""

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
    needs_predictions = True

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


def rules_of(thresholds: Mapping[str, float]) -> list[tuple[type[StopRule], float]]:
    """Stop rules by name, each with its threshold."""
    return [(registry.get("stop_rule", name), most) for name, most in thresholds.items()]
