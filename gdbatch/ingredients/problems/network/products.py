"""Evaluation of larger networks: one matrix product per lane, by BLAS.

Arrays are (lanes, units, samples). A product per lane gives the same bits in every slot and at
every width, unlike one product for all lanes.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ....numerics.buffers import DType, new_buffer
from ...options import Floats
from ..layers import Layers
from ..protocol import Call, ChosenSamples
from .arrays import LayerArrays, SampleArrays
from .evaluator import NetworkEvaluator, sample_tables


class ProductsEvaluator(NetworkEvaluator):
    """Lanes first: the weights and values of each lane are small matrices."""

    def __init__(
        self, layers: Layers, lanes: int, dtype: DType, chosen: ChosenSamples | None = None
    ) -> None:
        n_samples = layers.n_samples if chosen is None else len(chosen)
        arrays = _layer_arrays(layers, n_samples, lanes, dtype)
        samples = _samples(layers, dtype, chosen)
        super().__init__(layers, lanes, dtype, arrays, samples, n_samples)
        self._parameters = new_buffer((lanes, layers.n_parameters), dtype)
        self._gradient = new_buffer((lanes, layers.n_parameters), dtype)
        # (lanes, inputs, units) per layer
        self._weights = _matrices(layers, self._parameters)
        self._gradients = _matrices(layers, self._gradient)

    def lanes_last(self, array: Floats) -> Floats:
        """A view (units, samples, lanes) of one of a layer's arrays."""
        return array.transpose(1, 2, 0)

    def over_predictions(self, ufunc: np.ufunc, array: Floats, out: Floats) -> Call:
        """Reduce an array of the last layer to one number per lane."""
        return partial(ufunc.reduce, array.reshape(self.lanes, -1), axis=1, out=out)

    def read_parameters(self, parameters: Floats) -> list[Call]:
        """Copy the weights of each lane next to each other."""
        if self.factors is None:
            return [partial(np.copyto, self._parameters, parameters.T)]
        return [partial(np.multiply, parameters.T, self.factors.T, self._parameters)]

    def _outputs_below(self, index: int) -> Floats:
        return self.arrays[index - 1].output if index else self.samples.inputs

    def forward_sums(self, index: int) -> Call:
        """S = Wᵀ X."""
        weight = self._weights[index].swapaxes(1, 2)
        return partial(np.matmul, weight, self._outputs_below(index), out=self.arrays[index].sop)

    def input_gradients(self, index: int) -> Call:
        """D = W D', where D' is that of the layer above."""
        layer, above = self.arrays[index], self.arrays[index + 1]
        weight = self._weights[index + 1][:, : layer.delta.shape[1]]
        if weight.shape[2] == 1:  # an outer product, at which BLAS is slow
            return partial(np.multiply, weight, above.delta, layer.delta)
        return partial(np.matmul, weight, above.delta, out=layer.delta)

    def weight_gradients(self, index: int, gradient: Floats) -> Call:
        """G = X Dᵀ."""
        below = self._outputs_below(index) if index else self.gradient_inputs
        delta = self.arrays[index].delta.swapaxes(1, 2)
        return partial(np.matmul, below, delta, out=self._gradients[index])

    def write_gradient(self, gradient: Floats) -> list[Call]:
        """Copy the gradient to the layout of the parameters."""
        if self.factors is None:
            return [partial(np.copyto, gradient, self._gradient.T)]
        return [partial(np.multiply, self._gradient.T, self.factors, gradient)]


def _layer_arrays(layers: Layers, samples: int, lanes: int, dtype: DType) -> list[LayerArrays]:
    arrays = []
    for index, (activation, (_, units)) in enumerate(
        zip(layers.activations, layers.shapes, strict=True)
    ):
        constant = layers.bias and index + 1 < len(layers.shapes)  # the next layer's bias input
        output = new_buffer((lanes, units + constant, samples), dtype)
        output[:, units:] = 1
        value = output[:, :units]
        sop, residuals, delta = (new_buffer((lanes, units, samples), dtype) for _ in range(3))
        sop = sop if layers.keeps_sops(index) else value
        arrays.append(LayerArrays(activation, sop, value, residuals, delta, output))
    return arrays


def _samples(layers: Layers, dtype: DType, chosen: ChosenSamples | None) -> SampleArrays:
    inputs, targets, weights = sample_tables(layers, dtype)
    if chosen is None:
        return SampleArrays(inputs, targets, weights)
    indices = chosen.indices
    select: list[Call] = []
    found = []
    for table in (inputs, targets, *([] if weights is None else [weights])):
        rows, order = np.ascontiguousarray(table.T), new_buffer(indices.T.shape, indices.dtype)
        taken: Floats = new_buffer((*order.shape, len(table)), table.dtype)
        select.append(partial(np.copyto, order, indices.T))
        select.append(partial(np.take, rows, order, 0, taken, "clip"))
        found.append(taken.swapaxes(1, 2))
    samples = SampleArrays(found[0], found[1], found[2] if len(found) > 2 else None, select)
    partial_batches = chosen.weights(layers.scale_of, dtype)
    if partial_batches is not None:
        samples.multiply_weights(partial_batches[0].T[:, None], partial_batches[1])
    return samples


def _matrices(layers: Layers, array: Floats) -> list[Floats]:
    """Views (lanes, rows, units) of an array (lanes, parameters), one per layer."""
    views, start = [], 0
    for rows, units in layers.shapes:
        part = array[:, start : start + rows * units]
        views.append(part.reshape(len(array), rows, units))
        start += rows * units
    return views
