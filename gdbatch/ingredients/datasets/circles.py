"""Two circles."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from ...registry import register
from ..data_files import Arrays
from .protocol import Count, Dataset, DatasetOptions, Labels, Noise


@register("dataset", "circles")
class Circles(Dataset):
    """Two concentric circles, one label each, plus noise."""

    aliases = ("make_circles",)

    class Options(DatasetOptions):
        kind: Literal["circles"]
        samples: Count = Field(100, ge=2, description="Number of samples, half on each circle.")
        ratio: float = Field(
            0.5, gt=0, le=1, description="Radius of the inner circle; the outer radius is 1."
        )
        noise: Noise = Field(0.05, description="Standard deviation of the noise added to inputs.")
        labels: Labels = Field([0.0, 1.0], description="Targets of the outer and the inner circle.")

    @staticmethod
    def draw(options: Options, random: Generator) -> Arrays:
        inner = np.arange(options.samples) % 2
        angle = 2 * np.pi * random.random(options.samples)
        radius = np.where(inner, options.ratio, 1.0)
        inputs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        inputs += options.noise * random.standard_normal(inputs.shape)
        return inputs, np.array(options.labels)[inner][:, None]
