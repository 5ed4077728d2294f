"""Pure noise."""

from __future__ import annotations

from typing import Literal

from numpy.random import Generator
from pydantic import Field

from ...registry import register
from ..data_files import Samples
from .protocol import DatasetOptions, Width


@register("dataset", "normal")
class NormalNoise:
    """Inputs and targets that are all normal, with nothing to learn but the samples themselves."""

    class Options(DatasetOptions):
        kind: Literal["normal"]
        inputs: Width = Field(1, description="Inputs a sample.")
        outputs: Width = Field(1, description="Targets a sample.")

    @staticmethod
    def draw(options: Options, random: Generator) -> Samples:
        inputs = random.standard_normal((options.samples, options.inputs))
        return inputs, random.standard_normal((options.samples, options.outputs))
