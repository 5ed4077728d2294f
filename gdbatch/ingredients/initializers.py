"""Initializers: where the weights start. Biases start at `biases`, a constant.

An entry draws standard numbers once a seed and shapes them a lane, so that the numbers of an
initializer can be axes while every learning rate sees the same draw.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.random import Generator
from pydantic import Field, model_validator

from ..catalogue import register
from ..errors import IngredientError
from .options import Floats, LaneNumber, Options


class InitOptions(Options):
    """Options that all initializers share."""

    kind: str
    biases: LaneNumber = Field(0.0, description="Every bias starts here.")


class Initializer(Protocol):
    """What the engine needs of an initializer."""

    Options: ClassVar[type[InitOptions]]

    @staticmethod
    def draw(random: Generator, count: int) -> Floats:
        """Standard numbers of one seed, (count,) float64."""

    @staticmethod
    def shape(draws: Floats, numbers: dict[str, Any]) -> Floats:
        """Weights (weights, lanes) from draws (weights, lanes) and numbers, (lanes,) each."""


@register("init", "constant")
class Constant:
    """Every weight starts at `value`."""

    class Options(InitOptions):
        kind: Literal["constant"]
        value: LaneNumber = Field(description="Every weight starts here.")

    @staticmethod
    def draw(random: Generator, count: int) -> Floats:
        return np.zeros(count)

    @staticmethod
    def shape(draws: Floats, numbers: dict[str, Any]) -> Floats:
        weights: Floats = draws + numbers["value"]
        return weights


@register("init", "uniform")
class Uniform:
    """Weights drawn from [low, high), by default numpy.random.rand's [0, 1)."""

    class Options(InitOptions):
        kind: Literal["uniform"]
        low: LaneNumber = Field(0.0, description="The lowest weight possible.")
        high: LaneNumber = Field(1.0, description="No weight reaches this.")

        @model_validator(mode="after")
        def _ordered(self) -> Uniform.Options:
            if not self.low <= self.high:
                raise IngredientError(
                    f"high = {self.high:g} is below low = {self.low:g}; the lower end comes first",
                    "high",
                )
            return self

    @staticmethod
    def draw(random: Generator, count: int) -> Floats:
        return random.random(count)

    @staticmethod
    def shape(draws: Floats, numbers: dict[str, Any]) -> Floats:
        low, high = numbers["low"], numbers["high"]
        weights: Floats = low + (high - low) * draws
        return weights


@register("init", "normal")
class Normal:
    """Weights drawn from a normal distribution with mean `mean` and standard deviation `scale`."""

    class Options(InitOptions):
        kind: Literal["normal"]
        mean: LaneNumber = Field(0.0, description="The mean of the weights.")
        scale: LaneNumber = Field(1.0, ge=0, description="Their standard deviation.")

    @staticmethod
    def draw(random: Generator, count: int) -> Floats:
        return random.standard_normal(count)

    @staticmethod
    def shape(draws: Floats, numbers: dict[str, Any]) -> Floats:
        weights: Floats = numbers["mean"] + numbers["scale"] * draws
        return weights
