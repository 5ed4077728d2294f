"""An initializer: random signs."""

from typing import Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from gdbatch.ingredients.initializers.protocol import (
    Hyperparameters,
    InitOptions,
    WeightInitializer,
)
from gdbatch.ingredients.options import Floats, LaneNumber
from gdbatch.registry import register


@register("init", "outside_signs")
class Signs(WeightInitializer):
    """Every weight is `size` or -`size`."""

    class Options(InitOptions):
        kind: Literal["outside_signs"]
        size: LaneNumber = Field(1.0, description="The absolute value of every weight.")

    def draw(self, random: Generator, seed: int) -> Floats:
        return random.choice([-1.0, 1.0], self.n_weights)

    def shape(self, draws: Floats, hyperparameters: Hyperparameters) -> Floats:
        weights: Floats = np.multiply(draws, hyperparameters["size"])
        return weights
