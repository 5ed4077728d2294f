"""A dataset: points on a sine."""

from typing import Any, Literal

import numpy as np
from numpy.random import Generator

from gdbatch.ingredients.data_files import Arrays
from gdbatch.ingredients.datasets.protocol import Dataset, DatasetOptions, Noise
from gdbatch.registry import register


@register("dataset", "outside_sine")
class Sine(Dataset):
    """sin(π x) at random points x of [-1, 1], plus noise."""

    class Options(DatasetOptions):
        kind: Literal["outside_sine"]
        noise: Noise = 0.0

    @staticmethod
    def draw(options: Any, random: Generator) -> Arrays:
        x = random.uniform(-1, 1, (options.samples, 1))
        return x, np.sin(np.pi * x) + random.normal(0, options.noise, x.shape)
