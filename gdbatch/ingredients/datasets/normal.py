"""Pure noise."""

from __future__ import annotations

from typing import Literal

from numpy.random import Generator
from pydantic import Field

from ...registry import register
from ..data_files import Arrays
from .protocol import Dataset, DatasetOptions, Width


@register("dataset", "normal")
class NormalNoise(Dataset):
    """Independent normal inputs and targets: nothing to learn beyond the samples themselves."""

    class Options(DatasetOptions):
        kind: Literal["normal"]
        inputs: Width = Field(1, description="Inputs per sample.")
        outputs: Width = Field(1, description="Targets per sample.")

    @staticmethod
    def draw(options: Options, random: Generator) -> Arrays:
        inputs = random.standard_normal((options.samples, options.inputs))
        return inputs, random.standard_normal((options.samples, options.outputs))
