"""Schedules without an end: constant, step, exponential, inverse time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from ...errors import IngredientError
from ...numerics.elementary import Scalar
from ...registry import register
from ..options import LaneNumber
from .protocol import Factors, Hyperparameters, Schedule, ScheduleOptions


@register("schedule", "constant")
class Constant(Schedule):
    """1: the learning rate stays constant; the default."""

    is_constant = True

    class Options(ScheduleOptions):
        kind: Literal["constant"] = "constant"

    @staticmethod
    def fill(step: Factors, hyperparameters: Hyperparameters, factor: Factors) -> None:
        factor.fill(1.0)

    @staticmethod
    def factor_at(step: float, hyperparameters: Mapping[str, Scalar]) -> Scalar:
        return 1.0


@register("schedule", "step")
class Steps(Schedule):
    """decay^⌊t/every⌋: multiplied by `decay` once every `every` steps."""

    class Options(ScheduleOptions):
        kind: Literal["step"]
        decay: LaneNumber = Field(0.1, description="Factor of each drop.")
        every: LaneNumber = Field(ge=1, description="Updates between drops.")

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
    def factor_at(step: float, hyperparameters: Mapping[str, Scalar]) -> Scalar:
        return hyperparameters["decay"] ** math.floor(step / hyperparameters["every"])


@register("schedule", "exponential")
class Exponential(Schedule):
    """decayᵗ: multiplied by `decay` after every step; grows if `decay` is above 1."""

    class Options(ScheduleOptions):
        kind: Literal["exponential"]
        decay: LaneNumber = Field(description="Factor of each update.")

        @model_validator(mode="after")
        def _stays_positive(self) -> Exponential.Options:
            _refuse_negative_factor(self.decay)
            return self

    @staticmethod
    def fill(step: Factors, hyperparameters: Hyperparameters, factor: Factors) -> None:
        np.power(hyperparameters["decay"], step, factor)

    @staticmethod
    def factor_at(step: float, hyperparameters: Mapping[str, Scalar]) -> Scalar:
        return hyperparameters["decay"] ** step


@register("schedule", "inverse_time")
class InverseTime(Schedule):
    """1/(1 + decay t) (Robbins and Monro 1951)."""

    class Options(ScheduleOptions):
        kind: Literal["inverse_time"]
        decay: LaneNumber = Field(description="The learning rate is halved after 1/decay steps.")

        @model_validator(mode="after")
        def _stays_positive(self) -> InverseTime.Options:
            if self.decay < 0:
                raise IngredientError(
                    f"1/(1 + decay t) with decay = {self.decay:g} is negative after "
                    f"{-1 / self.decay:g} steps; decay must be 0 or more",
                    "decay",
                )
            return self

    @staticmethod
    def fill(step: Factors, hyperparameters: Hyperparameters, factor: Factors) -> None:
        np.multiply(step, hyperparameters["decay"], step)
        np.add(step, 1.0, step)
        np.divide(1.0, step, factor)

    @staticmethod
    def factor_at(step: float, hyperparameters: Mapping[str, Scalar]) -> Scalar:
        return 1 / (1 + hyperparameters["decay"] * step)


def _refuse_negative_factor(decay: float) -> None:
    if decay < 0:
        raise IngredientError(
            f"with decay = {decay:g} the learning rate would become negative at every other step; "
            "decay must be 0 or more",
            "decay",
        )
