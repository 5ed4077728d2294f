"""Schedules that last as long as training does: constant, step, exponential, inverse time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from ...errors import IngredientError
from ...registry import register
from ..options import LaneNumber
from .protocol import Factors, Hyperparameters, ScheduleOptions


@register("schedule", "constant")
class Constant:
    """The learning rate stays as it is; the default."""

    class Options(ScheduleOptions):
        kind: Literal["constant"] = "constant"

    @staticmethod
    def fill(step: Factors, hyperparameters: Hyperparameters, factor: Factors) -> None:
        factor.fill(1.0)

    @staticmethod
    def factor_at(step: Any, hyperparameters: Mapping[str, Any]) -> Any:
        return 1.0


@register("schedule", "step")
class Steps:
    """Times `decay` every so many steps: decay^⌊t/every⌋."""

    class Options(ScheduleOptions):
        kind: Literal["step"]
        decay: LaneNumber = Field(0.1, description="Factor of one such step.")
        every: LaneNumber = Field(ge=1, description="Updates from one to the next.")

        @model_validator(mode="after")
        def _stays_positive(self) -> Steps.Options:
            _refuse_negative_factor(self.decay)
            return self

    @staticmethod
    def fill(step: Factors, hyperparameters: Hyperparameters, factor: Factors) -> None:
        np.divide(step, hyperparameters["every"], step)
        np.floor(step, step)
        np.power(hyperparameters["decay"], step, factor)

    @staticmethod
    def factor_at(step: Any, hyperparameters: Mapping[str, Any]) -> Any:
        return hyperparameters["decay"] ** math.floor(step / hyperparameters["every"])


@register("schedule", "exponential")
class Exponential:
    """Times `decay` at every step, decayᵗ; above 1 it grows, as in a search for the edge."""

    class Options(ScheduleOptions):
        kind: Literal["exponential"]
        decay: LaneNumber = Field(description="Factor from one update to the next.")

        @model_validator(mode="after")
        def _stays_positive(self) -> Exponential.Options:
            _refuse_negative_factor(self.decay)
            return self

    @staticmethod
    def fill(step: Factors, hyperparameters: Hyperparameters, factor: Factors) -> None:
        np.power(hyperparameters["decay"], step, factor)

    @staticmethod
    def factor_at(step: Any, hyperparameters: Mapping[str, Any]) -> Any:
        return hyperparameters["decay"] ** step


@register("schedule", "inverse_time")
class InverseTime:
    """1/(1 + decay t) (Robbins and Monro 1951)."""

    class Options(ScheduleOptions):
        kind: Literal["inverse_time"]
        decay: LaneNumber = Field(description="Half of the rate is left after 1/decay steps.")

        @model_validator(mode="after")
        def _stays_positive(self) -> InverseTime.Options:
            if self.decay < 0:
                raise IngredientError(
                    f"1/(1 + decay t) with decay = {self.decay:g} goes negative after "
                    f"{-1 / self.decay:g} steps; decay is 0 or more",
                    "decay",
                )
            return self

    @staticmethod
    def fill(step: Factors, hyperparameters: Hyperparameters, factor: Factors) -> None:
        np.multiply(step, hyperparameters["decay"], step)
        np.add(step, 1.0, step)
        np.divide(1.0, step, factor)

    @staticmethod
    def factor_at(step: Any, hyperparameters: Mapping[str, Any]) -> Any:
        return 1 / (1 + hyperparameters["decay"] * step)


def _refuse_negative_factor(decay: float) -> None:
    if decay < 0:
        raise IngredientError(
            f"the learning rate would go negative: decay = {decay:g} turns it round at every "
            "step; decay is 0 or more",
            "decay",
        )
