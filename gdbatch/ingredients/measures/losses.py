"""Measures of losses: numbers that a sweep asks for of every trial, columns of its `trials`.

They see the loss of every step from 0 to the trial's end, `steps`, both included. Those of points
and orbits stand in the files beside this one.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from ...errors import IngredientError
from ...registry import register
from ..options import Options
from .protocol import Chosen, Column, MeasureOptions, Now, PathMeasure, Values


def _missing(lanes: int) -> Values:
    return np.full(lanes, math.nan)


@register("measure", "best_loss")
class BestLoss(PathMeasure):
    """The smallest loss, and the first step that had it."""

    class Options(MeasureOptions):
        kind: Literal["best_loss"]

        def columns(self) -> list[Column]:
            return [Column("best_loss"), Column("best_loss_step", whole=True)]

    def __init__(self, options: Options, n_parameters: int, lanes: int) -> None:
        self._loss, self._step = _missing(lanes), _missing(lanes)
        self._better = np.zeros(lanes, bool)

    def update(self, now: Now) -> None:
        better = self._better
        np.greater_equal(now.loss, self._loss, out=better)
        np.logical_not(better, out=better)  # where there is no best loss yet, too
        np.logical_and(better, now.finite, out=better)
        np.copyto(self._loss, now.loss, where=better)
        np.copyto(self._step, now.step, where=better)

    def compute(self, step: int, chosen: Chosen, missing: Values) -> list[Values]:
        return [self._loss[chosen], self._step[chosen]]


@register("measure", "loss_at")
class LossAt(PathMeasure):
    """The loss at given steps; NaN at those after the trial's end."""

    class Options(MeasureOptions):
        kind: Literal["loss_at"]
        steps: list[int] = Field(min_length=1, description="At which steps, from 0.")

        @model_validator(mode="after")
        def _are_steps(self) -> LossAt.Options:
            for place, step in enumerate(self.steps):
                if step < 0:
                    raise IngredientError(
                        f"there is no step {step}; the first is 0", "steps", place
                    )
            return self

        def columns(self) -> list[Column]:
            return [Column(f"loss_at_{step}") for step in self.steps]

    def __init__(self, options: Options, n_parameters: int, lanes: int) -> None:
        self._places = {step: place for place, step in enumerate(options.steps)}
        self._losses = np.full((len(options.steps), lanes), math.nan)

    def update(self, now: Now) -> None:
        place = self._places.get(now.step)
        if place is not None:
            np.copyto(self._losses[place], now.loss)

    def compute(self, step: int, chosen: Chosen, missing: Values) -> list[Values]:
        return list(self._losses[:, chosen])


@register("measure", "mean_loss")
class MeanLoss(PathMeasure):
    """The mean of the last losses, or of all where there are fewer."""

    class Options(MeasureOptions):
        kind: Literal["mean_loss"]
        last: int = Field(20, ge=1, le=100_000, description="Of how many losses.")

        def columns(self) -> list[Column]:
            return [Column(f"mean_loss_last_{self.last}")]

    def __init__(self, options: Options, n_parameters: int, lanes: int) -> None:
        self._last = np.zeros((options.last, lanes))
        self._count = np.zeros(lanes)

    def update(self, now: Now) -> None:
        place = now.step % len(self._last)
        np.copyto(self._last[place], now.loss, where=now.finite)
        if now.step < len(self._last):
            np.add(self._count, now.finite, self._count)

    def compute(self, step: int, chosen: Chosen, missing: Values) -> list[Values]:
        total = np.zeros(len(missing))
        for losses in self._last:  # row by row, so that a lane's order is always the same
            total += losses[chosen]
        return [total / self._count[chosen]]


@register("measure", "trained")
class Trained(PathMeasure):
    """1 where the mean of the last losses is below the first loss, 0 where it is not.

    So do the maps of Sohl-Dickstein (2024) tell it, with the last 20; what diverged did not train.
    """

    class Options(MeasureOptions):
        kind: Literal["trained"]
        last: int = Field(20, ge=1, le=100_000, description="Of how many losses the mean is.")

        def columns(self) -> list[Column]:
            return [Column("trained", whole=True)]

    def __init__(self, options: Options, n_parameters: int, lanes: int) -> None:
        mean = MeanLoss.Options(kind="mean_loss", last=options.last)
        self._mean = MeanLoss(mean, n_parameters, lanes)
        self._first, self._finite = np.zeros(lanes), np.ones(lanes, bool)

    def update(self, now: Now) -> None:
        if now.step == 0:
            np.copyto(self._first, now.loss)
        np.copyto(self._finite, now.finite)
        self._mean.update(now)

    def select(self, chosen: Chosen) -> None:
        super().select(chosen)
        self._mean.select(chosen)

    def compute(self, step: int, chosen: Chosen, missing: Values) -> list[Values]:
        (mean,) = self._mean.compute(step, chosen, missing)
        lasted = self._finite[chosen] & (missing == 0)
        return [np.asarray(lasted & (mean < self._first[chosen]), np.float64)]


@register("measure", "relative_losses")
class RelativeLosses(PathMeasure):
    """The sums over all steps of L/L₀, the loss in terms of the first, and of its inverse L₀/L.

    The maps of Sohl-Dickstein (2024) are coloured by them, with `largest` = 1e6.
    """

    class Options(MeasureOptions):
        kind: Literal["relative_losses"]
        largest: float | None = Field(
            None,
            gt=0,
            description="What larger L/L₀ count as, and the steps after a divergence.",
        )

        def columns(self) -> list[Column]:
            return [Column("relative_loss_sum"), Column("relative_loss_inverse_sum")]

    def __init__(self, options: Options, n_parameters: int, lanes: int) -> None:
        self._largest = options.largest
        self._first, self._ratio = np.zeros(lanes), np.zeros(lanes)
        self._sum, self._inverse_sum = np.zeros(lanes), np.zeros(lanes)

    def update(self, now: Now) -> None:
        first, ratio, total, inverse = self._first, self._ratio, self._sum, self._inverse_sum
        if now.step == 0:
            np.copyto(first, now.loss)
        np.divide(now.loss, first, ratio)
        if self._largest is None:
            np.add(total, ratio, total, where=now.finite)
            np.divide(1.0, ratio, ratio)
            np.add(inverse, ratio, inverse, where=now.finite)
            return
        np.fmin(ratio, self._largest, out=ratio)  # of a NaN, too
        np.add(total, ratio, total)
        np.divide(1.0, ratio, ratio)
        np.add(inverse, ratio, inverse)

    def compute(self, step: int, chosen: Chosen, missing: Values) -> list[Values]:
        total, inverse = self._sum[chosen].copy(), self._inverse_sum[chosen].copy()
        if self._largest is not None:
            total += missing * self._largest
            inverse += missing / self._largest
        return [total, inverse]


@register("measure", "loss_increases")
class LossIncreases(PathMeasure):
    """How many steps had a larger loss than the one before."""

    class Options(MeasureOptions):
        kind: Literal["loss_increases"]

        def columns(self) -> list[Column]:
            return [Column("loss_increases", whole=True)]

    def __init__(self, options: Options, n_parameters: int, lanes: int) -> None:
        self._before, self._count = _missing(lanes), np.zeros(lanes)
        self._larger = np.zeros(lanes, bool)

    def update(self, now: Now) -> None:
        np.greater(now.loss, self._before, out=self._larger)
        np.add(self._count, self._larger, self._count)
        np.copyto(self._before, now.loss)

    def compute(self, step: int, chosen: Chosen, missing: Values) -> list[Values]:
        return [self._count[chosen]]
