"""Schedules: by what the learning rate is multiplied as steps go by.

A schedule begins where the warm-up ends; the rate of an update is that of the steps before it.
Factors are float64 whatever is trained, since they are functions of a step that may be large.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ..catalogue import register
from ..errors import IngredientError
from .options import Floats, LaneNumber, Options

Factors = NDArray[np.float64]
Numbers = Mapping[str, Floats]


class ScheduleOptions(Options):
    """Options that all schedules share."""

    kind: str
    warm_up: LaneNumber = Field(
        0.0,
        ge=0,
        description="Steps in front, in which the rate grows evenly to where it begins.",
    )


class Schedule(Protocol):
    """What the engine and the reference trainer need of a schedule."""

    Options: ClassVar[type[ScheduleOptions]]

    @staticmethod
    def fill(step: Factors, numbers: Numbers, factor: Factors) -> None:
        """Fill `factor` at `step`, which may be used up, both (lanes,); without allocating."""

    @staticmethod
    def factor_at(step: Any, numbers: Mapping[str, Any]) -> Any:
        """The same for one step, as the equation says it."""


@register("schedule", "constant")
class Constant:
    """The learning rate stays as it is; the default."""

    class Options(ScheduleOptions):
        kind: Literal["constant"] = "constant"

    @staticmethod
    def fill(step: Factors, numbers: Numbers, factor: Factors) -> None:
        factor.fill(1.0)

    @staticmethod
    def factor_at(step: Any, numbers: Mapping[str, Any]) -> Any:
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
    def fill(step: Factors, numbers: Numbers, factor: Factors) -> None:
        np.divide(step, numbers["every"], step)
        np.floor(step, step)
        np.power(numbers["decay"], step, factor)

    @staticmethod
    def factor_at(step: Any, numbers: Mapping[str, Any]) -> Any:
        return numbers["decay"] ** math.floor(step / numbers["every"])


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
    def fill(step: Factors, numbers: Numbers, factor: Factors) -> None:
        np.power(numbers["decay"], step, factor)

    @staticmethod
    def factor_at(step: Any, numbers: Mapping[str, Any]) -> Any:
        return numbers["decay"] ** step


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
    def fill(step: Factors, numbers: Numbers, factor: Factors) -> None:
        np.multiply(step, numbers["decay"], step)
        np.add(step, 1.0, step)
        np.divide(1.0, step, factor)

    @staticmethod
    def factor_at(step: Any, numbers: Mapping[str, Any]) -> Any:
        return 1 / (1 + numbers["decay"] * step)


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
    def fill(step: Factors, numbers: Numbers, factor: Factors) -> None:
        _fill_left(step, numbers, factor)
        _fill_towards_final(step, numbers, factor)

    @staticmethod
    def factor_at(step: Any, numbers: Mapping[str, Any]) -> Any:
        return numbers["final"] + (1 - numbers["final"]) * _left_at(step, numbers)


@register("schedule", "polynomial")
class Polynomial:
    """Linear's, to a power: final + (1 - final)(1 - t/steps)^power."""

    class Options(_EndingOptions):
        kind: Literal["polynomial"]
        power: LaneNumber = Field(2.0, gt=0, description="1 is linear; above, it slows down.")

    @staticmethod
    def fill(step: Factors, numbers: Numbers, factor: Factors) -> None:
        _fill_left(step, numbers, factor)
        np.power(factor, numbers["power"], factor)
        _fill_towards_final(step, numbers, factor)

    @staticmethod
    def factor_at(step: Any, numbers: Mapping[str, Any]) -> Any:
        left = _left_at(step, numbers) ** numbers["power"]
        return numbers["final"] + (1 - numbers["final"]) * left


@register("schedule", "cosine")
class Cosine:
    """Half a cosine: final + (1 - final)(1 + cos(π t/steps))/2 (Loshchilov and Hutter 2017)."""

    class Options(_EndingOptions):
        kind: Literal["cosine"]

    @staticmethod
    def fill(step: Factors, numbers: Numbers, factor: Factors) -> None:
        np.divide(step, numbers["steps"], factor)
        np.minimum(factor, 1.0, out=factor)
        np.multiply(factor, math.pi, factor)
        np.cos(factor, factor)
        np.add(factor, 1.0, factor)
        np.multiply(factor, 0.5, factor)
        _fill_towards_final(step, numbers, factor)

    @staticmethod
    def factor_at(step: Any, numbers: Mapping[str, Any]) -> Any:
        left = (1 + np.cos(math.pi * (1 - _left_at(step, numbers)))) / 2
        return numbers["final"] + (1 - numbers["final"]) * left


def _fill_left(step: Factors, numbers: Numbers, factor: Factors) -> None:
    """What is left of `steps`, from 1 to 0."""
    np.divide(step, numbers["steps"], factor)
    np.minimum(factor, 1.0, out=factor)
    np.subtract(1.0, factor, factor)


def _fill_towards_final(work: Factors, numbers: Numbers, factor: Factors) -> None:
    """From 1 and 0 to 1 and `final`."""
    np.subtract(1.0, numbers["final"], work)
    np.multiply(factor, work, factor)
    np.add(factor, numbers["final"], factor)


def _left_at(step: Any, numbers: Mapping[str, Any]) -> Any:
    return 1 - min(step / numbers["steps"], 1.0)


def _refuse_negative_factor(decay: float) -> None:
    if decay < 0:
        raise IngredientError(
            f"the learning rate would go negative: decay = {decay:g} turns it round at every "
            "step; decay is 0 or more",
            "decay",
        )
