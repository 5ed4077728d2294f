"""Initializers that draw every weight from the same distribution."""

from __future__ import annotations

from typing import Literal

from numpy.random import Generator
from pydantic import Field, model_validator

from ...errors import IngredientError
from ...registry import register
from ..options import Floats, LaneNumber
from .protocol import Hyperparameters, InitOptions, LayerNumbers, LayerScales, WeightInitializer


@register("init", "uniform")
class Uniform(WeightInitializer):
    """Weights drawn uniformly from [low, high), by default [0, 1), like numpy.random.rand."""

    aliases = ("random_uniform",)

    class Options(InitOptions):
        kind: Literal["uniform"]
        low: LaneNumber = Field(0.0, description="Lower end of the interval.")
        high: LaneNumber = Field(1.0, description="Upper end of the interval, excluded.")

        @model_validator(mode="after")
        def _ordered(self) -> Uniform.Options:
            if not self.low <= self.high:
                raise IngredientError(
                    f"high = {self.high:g} is below low = {self.low:g}; the lower end comes first",
                    "high",
                )
            return self

    def draw(self, random: Generator, seed: int) -> Floats:
        return random.random(self.n_weights)

    def shape(self, draws: Floats, hyperparameters: Hyperparameters) -> Floats:
        low, high = hyperparameters["low"], hyperparameters["high"]
        weights: Floats = low + (high - low) * draws
        return weights


@register("init", "normal")
class Normal(WeightInitializer):
    """Weights drawn from a normal distribution with mean `mean` and standard deviation `scale`.

    Both are one number, or a list of one per layer.
    """

    aliases = ("gaussian", "random_normal")

    class Options(InitOptions):
        kind: Literal["normal"]
        mean: LayerNumbers = Field(0.0, description="Mean of the weights, or one per layer.")
        scale: LayerScales = Field(1.0, description="Standard deviation, or one per layer.")

    def draw(self, random: Generator, seed: int) -> Floats:
        return random.standard_normal(self.n_weights)

    def shape(self, draws: Floats, hyperparameters: Hyperparameters) -> Floats:
        mean = self.by_weight(hyperparameters["mean"])
        scale = self.by_weight(hyperparameters["scale"])
        weights: Floats = mean + scale * draws
        return weights
