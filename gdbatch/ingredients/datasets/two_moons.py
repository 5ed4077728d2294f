"""Two moons."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from ...registry import register
from ..data_files import Arrays
from .protocol import Count, Dataset, DatasetOptions, Labels, Noise


@register("dataset", "two_moons")
class TwoMoons(Dataset):
    """Two interleaved half circles in the plane, one label each, plus noise."""

    aliases = ("moons", "make_moons")

    class Options(DatasetOptions):
        kind: Literal["two_moons"]
        samples: Count = Field(100, ge=2, description="Number of samples, half in each moon.")
        noise: Noise = Field(0.1, description="Standard deviation of the noise added to inputs.")
        labels: Labels = Field([0.0, 1.0], description="Targets of the upper and the lower moon.")

    @staticmethod
    def draw(options: Options, random: Generator) -> Arrays:
        lower = np.arange(options.samples) % 2
        angle = np.pi * random.random(options.samples)
        x, y = np.cos(angle), np.sin(angle)
        inputs = np.stack([np.where(lower, 1 - x, x), np.where(lower, 0.5 - y, y)], axis=1)
        inputs += options.noise * random.standard_normal(inputs.shape)
        return inputs, np.array(options.labels)[lower][:, None]
