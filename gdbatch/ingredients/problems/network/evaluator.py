"""How a network is evaluated: forward pass, loss and chain rule, for all lanes at once.

The layout of the arrays and the products are those of a subclass; a bias is one more input that
is always 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ....numerics.buffers import new_buffer
from ...activations.protocol import Activation
from ...options import Floats
from ..prepared import Call, PreparedEvaluator
from ..protocol import Chosen, Evaluation

if TYPE_CHECKING:
    from .problem import Network


@dataclass
class LayerArrays:
    """What one layer computes, in the layout of the evaluator; all but `output` of one shape."""

    activation: type[Activation]
    sop: Floats
    value: Floats
    residuals: Floats  # handed from an activation's forward to its backward
    delta: Floats  # p - t at first, then how the loss changes with the value, then with the sop
    output: Floats  # the values, and a 1 in the place of the next layer's bias input

    def forward(self) -> Call:
        """From sums of products to values."""
        return partial(self.activation.forward, self.sop, self.value, self.residuals)

    def backward(self, at_prediction: bool) -> Call:
        """Multiply delta by the slope, at the sum of products or, as the slip, at the value."""
        backward, forward = self.activation.backward, self.activation.forward
        if not at_prediction:
            return partial(backward, self.delta, self.sop, self.value, self.residuals)
        value_there = new_buffer(self.value.shape, self.value.dtype)

        def at_value() -> None:
            forward(self.value, value_there, self.residuals)
            backward(self.delta, self.value, value_there, self.residuals)

        return at_value


class NetworkEvaluator(PreparedEvaluator):
    """A network made ready for blocks of one width; see `protocol.Evaluator`."""

    def __init__(
        self,
        network: Network,
        lanes: int,
        dtype: np.dtype[Any],
        layers: list[LayerArrays],
        chosen: Chosen | None,
    ) -> None:
        super().__init__()
        self.network = network
        self.lanes = lanes
        self.dtype = dtype
        self.layers = layers
        inputs = network.inputs.T.astype(dtype)
        if network.options.bias:
            inputs = np.vstack([inputs, np.ones((1, inputs.shape[1]), dtype)])
        targets = np.ascontiguousarray(network.target_rows.T, dtype)
        self.by_lane = chosen is not None  # whether lanes have samples of their own
        self.choosing: list[Call] = []  # what brings them there
        if chosen is None:
            self.inputs = inputs  # (inputs, samples), or as the layout has it by lane
            self._targets = self.spread(targets)
            self._count = network.n_predictions
        else:
            self.inputs, self._targets = (self.choose(one, chosen) for one in (inputs, targets))
            self._count = len(chosen) * len(targets)
        count = self._count
        self._scale = np.array(network.loss.scale(count), dtype)
        self._factor = np.array(network.loss.factor(count), dtype)
        # the gradient is linear in the factor: with one layer it goes into the constant inputs
        self._factor_in_inputs = len(layers) == 1 and not self.by_lane
        self.gradient_inputs = inputs * self._factor if self._factor_in_inputs else self.inputs
        factors = network.factors  # of the parameters, (parameters, 1), or None
        self.factors = None if factors is None else factors[:, None].astype(dtype)
        self._terms, self._work = (new_buffer(layers[-1].delta.shape, dtype) for _ in range(2))

    def prepare(self, parameters: Floats, out: Evaluation) -> list[Call]:
        """Forward pass, what is asked for, and the chain rule from the last layer to the first."""
        layers, last = self.layers, self.layers[-1]
        calls = self.choosing + self.read(parameters)
        for index, layer in enumerate(layers):
            calls += [self.forward_sums(index), layer.forward()]
        calls.append(partial(np.subtract, last.value, self._targets, last.delta))
        calls += self._report(last, out)
        if out.gradient is None:
            return calls
        if not self._factor_in_inputs:
            calls.append(partial(np.multiply, last.delta, self._factor, last.delta))
        at_prediction = self.network.options.derivative_at == "prediction"
        for index in reversed(range(len(layers))):
            layer = layers[index]
            if layer is not last:
                calls.append(self.input_gradients(index))
            if layer is not last or not self.network.loss.through_sigmoid:
                calls.append(layer.backward(at_prediction))
            calls.append(self.weight_gradients(index, out.gradient))
        return calls + self.write(out.gradient)

    def _report(self, last: LayerArrays, out: Evaluation) -> list[Call]:
        """Loss, predictions and prediction error, where asked for; delta is still p - t."""
        calls: list[Call] = []
        alone = self._count == 1  # nothing to add up
        if out.loss is not None:
            terms = out.loss.reshape(last.delta.shape) if alone else self._terms
            arrays = last.delta, last.sop, self._targets, terms, self._work
            calls.append(partial(self.network.loss.terms, *arrays))
            if not alone:
                calls.append(self.over_predictions(np.add, terms, out.loss))
            if self._scale != 1:
                calls.append(partial(np.multiply, out.loss, self._scale, out.loss))
        if out.prediction_error is not None:
            error = out.prediction_error
            distance = error.reshape(last.delta.shape) if alone else self._terms
            calls.append(partial(np.absolute, last.delta, distance))
            if not alone:
                calls.append(self.over_predictions(np.maximum, distance, error))
        if out.predictions is not None and not self.by_lane:  # sample by sample, outputs fastest
            value = self.lanes_last(last.value)
            by_sample = out.predictions.reshape(-1, len(value), self.lanes)
            calls.append(partial(np.copyto, by_sample, value.swapaxes(0, 1)))
        return calls

    # the layout ------------------------------------------------------------------------------

    def lanes_last(self, array: Floats) -> Floats:
        """A view (units, samples, lanes) of a layer's array."""
        raise TypeError("an evaluator has a layout")

    def spread(self, targets: Floats) -> Floats:
        """Numbers (units, samples) that are the same in every lane, ready to broadcast."""
        raise TypeError("an evaluator has a layout")

    def choose(self, table: Floats, chosen: Chosen) -> Floats:
        """An array, as the layout has it, for the chosen columns of a table (units, samples).

        The call that fills it joins `choosing`.
        """
        raise TypeError("an evaluator has a layout")

    def over_predictions(self, ufunc: np.ufunc, array: Floats, out: Floats) -> Call:
        """Reduce an array of the last layer to one number a lane."""
        raise TypeError("an evaluator has a layout")

    def read(self, parameters: Floats) -> list[Call]:
        """Make the weights of every layer ready."""
        raise TypeError("an evaluator reads parameters")

    def forward_sums(self, index: int) -> Call:
        """From the outputs below to a layer's sums of products."""
        raise TypeError("an evaluator weighs")

    def input_gradients(self, index: int) -> Call:
        """From the delta of the layer above to a layer's; there is no way back through biases."""
        raise TypeError("an evaluator sends back")

    def weight_gradients(self, index: int, gradient: Floats) -> Call:
        """From a layer's delta and the outputs below to the gradient of its weights."""
        raise TypeError("an evaluator gathers gradients")

    def write(self, gradient: Floats) -> list[Call]:
        """Put what was gathered into `gradient`, where it does not stand there yet."""
        raise TypeError("an evaluator writes gradients")
