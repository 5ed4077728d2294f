"""What the engine needs of an initializer, and the base class of all that draw weights."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Protocol

import numpy as np
from numpy.random import Generator
from pydantic import Field

from ...errors import IngredientError
from ..options import Floats, LaneNumber, Options, PerLane
from ..problems.protocol import Problem

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
