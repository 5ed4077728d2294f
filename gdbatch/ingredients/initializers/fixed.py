"""Initializers without randomness: one value for all weights, or one per weight."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from ...errors import IngredientError
from ...registry import register
from ..options import Floats, LaneNumber, LaneNumbers
from ..problems.protocol import Problem
from .protocol import Hyperparameters, InitOptions, WeightInitializer


@register("init", "constant")
class Constant(WeightInitializer):
    """All weights start at `value`."""

    aliases = ("zeros", "ones")

    class Options(InitOptions):
        kind: Literal["constant"]
        value: LaneNumber = Field(description="The initial value of every weight.")

    @classmethod
    def spread(cls, below: int, units: int) -> None:
        return None

    def draw(self, random: Generator, seed: int) -> Floats:
        return np.zeros(self.n_weights)

    def shape(self, draws: Floats, hyperparameters: Hyperparameters) -> Floats:
        weights: Floats = draws + hyperparameters["value"]
        return weights


@register("init", "point")
class Point(WeightInitializer):
    """Each weight of a network, or variable of a function, starts at its own value.

    The axis "init.values.0" varies the first of them.
    """

    class Options(InitOptions):
        kind: Literal["point"]
        values: LaneNumbers = Field(description="One initial value per weight or variable.")

    def __init__(self, options: Options, problem: Problem) -> None:
        super().__init__(options, problem)
        if len(options.values) != self.n_weights:
            names = np.array(problem.parameter_names)[~self.is_bias]
            shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
            raise IngredientError(
                f"there are {len(options.values)} initial values, but {len(names)} weights or "
                f"variables: {shown}",
                "values",
            )

    @classmethod
    def spread(cls, below: int, units: int) -> None:
        return None

    def draw(self, random: Generator, seed: int) -> Floats:
        return np.zeros(self.n_weights)

    def shape(self, draws: Floats, hyperparameters: Hyperparameters) -> Floats:
        weights: Floats = draws + hyperparameters["values"]
        return weights
