"""Accuracy, and the loss and accuracy on held-out data, at the end of a trial and at their best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from ... import registry
from ...registry import register
from ..problems.protocol import Problem
from ..problems.quantities import QUANTITIES
from .protocol import Column, MeasureOptions, QuantityMeasure


class QuantityOptions(MeasureOptions):
    """Options of all measures of quantities."""

    best: bool = Field(
        True,
        description="Whether to evaluate it every `train.every` updates, for its best value and "
        "the step of that value.",
    )

    def columns(self) -> list[Column]:
        quantity = QUANTITIES[self.kind]
        best = [Column(quantity.best), Column(quantity.best_step, whole=True)]
        return [Column(quantity.name), *(best if self.best else [])]

    def lacking(self, problem: Problem) -> str:
        return QUANTITIES[self.kind].lacking(problem)


def tracked_quantities(measures: Sequence[MeasureOptions]) -> frozenset[str]:
    """The quantities whose best values are wanted."""
    return frozenset(one.kind for one in measures if isinstance(one, QuantityOptions) and one.best)


def implied_measures(problem: Problem, measures: Sequence[MeasureOptions]) -> list[MeasureOptions]:
    """Measures of every quantity that a problem has, unless they are among the given ones.

    The best accuracy on the training data is left out, since it costs a pass over all samples.
    """
    given = {options.kind for options in measures}
    return [
        registry.get("measure", name).Options(kind=name, best=quantity.part == "held-out")
        for name, quantity in QUANTITIES.items()
        if name not in given and not quantity.lacking(problem)
    ]


@register("measure", "accuracy")
class Accuracy(QuantityMeasure):
    """The share of samples whose class is predicted."""

    class Options(QuantityOptions):
        kind: Literal["accuracy"]


@register("measure", "validation_loss")
class ValidationLoss(QuantityMeasure):
    """The loss on the held-out samples."""

    class Options(QuantityOptions):
        kind: Literal["validation_loss"]


@register("measure", "validation_accuracy")
class ValidationAccuracy(QuantityMeasure):
    """The share of held-out samples whose class is predicted."""

    class Options(QuantityOptions):
        kind: Literal["validation_accuracy"]
