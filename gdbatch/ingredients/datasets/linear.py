"""Linear data."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from ...registry import register
from ..data_files import Arrays
from .protocol import Dataset, DatasetOptions, Noise, Width


@register("dataset", "linear")
class Linear(Dataset):
    """t = x W + noise, with normal inputs x and weights W."""

    class Options(DatasetOptions):
        kind: Literal["linear"]
        inputs: Width = Field(1, description="Inputs per sample.")
        outputs: Width = Field(1, description="Targets per sample.")
        noise: Noise = Field(0.0, description="Standard deviation of the noise added to t.")

    @staticmethod
    def draw(options: Options, random: Generator) -> Arrays:
        inputs = random.standard_normal((options.samples, options.inputs))
        weights = random.standard_normal((options.inputs, options.outputs))
        noise = options.noise * random.standard_normal((options.samples, options.outputs))
        return inputs, np.einsum("si,io->so", inputs, weights) + noise
