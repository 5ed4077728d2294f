"""Initializers: where the parameters start. Biases start at `biases`, a constant.

An entry draws standard numbers once a seed and shapes them a lane, so that the numbers of an
initializer can be axes while every learning rate sees the same draw.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.random import Generator
from pydantic import Field, model_validator

from ..catalogue import register
from ..errors import IngredientError
from .options import Floats, LaneNumber, LaneNumbers, Options, PerLane
from .problems.protocol import Problem

_Scale = Annotated[float, Field(ge=0, allow_inf_nan=False)]
LayerScales = Annotated[_Scale | list[_Scale], PerLane()]
LayerNumbers = Annotated[LaneNumber | list[LaneNumber], PerLane()]


class InitOptions(Options):
    """Options that all initializers share."""

    kind: str
    biases: LaneNumber = Field(0.0, description="Every bias starts here.")


class Initializer(Protocol):
    """What the engine needs of an initializer; made for one problem."""

    Options: ClassVar[type[InitOptions]]
    sets: int | None  # how many seeds it knows, where it cannot draw for any

    def __init__(self, options: Any, problem: Problem) -> None:
        """Raises IngredientError where the options do not fit the problem."""

    def draw(self, random: Generator, seed: int) -> Floats:
        """Standard numbers of one seed, float64."""

    def start(self, draws: Floats, numbers: dict[str, Any]) -> Floats:
        """Parameters (parameters, lanes) from draws (…, lanes) and the numbers of the lanes.

        A number has no axes or is (lanes,), a list of numbers is (numbers, 1) or (numbers, lanes).
        """


class WeightInitializer:
    """Draws and shapes the weights; biases are the same in all of them."""

    sets: int | None = None

    def __init__(self, options: Any, problem: Problem) -> None:
        self.options = options
        self.is_bias = problem.is_bias
        self.arrays = [one for one in problem.arrays if not one.is_bias]
        self.layer = np.repeat(np.arange(len(self.arrays)), [one.size for one in self.arrays])
        for name in options.lane_keys():
            given = getattr(options, name, None)
            if isinstance(given, list) and name != "values" and len(given) != len(self.arrays):
                raise IngredientError(
                    f"there are {len(given)} numbers for {len(self.arrays)} layers of weights: "
                    "give one number, or one a layer",
                    name,
                )

    def draw(self, random: Generator, seed: int) -> Floats:
        """Standard numbers of one seed, (weights,) float64."""
        raise TypeError("an initializer draws")

    def shape(self, draws: Floats, numbers: dict[str, Any]) -> Floats:
        """Weights (weights, lanes) from draws of the same shape."""
        raise TypeError("an initializer shapes its draws")

    def start(self, draws: Floats, numbers: dict[str, Any]) -> Floats:
        """The weights in their places, and the biases."""
        parameters = np.empty((len(self.is_bias), draws.shape[1]))
        parameters[~self.is_bias] = self.shape(draws, numbers)
        parameters[self.is_bias] = numbers["biases"]
        return parameters

    def by_weight(self, number: Floats) -> Floats:
        """A number of the options, which may be one a layer, ready to broadcast to the weights."""
        return number[self.layer] if number.ndim == 2 else number


@register("init", "constant")
class Constant(WeightInitializer):
    """Every weight starts at `value`."""

    class Options(InitOptions):
        kind: Literal["constant"]
        value: LaneNumber = Field(description="Every weight starts here.")

    def draw(self, random: Generator, seed: int) -> Floats:
        return np.zeros(len(self.layer))

    def shape(self, draws: Floats, numbers: dict[str, Any]) -> Floats:
        weights: Floats = draws + numbers["value"]
        return weights


@register("init", "point")
class Point(WeightInitializer):
    """Every weight, or variable of a function, starts at a place of its own.

    "init.values.0" as an axis moves the first of them.
    """

    class Options(InitOptions):
        kind: Literal["point"]
        values: LaneNumbers = Field(description="One start a weight, or variable of a function.")

    def __init__(self, options: Any, problem: Problem) -> None:
        super().__init__(options, problem)
        if len(options.values) != len(self.layer):
            names = np.array(problem.parameter_names)[~self.is_bias]
            shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
            raise IngredientError(
                f"there are {len(options.values)} values to start from, but {len(names)} weights "
                f"or variables: {shown}",
                "values",
            )

    def draw(self, random: Generator, seed: int) -> Floats:
        return np.zeros(len(self.layer))

    def shape(self, draws: Floats, numbers: dict[str, Any]) -> Floats:
        weights: Floats = draws + numbers["values"]
        return weights


@register("init", "uniform")
class Uniform(WeightInitializer):
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

    def draw(self, random: Generator, seed: int) -> Floats:
        return random.random(len(self.layer))

    def shape(self, draws: Floats, numbers: dict[str, Any]) -> Floats:
        low, high = numbers["low"], numbers["high"]
        weights: Floats = low + (high - low) * draws
        return weights


@register("init", "normal")
class Normal(WeightInitializer):
    """Weights drawn from a normal distribution with mean `mean` and standard deviation `scale`.

    Both are one number, or one a layer.
    """

    class Options(InitOptions):
        kind: Literal["normal"]
        mean: LayerNumbers = Field(0.0, description="The mean of the weights; or one a layer.")
        scale: LayerScales = Field(1.0, description="Their standard deviation; or one a layer.")

    def draw(self, random: Generator, seed: int) -> Floats:
        return random.standard_normal(len(self.layer))

    def shape(self, draws: Floats, numbers: dict[str, Any]) -> Floats:
        mean, scale = self.by_weight(numbers["mean"]), self.by_weight(numbers["scale"])
        weights: Floats = mean + scale * draws
        return weights
