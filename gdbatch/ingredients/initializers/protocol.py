"""Interface of initializers, and the base class of those that draw weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field

from ...errors import IngredientError
from ..options import Floats, LaneNumber, Options, PerLane
from ..problems.protocol import Problem

Hyperparameters = Mapping[str, NDArray[np.float64]]


class PerLayer:
    """Marks an option that is one number for all layers of weights, or a list of one per layer."""


_Scale = Annotated[float, Field(ge=0, allow_inf_nan=False)]
LayerScales = Annotated[_Scale | list[_Scale], PerLane(), PerLayer()]
LayerNumbers = Annotated[LaneNumber | list[LaneNumber], PerLane(), PerLayer()]


class InitOptions(Options):
    """Options that all initializers share."""

    kind: str
    biases: LaneNumber = Field(0.0, description="The initial value of every bias.")


class Initializer(ABC):
    """Where the parameters of a problem start, built from its options and the problem.

    The constructor raises IngredientError if they do not fit together.
    """

    Options: ClassVar[type[InitOptions]]
    sets: int | None = None  # number of seeds that have a start; None: all

    @abstractmethod
    def __init__(self, options: InitOptions, problem: Problem) -> None: ...

    @abstractmethod
    def draw(self, random: Generator, seed: int) -> Floats:
        """The random part of one seed's start, in float64, whatever the hyperparameters."""

    @abstractmethod
    def start(self, draws: Floats, hyperparameters: Hyperparameters) -> Floats:
        """Parameters (parameters, lanes) from draws (…, lanes).

        A hyperparameter has shape () or (lanes,); a list has (n, 1) or (n, lanes).
        """


class WeightInitializer(Initializer):
    """Draws the weights; all biases start at the option `biases`."""

    def __init__(self, options: InitOptions, problem: Problem) -> None:
        self.options = options
        self._problem = problem
        self.arrays = [one for one in problem.arrays if not one.is_bias]
        for name, field in type(options).model_fields.items():
            given = getattr(options, name, None)
            is_per_layer = any(isinstance(mark, PerLayer) for mark in field.metadata)
            if is_per_layer and isinstance(given, list) and len(given) != len(self.arrays):
                raise IngredientError(
                    f"there are {len(given)} numbers for {len(self.arrays)} layers of weights; "
                    "give one number, or one per layer",
                    name,
                )

    @cached_property
    def n_weights(self) -> int:
        """The number of weights, without biases."""
        return sum(one.size for one in self.arrays)

    @cached_property
    def is_bias(self) -> NDArray[np.bool_]:
        """Which parameters are biases, (parameters,)."""
        return self._problem.is_bias

    @abstractmethod
    def shape(self, draws: Floats, hyperparameters: Hyperparameters) -> Floats:
        """Weights (weights, lanes) from draws (weights, lanes)."""

    @classmethod
    def spread(cls, below: int, units: int) -> float | None:
        """How the deviation of weights depends on the units below and of a layer, up to a constant.

        None: the weights are given, so a parametrization does not scale them.
        """
        return 1.0

    @cached_property
    def _factors(self) -> NDArray[np.float64] | None:
        """The factor of each weight by the parametrization, (weights, 1); None: all are 1."""
        if self._problem.scaling is None:
            return None
        factors = []
        for array, (deviation, base) in zip(
            self.arrays, self._problem.scaling.deviations(), strict=True
        ):
            now, before = (self.spread(*one.shape) for one in (array, base))
            factors.append(1.0 if now is None or before is None else deviation * before / now)
        return np.repeat(factors, [one.size for one in self.arrays])[:, None]

    def start(self, draws: Floats, hyperparameters: Hyperparameters) -> Floats:
        """The weights and the biases in their order."""
        parameters = np.empty((len(self.is_bias), draws.shape[1]))
        weights = self.shape(draws, hyperparameters)
        parameters[~self.is_bias] = weights if self._factors is None else weights * self._factors
        parameters[self.is_bias] = hyperparameters["biases"]
        return parameters

    def by_weight(self, number: NDArray[np.float64]) -> NDArray[np.float64]:
        """A hyperparameter, possibly one value per layer, ready to broadcast to the weights."""
        return number[self._layer] if number.ndim == 2 else number

    @cached_property
    def _layer(self) -> NDArray[np.intp]:
        """The layer of each weight, from 0."""
        return np.repeat(np.arange(len(self.arrays)), [one.size for one in self.arrays])
