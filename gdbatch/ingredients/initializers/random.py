"""Initializers that draw every weight from one distribution."""

from __future__ import annotations

from typing import Any, Literal

from numpy.random import Generator
from pydantic import Field, model_validator

from ...errors import IngredientError
from ...registry import register
from ..options import Floats, LaneNumber
from .protocol import InitOptions, LayerNumbers, LayerScales, WeightInitializer


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
