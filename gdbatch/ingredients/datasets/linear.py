"""Linear data."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from ...registry import register
from ..data_files import Samples
from .protocol import DatasetOptions, Noise, Width


@register("dataset", "linear")
class Linear:
    """Targets that are linear in normal inputs, t = x W + noise, W normal."""

    class Options(DatasetOptions):
        kind: Literal["linear"]
        inputs: Width = Field(1, description="Numbers in x.")
        outputs: Width = Field(1, description="Numbers in t.")
        noise: Noise = Field(0.0, description="Standard deviation of what is added to t.")

    @staticmethod
    def draw(options: Options, random: Generator) -> Samples:
        inputs = random.standard_normal((options.samples, options.inputs))
        weights = random.standard_normal((options.inputs, options.outputs))
        noise = options.noise * random.standard_normal((options.samples, options.outputs))
        return inputs, np.einsum("si,io->so", inputs, weights) + noise
