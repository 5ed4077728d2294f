"""Exclusive or."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from ...registry import register
from ..data_files import Arrays
from .protocol import Count, Dataset, DatasetOptions, Labels, Noise


@register("dataset", "xor")
class Xor(Dataset):
    """The corners of the unit square in turn, labelled by exclusive or, plus noise."""

    class Options(DatasetOptions):
        kind: Literal["xor"]
        samples: Count = Field(4, description="Number of samples; 4 gives each corner once.")
        noise: Noise = Field(0.0, description="Standard deviation of the noise added to inputs.")
        labels: Labels = Field([0.0, 1.0], description="Targets of equal and of unequal inputs.")

    @staticmethod
    def draw(options: Options, random: Generator) -> Arrays:
        corner = np.arange(options.samples) % 4
        first, second = corner // 2, corner % 2
        inputs = np.stack([first, second], axis=1).astype(np.float64)
        inputs += options.noise * random.standard_normal(inputs.shape)
        return inputs, np.array(options.labels)[first ^ second][:, None]
