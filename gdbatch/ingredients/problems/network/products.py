"""Networks of many units or samples: a matrix product a lane, done by BLAS.

Arrays are (lanes, units, samples). A product a lane gives the same bits at every place and
width, which one product for all lanes together would not.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ....numerics.buffers import new_buffer
from ...options import Floats
from ..prepared import Call
from ..protocol import Chosen
from .evaluator import LayerArrays, NetworkEvaluator

if TYPE_CHECKING:
    from .problem import Network


class ProductsEvaluator(NetworkEvaluator):
    """Lanes first: each lane's weights and values are small matrices of their own."""

    def __init__(
        self, network: Network, lanes: int, dtype: np.dtype[Any], chosen: Chosen | None = None
    ) -> None:
        samples = network.n_samples if chosen is None else len(chosen)
        layers = []
        for index, (activation, (_, units), constant) in enumerate(network.layer_list()):
            output = new_buffer((lanes, units + constant, samples), dtype)
            output[:, units:] = 1
            value = output[:, :units]
            sop, residuals, delta = (new_buffer((lanes, units, samples), dtype) for _ in range(3))
            sop = sop if network.keeps_sops(index) else value
            layers.append(LayerArrays(activation, sop, value, residuals, delta, output))
        super().__init__(network, lanes, dtype, layers, chosen)
        self._parameters = new_buffer((lanes, network.n_parameters), dtype)
        self._gradient = new_buffer((lanes, network.n_parameters), dtype)
        # (lanes, inputs, units) a layer
        self._weights = self._matrices(self._parameters)
        self._gradients = self._matrices(self._gradient)

    def _matrices(self, array: Floats) -> list[Floats]:
        views, start = [], 0
        for rows, columns in self.network.shapes:
            part = array[:, start : start + rows * columns]
            views.append(part.reshape(self.lanes, rows, columns))
            start += rows * columns
        return views

    def lanes_last(self, array: Floats) -> Floats:
        """A view (units, samples, lanes) of a layer's array."""
        return array.transpose(1, 2, 0)

    def spread(self, targets: Floats) -> Floats:
        """Numbers (units, samples) that are the same in every lane, ready to broadcast."""
        return targets

    def choose(self, table: Floats, chosen: Chosen) -> Floats:
        """An array (lanes, units, batch) for the chosen columns of a table (units, samples)."""
        rows, order = np.ascontiguousarray(table.T), new_buffer(chosen.T.shape, chosen.dtype)
        found: Floats = new_buffer((*order.shape, len(table)), table.dtype)
        self.choosing.append(partial(np.copyto, order, chosen.T))
        self.choosing.append(partial(np.take, rows, order, 0, found, "clip"))
        return found.swapaxes(1, 2)

    def over_predictions(self, ufunc: np.ufunc, array: Floats, out: Floats) -> Call:
        """Reduce an array of the last layer to one number a lane."""
        return partial(ufunc.reduce, array.reshape(self.lanes, -1), axis=1, out=out)

    def read(self, parameters: Floats) -> list[Call]:
        """The weights of a lane come to stand together."""
        if self.factors is None:
            return [partial(np.copyto, self._parameters, parameters.T)]
        return [partial(np.multiply, parameters.T, self.factors.T, self._parameters)]

    def _outputs_below(self, index: int) -> Floats:
        return self.layers[index - 1].output if index else self.inputs

    def forward_sums(self, index: int) -> Call:
        """S = Wᵀ X."""
        weight = self._weights[index].swapaxes(1, 2)
        return partial(np.matmul, weight, self._outputs_below(index), out=self.layers[index].sop)

    def input_gradients(self, index: int) -> Call:
        """D = W D', where D' is of the layer above."""
        layer, below = self.layers[index], self.layers[index + 1]
        weight = self._weights[index + 1][:, : layer.delta.shape[1]]
        if weight.shape[2] == 1:  # an outer product, at which BLAS is slow
            return partial(np.multiply, weight, below.delta, layer.delta)
        return partial(np.matmul, weight, below.delta, out=layer.delta)

    def weight_gradients(self, index: int, gradient: Floats) -> Call:
        """G = X Dᵀ."""
        above = self._outputs_below(index) if index else self.gradient_inputs
        delta = self.layers[index].delta.swapaxes(1, 2)
        return partial(np.matmul, above, delta, out=self._gradients[index])

    def write(self, gradient: Floats) -> list[Call]:
        """The gradient of a number comes to stand along the lanes."""
        if self.factors is None:
            return [partial(np.copyto, gradient, self._gradient.T)]
        return [partial(np.multiply, self._gradient.T, self.factors, gradient)]
