"""Interface of initializers, and the base class of those that draw weights."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ...errors import IngredientError
from ...random_streams import generator
from ..options import Floats, LaneNumber, Options, PerLane
from ..problems.parameters import ParameterArray
from ..problems.protocol import Problem

Hyperparameters = Mapping[str, NDArray[np.float64]]


class PerLayer:
    """Marks an option that is one number for all layers of weights, or a list of one per layer."""


_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Scale = Annotated[float, Field(ge=0, allow_inf_nan=False)]
LayerScales = Annotated[_Scale | list[_Scale], PerLane(), PerLayer()]
LayerNumbers = Annotated[LaneNumber | list[LaneNumber], PerLane(), PerLayer()]


class BiasOptions(Options):
    """A distribution of biases, which are drawn from a stream of their own."""

    kind: Literal["uniform", "fan_in"] = Field(
        description='"uniform" from low to high; "fan_in": uniform from -1/√n to 1/√n, where n is '
        "the number of units below (PyTorch's default)."
    )
    low: float | None = Field(None, description="Lower end of a uniform distribution.")
    high: float | None = Field(None, description="Upper end of a uniform distribution.")

    @model_validator(mode="after")
    def _has_range(self) -> BiasOptions:
        for name in ("low", "high"):
            if (getattr(self, name) is None) == (self.kind == "uniform"):
                wanted = "needs it too" if self.kind == "uniform" else "has none; leave it out"
                raise IngredientError(f"the kind {self.kind} {wanted}", name)
        if self.low is not None and self.high is not None and not self.low < self.high:
            message = f"must be above low = {self.low:g}, not {self.high:g}"
            raise IngredientError(message, "high")
        return self

    def draw(
        self, random: Generator, arrays: Sequence[ParameterArray], fans: Sequence[int]
    ) -> Floats:
        """The biases of one seed, (biases,); fans: the fan-in of every layer of weights."""
        drawn, layer = [np.empty(0)], -1
        for one in arrays:
            layer += not one.is_bias
            if one.is_bias:
                drawn.append(random.uniform(*self._range_for(fans[layer]), one.size))
        return np.concatenate(drawn)

    def _range_for(self, below: int) -> tuple[float, float]:
        if self.low is None or self.high is None:
            return -1 / math.sqrt(below), 1 / math.sqrt(below)
        return self.low, self.high


class InitOptions(Options):
    """Options that all initializers share."""

    kind: str
    biases: Annotated[_Finite | BiasOptions, PerLane()] = Field(
        0.0,
        description="The initial value of every bias, or a distribution: "
        '{ kind = "uniform", low = …, high = … } or { kind = "fan_in" }.',
    )


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

    def draws(self, entropy: int, seed: int) -> Floats:
        """All that is random in one seed's start."""
        return self.draw(generator(entropy, "init", seed), seed)

    @abstractmethod
    def start(self, draws: Floats, hyperparameters: Hyperparameters) -> Floats:
        """Parameters (parameters, lanes) from `draws`, as an array (…, lanes).

        A hyperparameter has shape () or (lanes,); a list has (n, 1) or (n, lanes).
        """


class WeightInitializer(Initializer):
    """Draws the weights; biases start at the option `biases`, a number or a distribution."""

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

    @property
    def drawn_biases(self) -> BiasOptions | None:
        """The distribution of the biases, if they have one."""
        biases = self.options.biases
        return biases if isinstance(biases, BiasOptions) else None

    def draws(self, entropy: int, seed: int) -> Floats:
        """The draws of the weights, then those of the biases, if there are any."""
        weights, biases = super().draws(entropy, seed), self.drawn_biases
        if biases is None:
            return weights
        random = generator(entropy, "biases", seed)
        layers: Sequence[ParameterArray] = self.arrays
        if self._problem.scaling is not None:  # biases start as at the base width
            layers = [base for _, base in self._problem.scaling.deviations()]
        fans = [one.shape[0] for one in layers]
        return np.concatenate([weights, biases.draw(random, self._problem.arrays, fans)])

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
        if self.drawn_biases is None:
            parameters[self.is_bias] = hyperparameters["biases"]
        else:
            end = len(draws) - np.count_nonzero(self.is_bias)
            parameters[self.is_bias], draws = draws[end:], draws[:end]
        weights = self.shape(draws, hyperparameters)
        parameters[~self.is_bias] = weights if self._factors is None else weights * self._factors
        return parameters

    def by_weight(self, number: NDArray[np.float64]) -> NDArray[np.float64]:
        """A hyperparameter, possibly one value per layer, ready to broadcast to the weights."""
        return number[self._layer] if number.ndim == 2 else number

    @cached_property
    def _layer(self) -> NDArray[np.intp]:
        """The layer of each weight, from 0."""
        return np.repeat(np.arange(len(self.arrays)), [one.size for one in self.arrays])
