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

    The axis "init.values.0" varies the first of them. With one value per parameter, biases start at
    their own values too; they follow the weights of their layer.
    """

    class Options(InitOptions):
        kind: Literal["point"]
        values: LaneNumbers = Field(
            description="One initial value per weight or variable, or one per weight and bias."
        )

    def __init__(self, options: Options, problem: Problem) -> None:
        super().__init__(options, problem)
        count = len(options.values)
        self._with_biases = self.n_weights < count == problem.n_parameters
        if self._with_biases and "biases" in options.model_fields_set:
            message = "values has one number per weight and bias; leave biases out"
            raise IngredientError(message, "biases")
        if count != self.n_weights and not self._with_biases:
            names = np.array(problem.parameter_names)[~self.is_bias]
            shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
            biases = problem.n_parameters - len(names)
            raise IngredientError(
                f"there are {count} initial values, but {len(names)} weights or "
                f"variables: {shown}" + (f"; or give the {biases} biases too" if biases else ""),
                "values",
            )

    @classmethod
    def spread(cls, below: int, units: int) -> None:
        return None

    def draw(self, random: Generator, seed: int) -> Floats:
        return np.zeros(len(self.is_bias) if self._with_biases else self.n_weights)

    def shape(self, draws: Floats, hyperparameters: Hyperparameters) -> Floats:
        weights: Floats = draws + hyperparameters["values"]
        return weights

    def start(self, draws: Floats, hyperparameters: Hyperparameters) -> Floats:
        if self._with_biases:
            return self.shape(draws, hyperparameters)
        return super().start(draws, hyperparameters)
