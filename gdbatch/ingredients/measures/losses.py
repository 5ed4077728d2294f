"""Measures of a trial's losses from step 0 to its last step, inclusive."""

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
    """The smallest loss and the first step that reached it."""

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
        np.logical_not(better, out=better)  # True also if there is no best loss yet
        np.logical_and(better, now.finite, out=better)
        np.copyto(self._loss, now.loss, where=better)
        np.copyto(self._step, now.step, where=better)

    def compute(self, step: int, chosen: Chosen, missing: Values) -> list[Values]:
        return [self._loss[chosen], self._step[chosen]]


@register("measure", "loss_at")
class LossAt(PathMeasure):
    """The loss at given steps; NaN after the end of the trial."""

    class Options(MeasureOptions):
        kind: Literal["loss_at"]
        steps: list[int] = Field(min_length=1, description="The steps, counted from 0.")

        @model_validator(mode="after")
        def _are_steps(self) -> LossAt.Options:
            for place, step in enumerate(self.steps):
                if step < 0:
                    raise IngredientError(
                        f"there is no step {step}; steps count from 0", "steps", place
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
    """The mean of the last losses, or of all losses if there are fewer."""

    class Options(MeasureOptions):
        kind: Literal["mean_loss"]
        last: int = Field(20, ge=1, le=100_000, description="How many of the last losses.")

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
        for losses in self._last:  # row by row: the order of additions must not depend on the block
            total += losses[chosen]
        return [total / self._count[chosen]]


@register("measure", "trained")
class Trained(PathMeasure):
    """1 if the mean of the last losses is below the first loss, else 0; 0 if the trial diverged.

    The criterion for the maps of Sohl-Dickstein (2024), who uses the last 20 losses.
    """

    class Options(MeasureOptions):
        kind: Literal["trained"]
        last: int = Field(
            20, ge=1, le=100_000, description="How many of the last losses are averaged."
        )

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
    """The sums of L/L₀ and L₀/L over all steps, where L₀ is the first loss.

    They colour the maps of Sohl-Dickstein (2024), who uses `largest` = 1e6.
    """

    class Options(MeasureOptions):
        kind: Literal["relative_losses"]
        largest: float | None = Field(
            None,
            gt=0,
            description="Upper limit of L/L₀; also the value for the steps after a divergence.",
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
        np.fmin(ratio, self._largest, out=ratio)  # also replaces NaN
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
    """The number of steps at which the loss increased."""

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
