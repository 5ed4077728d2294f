"""Evaluation of a network: forward pass, loss and chain rule, for all lanes at once.

The order of operations is fixed here; a subclass chooses the memory layout of arrays and the matrix
products that fit it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ....numerics.buffers import DType, new_buffer
from ...options import Floats
from ..layers import Layers
from ..protocol import Call, Evaluation, Evaluator
from .accuracy import Accuracy
from .arrays import LayerArrays, SampleArrays
from .outputs import outputs_of


def sample_tables(layers: Layers, dtype: DType) -> tuple[Floats, Floats, Floats | None]:
    """Inputs (inputs, samples), with a last row of ones for biases, and targets (outputs, samples).

    And weights (1, samples), if there are any. They have the number type of the training.
    """
    inputs = layers.inputs.T.astype(dtype)
    if layers.bias:
        inputs = np.vstack([inputs, np.ones((1, inputs.shape[1]), dtype)])
    weights = None if layers.weights is None else layers.weights[None].astype(dtype)
    return inputs, np.ascontiguousarray(layers.targets.T, dtype), weights


class NetworkEvaluator(Evaluator):
    """A network with the work arrays for blocks of one width."""

    def __init__(
        self,
        layers: Layers,
        lanes: int,
        dtype: DType,
        arrays: Sequence[LayerArrays],
        samples: SampleArrays,
        n_samples: int,
    ) -> None:
        self.layers = layers
        self.lanes = lanes
        self.arrays = arrays
        self.samples = samples
        self._single = n_samples * layers.units[-1] == 1  # prediction, which needs no reduction
        count = layers.terms_of(n_samples)
        self._scale = np.array(layers.loss.scale(count), dtype)
        self._factor = np.array(layers.loss.factor(count), dtype)
        # the gradient is linear in the factor: with one layer, it is folded into the inputs
        self._factor_in_inputs = len(arrays) == 1 and not samples.per_lane
        self.gradient_inputs = samples.inputs
        if self._factor_in_inputs:
            self.gradient_inputs = samples.inputs * self._factor
            if samples.weights is not None:
                self.gradient_inputs = self.gradient_inputs * samples.weights.reshape(1, -1)
        factors = layers.factors
        self.factors = None if factors is None else factors[:, None].astype(dtype)
        self._terms = new_buffer(arrays[-1].delta.shape, dtype)
        self._outputs = outputs_of(layers.loss, arrays[-1], samples.targets, self.lanes_last)

    def prepare(
        self,
        parameters: Floats,
        lane_data: Mapping[str, Floats],
        steps: NDArray[np.int64],
        out: Evaluation,
    ) -> Call:
        """See `Evaluator`."""
        calls = self._calls(parameters, out)

        def evaluate() -> None:
            for call in calls:
                call()

        return evaluate

    def _calls(self, parameters: Floats, out: Evaluation) -> list[Call]:
        """Forward pass, requested values, and the chain rule from the last layer to the first."""
        arrays, last = self.arrays, self.arrays[-1]
        calls = self.samples.select + self.read_parameters(parameters)
        for index, layer in enumerate(arrays):
            part = self._outputs if layer is last else layer
            calls += [self.forward_sums(index), part.forward()]
        calls.append(partial(np.subtract, last.value, self.samples.targets, last.delta))
        calls += self._report(last, out)
        if out.gradient is None:
            return calls
        calls += self._outputs.slopes()
        if not self._factor_in_inputs:
            calls.append(partial(np.multiply, last.delta, self._factor, last.delta))
            if self.samples.weights is not None:
                calls.append(partial(np.multiply, last.delta, self.samples.weights, last.delta))
        for index in reversed(range(len(arrays))):
            layer = arrays[index]
            if layer is not last:
                calls.append(self.input_gradients(index))
            if layer is not last or not self.layers.loss_takes_sop:
                calls.append(layer.backward(self.layers.derivative_at_prediction))
            calls.append(self.weight_gradients(index, out.gradient))
        return calls + self.write_gradient(out.gradient)

    def _report(self, last: LayerArrays, out: Evaluation) -> list[Call]:
        """Loss, predictions and prediction error, if requested; delta is still p - t."""
        calls: list[Call] = []
        single = self._single
        if out.loss is not None:
            terms = out.loss.reshape(last.delta.shape) if single else self._terms
            calls.append(self._outputs.terms(terms))
            if self.samples.weights is not None:
                calls.append(partial(np.multiply, terms, self.samples.weights, terms))
            if not single:
                calls.append(self.over_predictions(np.add, terms, out.loss))
            if self._scale != 1:
                calls.append(partial(np.multiply, out.loss, self._scale, out.loss))
        if out.prediction_error is not None:
            error = out.prediction_error
            distance = error.reshape(last.delta.shape) if single else self._terms
            calls.append(partial(np.absolute, last.delta, distance))
            if not single:
                calls.append(self.over_predictions(np.maximum, distance, error))
        if out.predictions is not None and not self.samples.per_lane:
            value = self.lanes_last(last.value)  # sample by sample, outputs fastest
            by_sample = out.predictions.reshape(-1, len(value), self.lanes)
            calls.append(partial(np.copyto, by_sample, value.swapaxes(0, 1)))
        if out.accuracy is not None:
            calls.append(self._accuracy(last, out.accuracy))
        return calls

    def _accuracy(self, last: LayerArrays, out: Floats) -> Call:
        """Fill the accuracy; `lanes_last` also turns what broadcasts to the values."""
        if not self.layers.has_classes:
            return partial(out.fill, np.nan)
        value = self.lanes_last(last.value)
        given = (self.samples.targets, self.samples.weights)
        whole = (
            None if one is None else self.lanes_last(np.broadcast_to(one, last.value.shape))
            for one in given
        )
        targets, weights = whole
        assert targets is not None
        weights = None if weights is None else weights[0]
        return Accuracy(value, targets, weights, self.layers.class_threshold).fill(out)

    @abstractmethod
    def lanes_last(self, array: Floats) -> Floats:
        """A view (units, samples, lanes) of one of a layer's arrays."""

    @abstractmethod
    def over_predictions(self, ufunc: np.ufunc, array: Floats, out: Floats) -> Call:
        """Reduce an array of the last layer to one number per lane."""

    @abstractmethod
    def read_parameters(self, parameters: Floats) -> list[Call]:
        """Copy the weights of all layers to this layout, if it differs."""

    @abstractmethod
    def forward_sums(self, index: int) -> Call:
        """Fill a layer's sums of products from the outputs below."""

    @abstractmethod
    def input_gradients(self, index: int) -> Call:
        """Fill a layer's delta from that of the layer above; biases have no inputs."""

    @abstractmethod
    def weight_gradients(self, index: int, gradient: Floats) -> Call:
        """Fill the gradient of a layer's weights from its delta and the outputs below."""

    @abstractmethod
    def write_gradient(self, gradient: Floats) -> list[Call]:
        """Copy the weight gradients to `gradient`, if they are not already there."""
