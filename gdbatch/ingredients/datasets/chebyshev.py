"""Chebyshev polynomials."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from ...registry import register
from ..data_files import Arrays
from .protocol import Count, Dataset, DatasetOptions, Noise


@register("dataset", "chebyshev")
class Chebyshev(Dataset):
    """The Chebyshev polynomial T_k at points of [-1, 1], plus noise.

    The points are the Chebyshev nodes cos((2 j + 1) π/2 n), or evenly spaced from -1 to 1 as in the
    toy problem of Cohen et al. (2021).
    """

    class Options(DatasetOptions):
        kind: Literal["chebyshev"]
        samples: Count = Field(20, description="Number of points.")
        degree: int = Field(4, ge=0, le=1000, description="Degree k.")
        spacing: Literal["chebyshev", "even"] = Field(
            "chebyshev", description="Chebyshev nodes, or evenly spaced points."
        )
        noise: Noise = Field(0.0, description="Standard deviation of the noise added to targets.")

    @staticmethod
    def draw(options: Options, random: Generator) -> Arrays:
        count = options.samples
        if options.spacing == "even":
            x = np.linspace(-1, 1, count)
        else:
            x = np.cos(np.pi * (2 * np.arange(count) + 1) / (2 * count))
        targets = np.cos(options.degree * np.arccos(x))
        targets += options.noise * random.standard_normal(count)
        return x[:, None], targets[:, None]
