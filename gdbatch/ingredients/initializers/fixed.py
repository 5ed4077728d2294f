"""Initializers without randomness: one value for all weights, or one for each."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from ...errors import IngredientError
from ...registry import register
from ..options import Floats, LaneNumber, LaneNumbers
from ..problems.protocol import Problem
from .protocol import InitOptions, WeightInitializer


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
