"""Schedules that reach a final rate after a number of steps: linear, polynomial, cosine."""

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


class _EndingOptions(ScheduleOptions):
    """Of schedules that go to a share of the learning rate, and stay there."""

    steps: LaneNumber = Field(ge=1, description="Steps, after the warm-up, to the end.")
    final: LaneNumber = Field(0.0, description="Share of the learning rate at the end.")

    @model_validator(mode="after")
    def _stays_positive(self) -> _EndingOptions:
        if self.final < 0:
            raise IngredientError(
                f"the learning rate would go negative, to {self.final:g} times itself; final is "
                "the share of it at the end, 0 or more",
                "final",
            )
        return self


@register("schedule", "linear")
class Linear:
    """In a straight line from 1 to `final` within `steps`: final + (1 - final)(1 - t/steps)."""

    class Options(_EndingOptions):
        kind: Literal["linear"]

    @staticmethod
    def fill(step: Factors, hyperparameters: Hyperparameters, factor: Factors) -> None:
        _fill_left(step, hyperparameters, factor)
        _fill_towards_final(step, hyperparameters, factor)

    @staticmethod
    def factor_at(step: Any, hyperparameters: Mapping[str, Any]) -> Any:
        return hyperparameters["final"] + (1 - hyperparameters["final"]) * _left_at(
            step, hyperparameters
        )


@register("schedule", "polynomial")
class Polynomial:
    """Linear's, to a power: final + (1 - final)(1 - t/steps)^power."""

    class Options(_EndingOptions):
        kind: Literal["polynomial"]
        power: LaneNumber = Field(2.0, gt=0, description="1 is linear; above, it slows down.")

    @staticmethod
    def fill(step: Factors, hyperparameters: Hyperparameters, factor: Factors) -> None:
        _fill_left(step, hyperparameters, factor)
        np.power(factor, hyperparameters["power"], factor)
        _fill_towards_final(step, hyperparameters, factor)

    @staticmethod
    def factor_at(step: Any, hyperparameters: Mapping[str, Any]) -> Any:
        left = _left_at(step, hyperparameters) ** hyperparameters["power"]
        return hyperparameters["final"] + (1 - hyperparameters["final"]) * left


@register("schedule", "cosine")
class Cosine:
    """Half a cosine: final + (1 - final)(1 + cos(π t/steps))/2 (Loshchilov and Hutter 2017)."""

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
        _fill_towards_final(step, hyperparameters, factor)

    @staticmethod
    def factor_at(step: Any, hyperparameters: Mapping[str, Any]) -> Any:
        left = (1 + np.cos(math.pi * (1 - _left_at(step, hyperparameters)))) / 2
        return hyperparameters["final"] + (1 - hyperparameters["final"]) * left


def _fill_left(step: Factors, hyperparameters: Hyperparameters, factor: Factors) -> None:
    """What is left of `steps`, from 1 to 0."""
    np.divide(step, hyperparameters["steps"], factor)
    np.minimum(factor, 1.0, out=factor)
    np.subtract(1.0, factor, factor)


def _fill_towards_final(work: Factors, hyperparameters: Hyperparameters, factor: Factors) -> None:
    """From 1 and 0 to 1 and `final`."""
    np.subtract(1.0, hyperparameters["final"], work)
    np.multiply(factor, work, factor)
    np.add(factor, hyperparameters["final"], factor)


def _left_at(step: Any, hyperparameters: Mapping[str, Any]) -> Any:
    return 1 - min(step / hyperparameters["steps"], 1.0)
