"""The Hessian of a network's loss times a direction, exactly, without the Hessian.

The chain rule is taken along the direction: every number x of the gradient's own computation has a
rate R(x) at which it changes there, and R of the gradient is the product (Pearlmutter 1994).
Always in float64 and of the true gradient, whatever the sweep trains by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...options import Floats

if TYPE_CHECKING:
    from .problem import Network


class NetworkCurvature:
    """A network at parameters (parameters, lanes), ready to be multiplied by directions."""

    def __init__(self, network: Network, parameters: Floats) -> None:
        self._network = network
        self._factors = 1.0 if network.factors is None else network.factors[:, None]
        self._weights = self._by_layer(parameters)
        lanes = parameters.shape[1]
        inputs = np.broadcast_to(network.inputs.T[:, :, None], (*network.inputs.T.shape, lanes))
        # all (units, samples, lanes); with the biases, whose input is 1
        self._outputs = [self._with_bias(inputs, 1.0)]
        self._slopes, self._second_derivatives = [], []
        for weights, activation in zip(self._weights, network.activations, strict=True):
            sop = np.einsum("iol,isl->osl", weights, self._outputs[-1])
            value, residuals, slope = np.empty_like(sop), np.empty_like(sop), np.ones_like(sop)
            activation.forward(sop, value, residuals)
            activation.backward(slope, sop, value.copy(), residuals)  # which it may use up
            self._slopes.append(slope)
            self._second_derivatives.append(activation.second_derivative(sop))
            self._outputs.append(self._with_bias(value, 1.0))
        self._factor = network.loss.factor(network.n_predictions)
        self._find_deltas(value)

    def _find_deltas(self, predictions: Floats) -> None:
        """How the loss changes with every layer's values, and with its sums of products."""
        delta = self._factor * (predictions - self._network.target_rows.T[:, :, None])
        self._by_value: list[Floats] = []
        self._by_sop: list[Floats] = []
        for layer in reversed(range(len(self._weights))):
            self._by_value.insert(0, delta)
            by_sop = delta if self._cancels(layer) else delta * self._slopes[layer]
            self._by_sop.insert(0, by_sop)
            delta = np.einsum("iol,osl->isl", self._inner(self._weights[layer]), by_sop)

    def product(self, direction: Floats) -> Floats:
        """The Hessian times a direction, (parameters, lanes)."""
        directions = self._by_layer(direction)
        changes = [np.zeros_like(self._outputs[0])]  # of the outputs; the inputs stay
        by_sop = []
        for layer, (weights, towards) in enumerate(zip(self._weights, directions, strict=True)):
            sop = np.einsum("iol,isl->osl", towards, self._outputs[layer])
            sop += np.einsum("iol,isl->osl", weights, changes[-1])
            by_sop.append(sop)
            changes.append(self._with_bias(self._slopes[layer] * sop, 0.0))
        units = len(self._by_value[-1])
        delta = self._factor * changes[-1][:units]
        product = np.empty_like(direction)
        parts = self._network.by_layer(product)
        for layer in reversed(range(len(self._weights))):
            if not self._cancels(layer):
                delta = delta * self._slopes[layer]
                delta += self._by_value[layer] * self._second_derivatives[layer] * by_sop[layer]
            part = np.einsum("isl,osl->iol", changes[layer], self._by_sop[layer])
            part += np.einsum("isl,osl->iol", self._outputs[layer], delta)
            parts[layer][:] = part
            below = np.einsum("iol,osl->isl", self._inner(self._weights[layer]), delta)
            towards = self._inner(directions[layer])
            delta = below + np.einsum("iol,osl->isl", towards, self._by_sop[layer])
        product *= self._factors
        return product

    def _by_layer(self, array: Floats) -> list[Floats]:
        """Parameters, or a direction, as the layers use them."""
        return self._network.by_layer(array * self._factors)

    def _cancels(self, layer: int) -> bool:
        """Whether the slope of a layer cancels against the loss."""
        return layer == len(self._weights) - 1 and self._network.loss.through_sigmoid

    def _inner(self, weights: Floats) -> Floats:
        """Without those of the biases, through which there is no way back."""
        return weights[:-1] if self._network.options.bias else weights

    def _with_bias(self, values: Floats, constant: float) -> Floats:
        if not self._network.options.bias:
            return values
        return np.concatenate([values, np.full((1, *values.shape[1:]), constant)])
