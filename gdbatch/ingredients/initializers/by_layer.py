"""Initializers that look at the shapes of layers: how many units feed a unit, and are fed by it.

Each is offset + scale × draw, where the draw has the spread of its source.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from ...errors import IngredientError
from ...registry import register
from ..options import Floats
from ..problems.protocol import Problem
from .protocol import InitOptions, LayerNumbers, LayerScales, WeightInitializer


class ScaledOptions(InitOptions):
    """Options of initializers that know their own spread."""

    scale: LayerScales = Field(1.0, description="Multiplies what is drawn; or one a layer.")
    offset: LayerNumbers = Field(0.0, description="Added to every weight; or one a layer.")


class ScaledInitializer(WeightInitializer):
    """offset + scale × draw."""

    def shape(self, draws: Floats, numbers: dict[str, Any]) -> Floats:
        """Weights (weights, lanes)."""
        offset, scale = self.by_weight(numbers["offset"]), self.by_weight(numbers["scale"])
        weights: Floats = offset + scale * draws
        return weights


class LayerInitializer(ScaledInitializer):
    """Draws layer by layer."""

    def __init__(self, options: Any, problem: Problem) -> None:
        super().__init__(options, problem)
        if any(len(one.shape) != 2 for one in self.arrays):
            raise IngredientError(
                f"{options.kind} needs the layers of a network, which this problem has not; "
                "use point, uniform, normal or constant",
                "kind",
            )

    def draw(self, random: Generator, seed: int) -> Floats:
        """Standard numbers of one seed, (weights,) float64."""
        shapes = [(one.shape[0], one.shape[1]) for one in self.arrays]
        return np.concatenate([self.draw_layer(random, *shape).ravel() for shape in shapes])

    def draw_layer(self, random: Generator, below: int, units: int) -> Floats:
        """The weights (units below, units) of one layer."""
        raise TypeError("an initializer draws layers")


class FanOptions(ScaledOptions):
    """Options of initializers whose variance follows from the units of a layer."""

    distribution: Literal["normal", "uniform"] = Field(
        description="Normal, or uniform with the same variance."
    )


class FanInitializer(LayerInitializer):
    """Draws of a variance that follows from the units below and those of the layer."""

    def draw_layer(self, random: Generator, below: int, units: int) -> Floats:
        """The weights (units below, units) of one layer."""
        deviation = math.sqrt(self.variance(below, units))
        if self.options.distribution == "normal":
            return deviation * random.standard_normal((below, units))
        return math.sqrt(3) * deviation * random.uniform(-1, 1, (below, units))

    def variance(self, below: int, units: int) -> float:
        """Of one weight."""
        raise TypeError("an initializer has a variance")


@register("init", "xavier")
class Xavier(FanInitializer):
    """Variance 2/(units below + units), by default uniform (Glorot and Bengio 2010)."""

    class Options(FanOptions):
        kind: Literal["xavier"]
        distribution: Literal["normal", "uniform"] = "uniform"

    def variance(self, below: int, units: int) -> float:
        return 2 / (below + units)


@register("init", "he")
class He(FanInitializer):
    """Variance 2/units below, by default normal; for relu (He et al. 2015)."""

    class Options(FanOptions):
        kind: Literal["he"]
        distribution: Literal["normal", "uniform"] = "normal"

    def variance(self, below: int, units: int) -> float:
        return 2 / below


@register("init", "lecun")
class Lecun(FanInitializer):
    """Variance 1/units below, by default normal (LeCun et al. 1998)."""

    class Options(FanOptions):
        kind: Literal["lecun"]
        distribution: Literal["normal", "uniform"] = "normal"

    def variance(self, below: int, units: int) -> float:
        return 1 / below


@register("init", "orthogonal")
class Orthogonal(LayerInitializer):
    """Each layer a random orthogonal matrix: columns, or rows, of length 1 (Saxe et al. 2014)."""

    class Options(ScaledOptions):
        kind: Literal["orthogonal"]

    def draw_layer(self, random: Generator, below: int, units: int) -> Floats:
        # of the taller form, with signs that make the distribution uniform
        tall = random.standard_normal((max(below, units), min(below, units)))
        factor, triangle = np.linalg.qr(tall)
        factor *= np.where(np.diag(triangle) < 0, -1.0, 1.0)
        return factor if below >= units else factor.T
