"""Networks of few units on few samples: every product is elementwise over the lanes.

Arrays are (units, samples, lanes), which for a single weight is the lanes alone.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ....numerics.buffers import new_buffer
from ...options import Floats
from ..prepared import Call
from ..protocol import Chosen, Evaluation
from .evaluator import LayerArrays, NetworkEvaluator

if TYPE_CHECKING:
    from .problem import Network


class ElementwiseEvaluator(NetworkEvaluator):
    """Lanes last: arithmetic that is the same in every lane runs along all of them."""

    def __init__(
        self, network: Network, lanes: int, dtype: np.dtype[Any], chosen: Chosen | None = None
    ) -> None:
        samples = network.n_samples if chosen is None else len(chosen)
        layers = []
        for index, (activation, (_, units), constant) in enumerate(network.layer_list()):
            output = new_buffer((units + constant, samples, lanes), dtype)
            output[units:] = 1
            value = output[:units]
            sop, residuals, delta = (new_buffer((units, samples, lanes), dtype) for _ in range(3))
            sop = sop if network.keeps_sops(index) else value
            layers.append(LayerArrays(activation, sop, value, residuals, delta, output))
        super().__init__(network, lanes, dtype, layers, chosen)
        if self.factors is not None:
            self._scaled = new_buffer((network.n_parameters, lanes), dtype)
        self._single_weight = network.n_parameters == self.inputs.size == 1 and not self.by_lane

    def prepare(self, parameters: Floats, out: Evaluation) -> list[Call]:
        """As for any network; the delta of a single weight stands where its gradient will."""
        if self._single_weight and out.gradient is not None:
            self.layers[0].delta = self.network.by_layer(out.gradient)[0]
        return super().prepare(parameters, out)

    def lanes_last(self, array: Floats) -> Floats:
        """A view (units, samples, lanes) of a layer's array."""
        return array

    def spread(self, targets: Floats) -> Floats:
        """Numbers (units, samples) that are the same in every lane, ready to broadcast."""
        # NumPy takes a microsecond less to begin with a number than with an array that holds one
        return targets.reshape(()) if targets.size == 1 else targets[:, :, None]

    def choose(self, table: Floats, chosen: Chosen) -> Floats:
        """An array (units, batch, lanes) for the chosen columns of a table (units, samples)."""
        found: Floats = new_buffer((len(table), *chosen.shape), table.dtype)
        self.choosing.append(partial(np.take, table, chosen, 1, found, "clip"))
        return found

    def over_predictions(self, ufunc: np.ufunc, array: Floats, out: Floats) -> Call:
        """Reduce an array of the last layer to one number a lane."""
        return partial(ufunc.reduce, array.reshape(-1, self.lanes), axis=0, out=out)

    def read(self, parameters: Floats) -> list[Call]:
        """The weights are used where they stand, unless their layers are scaled."""
        if self.factors is None:
            self._weights = self.network.by_layer(parameters)
            return []
        self._weights = self.network.by_layer(self._scaled)
        return [partial(np.multiply, parameters, self.factors, self._scaled)]

    def forward_sums(self, index: int) -> Call:
        """s_o = Σ_i w_io x_i for every sample."""
        weight, sop = self._weights[index], self.layers[index].sop
        if self._single_weight:
            return partial(np.multiply, weight, self.inputs.reshape(()), sop)
        if index == 0 and not self.by_lane:
            return partial(np.einsum, "iol,is->osl", weight, self.inputs, out=sop)
        above = self.layers[index - 1].output if index else self.inputs
        return partial(np.einsum, "iol,isl->osl", weight, above, out=sop)

    def input_gradients(self, index: int) -> Call:
        """d_i = Σ_o w_io d_o."""
        delta, below = self.layers[index].delta, self.layers[index + 1].delta
        weight = self._weights[index + 1][: len(delta)]
        if len(below) == 1:  # nothing to add up
            return partial(np.multiply, weight, below, delta)
        return partial(np.einsum, "iol,osl->isl", weight, below, out=delta)

    def weight_gradients(self, index: int, gradient: Floats) -> Call:
        """g_io = Σ_s x_i d_o."""
        delta, part = self.layers[index].delta, self.network.by_layer(gradient)[index]
        if self._single_weight:
            return partial(np.multiply, delta, self.gradient_inputs.reshape(()), part)
        if index == 0 and not self.by_lane:
            return partial(np.einsum, "is,osl->iol", self.gradient_inputs, delta, out=part)
        above = self.layers[index - 1].output if index else self.inputs
        return partial(np.einsum, "isl,osl->iol", above, delta, out=part)

    def write(self, gradient: Floats) -> list[Call]:
        """Gathering wrote it already, but for the scale of its layer."""
        if self.factors is None:
            return []
        return [partial(np.multiply, gradient, self.factors, gradient)]
