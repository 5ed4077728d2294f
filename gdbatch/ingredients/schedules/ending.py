"""Schedules that end at a final rate: linear, polynomial, cosine."""

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


class _EndingOptions(ScheduleOptions):
    """Options of schedules that decrease to a share of the learning rate and stay there."""

    steps: LaneNumber = Field(ge=1, description="Steps after the warm-up until the final rate.")
    final: LaneNumber = Field(0.0, description="The final rate, as a share of the learning rate.")

    @model_validator(mode="after")
    def _stays_positive(self) -> _EndingOptions:
        if self.final < 0:
            raise IngredientError(
                f"with final = {self.final:g} the learning rate would become negative; "
                "final must be 0 or more",
                "final",
            )
        return self


@register("schedule", "linear")
class Linear(Schedule):
    """final + (1 - final)(1 - t/steps): linear from 1 to `final`."""

    class Options(_EndingOptions):
        kind: Literal["linear"]

    @staticmethod
    def fill(step: Factors, hyperparameters: Hyperparameters, factor: Factors) -> None:
        _fill_remaining(step, hyperparameters, factor)
        _rescale_to_final(step, hyperparameters, factor)

    @staticmethod
    def factor_at(step: float, hyperparameters: Mapping[str, Scalar]) -> Scalar:
        return hyperparameters["final"] + (1 - hyperparameters["final"]) * _remaining_at(
            step, hyperparameters
        )


@register("schedule", "polynomial")
class Polynomial(Schedule):
    """final + (1 - final)(1 - t/steps)^power."""

    class Options(_EndingOptions):
        kind: Literal["polynomial"]
        power: LaneNumber = Field(
            2.0, gt=0, description="Exponent; 1 is linear, more is flatter at the end."
        )

    @staticmethod
    def fill(step: Factors, hyperparameters: Hyperparameters, factor: Factors) -> None:
        _fill_remaining(step, hyperparameters, factor)
        np.power(factor, hyperparameters["power"], factor)
        _rescale_to_final(step, hyperparameters, factor)

    @staticmethod
    def factor_at(step: float, hyperparameters: Mapping[str, Scalar]) -> Scalar:
        remaining = _remaining_at(step, hyperparameters) ** hyperparameters["power"]
        return hyperparameters["final"] + (1 - hyperparameters["final"]) * remaining


@register("schedule", "cosine")
class Cosine(Schedule):
    """final + (1 - final)(1 + cos(π t/steps))/2 (Loshchilov and Hutter 2017)."""

    class Options(_EndingOptions):
        kind: Literal["cosine"]

    @staticmethod
    def fill(step: Factors, hyperparameters: Hyperparameters, factor: Factors) -> None:
        np.divide(step, hyperparameters["steps"], factor)
        np.minimum(factor, 1.0, out=factor)
        np.multiply(factor, math.pi, factor)
        np.cos(factor, factor)
        np.add(factor, 1.0, factor)
        np.multiply(factor, 0.5, factor)
        _rescale_to_final(step, hyperparameters, factor)

    @staticmethod
    def factor_at(step: float, hyperparameters: Mapping[str, Scalar]) -> Scalar:
        remaining = (1 + np.cos(math.pi * (1 - _remaining_at(step, hyperparameters)))) / 2
        return hyperparameters["final"] + (1 - hyperparameters["final"]) * remaining


def _fill_remaining(step: Factors, hyperparameters: Hyperparameters, factor: Factors) -> None:
    """Fill `factor` with the share of `steps` that is left, from 1 to 0."""
    np.divide(step, hyperparameters["steps"], factor)
    np.minimum(factor, 1.0, out=factor)
    np.subtract(1.0, factor, factor)


def _rescale_to_final(work: Factors, hyperparameters: Hyperparameters, factor: Factors) -> None:
    """Map [0, 1] to [final, 1]."""
    np.subtract(1.0, hyperparameters["final"], work)
    np.multiply(factor, work, factor)
    np.add(factor, hyperparameters["final"], factor)


def _remaining_at(step: float, hyperparameters: Mapping[str, Scalar]) -> Scalar:
    return 1 - min(step / hyperparameters["steps"], 1.0)
