"""A layered network as plain data: everything that its evaluators need."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..activations.protocol import OutputActivation
from ..losses.protocol import OutputLoss
from ..options import Floats
from .parameters import ParameterArray


@dataclass(frozen=True, eq=False)
class Layers:
    """Fully connected layers, their loss and their samples.

    A bias is the weight of an additional input, always 1; it is the last row of its layer.
    """

    units: tuple[int, ...]  # per layer, the inputs first
    activations: tuple[OutputActivation, ...]  # per layer after the inputs
    loss: OutputLoss
    inputs: NDArray[np.float64]  # (samples, inputs)
    targets: NDArray[np.float64]  # (samples, outputs)
    bias: bool = False
    scales: tuple[float, ...] | None = None  # per layer: a factor of its weights, not its biases
    derivative_at_prediction: bool = False  # the tutorial's mistake, see `NetworkOptions`
    weights: NDArray[np.float64] | None = None  # (samples,), of mean 1: factors of the terms

    @cached_property
    def shapes(self) -> list[tuple[int, int]]:
        """(rows, units) of each layer's weights, the biases as the last row."""
        return [(above + self.bias, units) for above, units in itertools.pairwise(self.units)]

    @cached_property
    def n_parameters(self) -> int:
        """The number of weights and biases."""
        return sum(rows * units for rows, units in self.shapes)

    @property
    def n_samples(self) -> int:
        """The number of samples."""
        return len(self.inputs)

    @property
    def n_predictions(self) -> int:
        """The number of predictions: samples × outputs."""
        return self.targets.size

    @property
    def n_terms(self) -> int:
        """What the loss averages over: samples × outputs, or samples."""
        return self.terms_of(self.n_samples)

    def scale_of(self, samples: int) -> float:
        """The factor of the sum of the terms of some samples."""
        return self.loss.scale(self.terms_of(samples))

    def terms_of(self, samples: int) -> int:
        """What the loss of some samples averages over."""
        return samples if self.loss.averages_samples else samples * self.units[-1]

    @cached_property
    def has_classes(self) -> bool:
        """Whether every sample has a class, so that there is an accuracy."""
        lowest, highest = self.loss.target_range
        if not self.loss.is_classification or self.units[-1] == 1:
            return self.loss.is_classification
        sums = (self.targets - lowest).sum(axis=1) / (highest - lowest)
        return bool(np.abs(sums - 1).max() <= 1e-6)

    @property
    def class_threshold(self) -> float:
        """From which value on a single output means the second class."""
        return sum(self.loss.target_range) / 2

    @cached_property
    def arrays(self) -> list[ParameterArray]:
        """The weights and biases of each layer, in the order of the parameters."""
        return list(self._arrays())

    def _arrays(self) -> Iterator[ParameterArray]:
        for layer, (rows, units) in enumerate(self.shapes, 1):
            yield ParameterArray(f"weight_{layer}", (rows - self.bias, units))
            if self.bias:
                yield ParameterArray(f"bias_{layer}", (units,), is_bias=True)

    @cached_property
    def factors(self) -> NDArray[np.float64] | None:
        """The factor of each parameter wherever it is used, (parameters,); None: 1."""
        if self.scales is None:
            return None
        weights = iter(self.scales)
        factors = [1.0 if one.is_bias else next(weights) for one in self.arrays]
        return np.repeat(factors, [one.size for one in self.arrays])

    def views(self, array: Floats) -> list[Floats]:
        """Views (rows, units, lanes) of an array (parameters, lanes), one per layer."""
        ends = np.cumsum([rows * units for rows, units in self.shapes])
        parts = np.split(array, ends[:-1])
        return [part.reshape(*shape, -1) for part, shape in zip(parts, self.shapes, strict=True)]

    def keeps_sops(self, index: int) -> bool:
        """Whether a layer's sums of products are still needed after its values are computed."""
        last = index == len(self.activations) - 1
        return self.activations[index].reads_sop or (last and self.loss_takes_sop)

    @property
    def loss_takes_sop(self) -> bool:
        """Whether the loss is a function of the outputs' sums of products; see `losses`."""
        return self.loss.output_activation is not None
