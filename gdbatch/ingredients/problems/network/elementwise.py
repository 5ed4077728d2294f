"""Evaluation of small networks on few samples: all products are elementwise over the lanes.

Arrays are (units, samples, lanes), which for a single weight is the lanes alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ....numerics.buffers import DType, new_buffer
from ...options import Floats
from ..layers import Layers
from ..protocol import Call, ChosenSamples, Evaluation
from .arrays import LayerArrays, SampleArrays
from .evaluator import NetworkEvaluator, sample_tables


class ElementwiseEvaluator(NetworkEvaluator):
    """Lanes last: each operation runs along all lanes."""

    def __init__(
        self, layers: Layers, lanes: int, dtype: DType, chosen: ChosenSamples | None = None
    ) -> None:
        n_samples = layers.n_samples if chosen is None else len(chosen)
        arrays = _layer_arrays(layers, n_samples, lanes, dtype)
        samples = _samples(layers, dtype, chosen)
        super().__init__(layers, lanes, dtype, arrays, samples, n_samples)
        if self.factors is not None:
            self._scaled = new_buffer((layers.n_parameters, lanes), dtype)
        self._single_weight = layers.n_parameters == samples.inputs.size == 1
        self._single_weight &= not samples.per_lane
        self._own_delta = arrays[0].delta

    def prepare(
        self,
        parameters: Floats,
        lane_data: Mapping[str, Floats],
        steps: NDArray[np.int64],
        out: Evaluation,
    ) -> Call:
        """See `Evaluator`; the delta of a single weight is computed where its gradient will be."""
        if self._single_weight:
            gradient = out.gradient
            in_place = self._own_delta if gradient is None else self.layers.views(gradient)[0]
            self.arrays[0].delta = in_place
        return super().prepare(parameters, lane_data, steps, out)

    def lanes_last(self, array: Floats) -> Floats:
        """A view (units, samples, lanes) of one of a layer's arrays."""
        return array

    def over_predictions(self, ufunc: np.ufunc, array: Floats, out: Floats) -> Call:
        """Reduce an array of the last layer to one number per lane."""
        return partial(ufunc.reduce, array.reshape(-1, self.lanes), axis=0, out=out)

    def read_parameters(self, parameters: Floats) -> list[Call]:
        """Use the weights in place, unless their layers are scaled."""
        if self.factors is None:
            self._weights = self.layers.views(parameters)
            return []
        self._weights = self.layers.views(self._scaled)
        return [partial(np.multiply, parameters, self.factors, self._scaled)]

    def forward_sums(self, index: int) -> Call:
        """s_o = Σ_i w_io x_i for every sample."""
        weight, sop, inputs = self._weights[index], self.arrays[index].sop, self.samples.inputs
        if self._single_weight:
            return partial(np.multiply, weight, inputs.reshape(()), sop)
        if index == 0 and not self.samples.per_lane:
            return partial(np.einsum, "iol,is->osl", weight, inputs, out=sop)
        below = self.arrays[index - 1].output if index else inputs
        return partial(np.einsum, "iol,isl->osl", weight, below, out=sop)

    def input_gradients(self, index: int) -> Call:
        """d_i = Σ_o w_io d_o."""
        delta, above = self.arrays[index].delta, self.arrays[index + 1].delta
        weight = self._weights[index + 1][: len(delta)]
        if len(above) == 1:  # needs no sum
            return partial(np.multiply, weight, above, delta)
        return partial(np.einsum, "iol,osl->isl", weight, above, out=delta)

    def weight_gradients(self, index: int, gradient: Floats) -> Call:
        """g_io = Σ_s x_i d_o."""
        delta, part = self.arrays[index].delta, self.layers.views(gradient)[index]
        if self._single_weight:
            return partial(np.multiply, delta, self.gradient_inputs.reshape(()), part)
        if index == 0 and not self.samples.per_lane:
            return partial(np.einsum, "is,osl->iol", self.gradient_inputs, delta, out=part)
        below = self.arrays[index - 1].output if index else self.samples.inputs
        return partial(np.einsum, "isl,osl->iol", below, delta, out=part)

    def write_gradient(self, gradient: Floats) -> list[Call]:
        """Scale the weight gradients, which are in place, if their layers are scaled."""
        if self.factors is None:
            return []
        return [partial(np.multiply, gradient, self.factors, gradient)]


def _layer_arrays(layers: Layers, samples: int, lanes: int, dtype: DType) -> list[LayerArrays]:
    arrays = []
    for index, (activation, (_, units)) in enumerate(
        zip(layers.activations, layers.shapes, strict=True)
    ):
        constant = layers.bias and index + 1 < len(layers.shapes)  # the next layer's bias input
        output = new_buffer((units + constant, samples, lanes), dtype)
        output[units:] = 1
        value = output[:units]
        sop, residuals, delta = (new_buffer((units, samples, lanes), dtype) for _ in range(3))
        sop = sop if layers.keeps_sops(index) else value
        arrays.append(LayerArrays(activation, sop, value, residuals, delta, output))
    return arrays


def _samples(layers: Layers, dtype: DType, chosen: ChosenSamples | None) -> SampleArrays:
    inputs, targets, weights = sample_tables(layers, dtype)
    if chosen is None:
        # NumPy starts a microsecond sooner with a scalar than with an array of one number
        number = targets.size == 1
        targets = targets.reshape(()) if number else targets[:, :, None]
        return SampleArrays(inputs, targets, None if weights is None else weights[:, :, None])
    select: list[Call] = []
    found = []
    for table in (inputs, targets, *([] if weights is None else [weights])):
        taken: Floats = new_buffer((len(table), *chosen.indices.shape), table.dtype)
        select.append(partial(np.take, table, chosen.indices, 1, taken, "clip"))
        found.append(taken)
    samples = SampleArrays(found[0], found[1], found[2] if len(found) > 2 else None, select)
    partial_batches = chosen.weights(layers.scale_of, dtype)
    if partial_batches is not None:
        samples.multiply_weights(partial_batches[0][None], partial_batches[1])
    return samples
