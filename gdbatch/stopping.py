"""Stop rules: a quantity, a direction and a threshold that end a trial as converged.

A rule is one class. Engines, the reference trainer and the sweep file read everything from it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, Protocol

from .registry import register


class Observed(Protocol):
    """What a rule may look at: of all lanes, (lanes,) each, or of one trial, a number each."""

    loss: Any
    initial_loss: Any
    prediction_error: Any  # max |prediction - target|; NaN where nothing is predicted
    gradient_norm: Any
    parameters: Any  # (parameters, lanes), or (parameters,)


class StopRule(ABC):
    """A quantity of a trial that is compared with a threshold after every update."""

    direction: ClassVar[Literal["≤", "≥"]] = "≤"
    reads: ClassVar[tuple[str, ...]]  # the names of `Observed` that `value` looks at
    description: ClassVar[str]  # of the key in the sweep file
    fused_row: ClassVar[str | None] = None  # the number of `reads` that compiled kernels compute
    needs_predictions: ClassVar[bool] = False  # whether it has no meaning for a function

    @staticmethod
    @abstractmethod
    def value(observed: Observed) -> Any:
        """The quantity, (lanes,) or of one trial; may be an array of `observed` itself."""


@register("stop_rule", "prediction_error")
class PredictionError(StopRule):
    """The largest distance between a prediction and its target."""

    reads = ("prediction_error",)
    description = "max |prediction - target| ≤"
    fused_row = "prediction_error"
    needs_predictions = True

    @staticmethod
    def value(observed: Observed) -> Any:
        return observed.prediction_error


@register("stop_rule", "loss")
class LossRule(StopRule):
    """The loss over all samples."""

    reads = ("loss",)
    description = "loss ≤"
    fused_row = "loss"

    @staticmethod
    def value(observed: Observed) -> Any:
        return observed.loss


@register("stop_rule", "gradient_norm")
class GradientNorm(StopRule):
    """The Euclidean norm of the gradient."""

    reads = ("gradient_norm",)
    description = "norm of the gradient ≤"
    fused_row = "gradient_norm"

    @staticmethod
    def value(observed: Observed) -> Any:
        return observed.gradient_norm


# to be replaced by what asks the rules themselves ------------------------------------------------

STOP_RULES = ("prediction_error", "loss", "gradient_norm")
