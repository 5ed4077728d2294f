"""Initializers whose variance depends on a layer's shape (units below, units).

All weights are offset + scale × draw, where the draw has the published variance.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from ...errors import IngredientError
from ...registry import register
from ..options import Floats
from ..problems.protocol import Problem
from .protocol import Hyperparameters, InitOptions, LayerNumbers, LayerScales, WeightInitializer


class ScaledOptions(InitOptions):
    """Options of initializers that define their own variance."""

    scale: LayerScales = Field(1.0, description="Factor of the draws, or one per layer.")
    offset: LayerNumbers = Field(0.0, description="Added to every weight; or one number per layer.")


class ScaledInitializer(WeightInitializer):
    """offset + scale × draw."""

    def shape(self, draws: Floats, hyperparameters: Hyperparameters) -> Floats:
        """Weights (weights, lanes)."""
        offset = self.by_weight(hyperparameters["offset"])
        scale = self.by_weight(hyperparameters["scale"])
        weights: Floats = offset + scale * draws
        return weights


class LayerInitializer(ScaledInitializer):
    """Draws layer by layer; a subclass defines `draw_layer`."""

    def __init__(self, options: InitOptions, problem: Problem) -> None:
        super().__init__(options, problem)
        others = [one.name for one in self.arrays if len(one.shape) != 2]
        if others and len(others) < len(self.arrays):
            own = ', such as kind = "module"' if problem.has_own_start else ", such as normal"
            raise IngredientError(
                f"{options.kind} draws matrices of weights, but {others[0]} is none; choose an "
                f"initializer that does not depend on layers{own}",
                "kind",
            )
        if others:
            raise IngredientError(
                f"{options.kind} needs the layers of a network, but this problem has none; "
                "choose an initializer that does not depend on layers, such as normal",
                "kind",
            )

    def draw(self, random: Generator, seed: int) -> Floats:
        """Weights of one seed, (weights,), before offset and scale."""
        shapes = [(one.shape[0], one.shape[1]) for one in self.arrays]
        return np.concatenate([self.draw_layer(random, *shape).ravel() for shape in shapes])

    @abstractmethod
    def draw_layer(self, random: Generator, below: int, units: int) -> Floats:
        """The weights (units below, units) of one layer."""


class FanOptions(ScaledOptions):
    """Options of initializers whose variance depends on the number of units."""

    distribution: Literal["normal", "uniform"] = Field(
        description="Normal, or uniform with the same variance."
    )


class FanInitializer(LayerInitializer):
    """Draws with a variance that depends on the number of units; a subclass defines `variance`."""

    options: FanOptions

    def draw_layer(self, random: Generator, below: int, units: int) -> Floats:
        """The weights (units below, units) of one layer."""
        deviation = math.sqrt(self.variance(below, units))
        if self.options.distribution == "normal":
            return deviation * random.standard_normal((below, units))
        return math.sqrt(3) * deviation * random.uniform(-1, 1, (below, units))

    @classmethod
    def spread(cls, below: int, units: int) -> float:
        return math.sqrt(cls.variance(below, units))

    @staticmethod
    @abstractmethod
    def variance(below: int, units: int) -> float:
        """The variance of one weight."""


@register("init", "xavier")
class Xavier(FanInitializer):
    """Variance 2/(fan-in + fan-out), uniform by default (Glorot and Bengio 2010)."""

    aliases = ("glorot", "glorot_normal", "glorot_uniform", "xavier_normal", "xavier_uniform")

    class Options(FanOptions):
        kind: Literal["xavier"]
        distribution: Literal["normal", "uniform"] = "uniform"

    @staticmethod
    def variance(below: int, units: int) -> float:
        return 2 / (below + units)


@register("init", "he")
class He(FanInitializer):
    """Variance 2/fan-in, normal by default; for relu (He et al. 2015)."""

    aliases = ("kaiming", "kaiming_normal", "kaiming_uniform", "he_normal", "he_uniform")

    class Options(FanOptions):
        kind: Literal["he"]
        distribution: Literal["normal", "uniform"] = "normal"

    @staticmethod
    def variance(below: int, units: int) -> float:
        return 2 / below


@register("init", "lecun")
class Lecun(FanInitializer):
    """Variance 1/fan-in, normal by default (LeCun et al. 1998)."""

    aliases = ("lecun_normal", "lecun_uniform")

    class Options(FanOptions):
        kind: Literal["lecun"]
        distribution: Literal["normal", "uniform"] = "normal"

    @staticmethod
    def variance(below: int, units: int) -> float:
        return 1 / below


@register("init", "orthogonal")
class Orthogonal(LayerInitializer):
    """A random matrix per layer with orthonormal columns or rows (Saxe et al. 2014)."""

    class Options(ScaledOptions):
        kind: Literal["orthogonal"]

    def draw_layer(self, random: Generator, below: int, units: int) -> Floats:
        # QR of a tall matrix, with signs that make the distribution uniform
        tall = random.standard_normal((max(below, units), min(below, units)))
        factor, triangle = np.linalg.qr(tall)
        factor *= np.where(np.diag(triangle) < 0, -1.0, 1.0)
        return factor if below >= units else factor.T

    @classmethod
    def spread(cls, below: int, units: int) -> float:
        return 1 / math.sqrt(max(below, units))
