"""Chebyshev polynomials."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from ...registry import register
from ..data_files import Samples
from .protocol import Count, DatasetOptions, Noise


@register("dataset", "chebyshev")
class Chebyshev:
    """A Chebyshev polynomial T_k at points of [-1, 1], plus noise.

    At the Chebyshev points cos((2 j + 1) π/2 n), or at evenly spaced ones from -1 to 1, as in the
    toy problem of Cohen et al. (2021).
    """

    class Options(DatasetOptions):
        kind: Literal["chebyshev"]
        samples: Count = Field(20, description="How many points.")
        degree: int = Field(4, ge=0, le=1000, description="k.")
        spacing: Literal["chebyshev", "even"] = Field(
            "chebyshev", description="Where the points are."
        )
        noise: Noise = Field(0.0, description="Standard deviation of what is added to targets.")

    @staticmethod
    def draw(options: Options, random: Generator) -> Samples:
        count = options.samples
        if options.spacing == "even":
            x = np.linspace(-1, 1, count)
        else:
            x = np.cos(np.pi * (2 * np.arange(count) + 1) / (2 * count))
        targets = np.cos(options.degree * np.arccos(x))
        targets += options.noise * random.standard_normal(count)
        return x[:, None], targets[:, None]
