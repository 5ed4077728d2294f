"""Data from a teacher network."""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from ...registry import register
from ..data_files import Arrays
from .protocol import Dataset, DatasetOptions, Noise, Width


@register("dataset", "teacher")
class Teacher(Dataset):
    """Normal inputs and the outputs of a random network for them, plus noise.

    The teacher has tanh in its hidden layers, linear outputs, and normal weights of variance
    1/(units below).
    """

    class Options(DatasetOptions):
        kind: Literal["teacher"]
        layers: list[Width] = Field(
            min_length=2, description="Units per layer of the teacher, inputs first."
        )
        noise: Noise = Field(0.0, description="Standard deviation of the noise added to targets.")

    @staticmethod
    def draw(options: Options, random: Generator) -> Arrays:
        inputs = values = random.standard_normal((options.samples, options.layers[0]))
        for index, (below, units) in enumerate(itertools.pairwise(options.layers)):
            weights = random.standard_normal((below, units)) / np.sqrt(below)
            values = np.einsum("si,io->so", np.tanh(values) if index else values, weights)
        return inputs, values + options.noise * random.standard_normal(values.shape)
