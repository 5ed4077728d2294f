"""The work arrays of a network's layers, and its samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ....numerics.buffers import new_buffer
from ...activations.protocol import Activation, OutputActivation
from ...options import Floats
from ..protocol import Call


@dataclass
class LayerArrays:
    """The work arrays of one layer; all but `output` have the same shape."""

    activation: OutputActivation
    sop: Floats
    value: Floats
    residuals: Floats  # what the activation's forward pass keeps for its backward pass
    delta: Floats  # p - t, then the loss gradient with respect to the values, then the sops
    output: Floats  # the values, followed by a 1 for the bias of the next layer

    def forward(self) -> Call:
        """Fill the values from the sums of products."""
        assert isinstance(self.activation, Activation)
        return partial(self.activation.forward, self.sop, self.value, self.residuals)

    def backward(self, at_prediction: bool) -> Call:
        """Multiply delta by the derivative at the sum of products, or at the value instead."""
        assert isinstance(self.activation, Activation)
        backward, forward = self.activation.backward, self.activation.forward
        if not at_prediction:
            return partial(backward, self.delta, self.sop, self.value, self.residuals)
        value_there = new_buffer(self.value.shape, self.value.dtype)

        def at_value() -> None:
            forward(self.value, value_there, self.residuals)
            backward(self.delta, self.value, value_there, self.residuals)

        return at_value


@dataclass
class SampleArrays:
    """The samples in an evaluator's layout."""

    inputs: Floats  # shared by all lanes: (inputs, samples)
    targets: Floats  # broadcasts to the values of the last layer
    weights: Floats | None = None  # so do the samples' weights
    select: list[Call] = field(default_factory=list)  # calls that fill the above, if lanes differ

    @property
    def per_lane(self) -> bool:
        """Whether every lane has its own samples."""
        return bool(self.select)

    def multiply_weights(self, factors: Floats, fill: Call) -> None:
        """Multiply the weights of each lane's samples by `factors`, which `fill` computes."""
        self.select.append(fill)
        if self.weights is None:
            self.weights = factors
        else:
            self.select.append(partial(np.multiply, self.weights, factors, self.weights))
