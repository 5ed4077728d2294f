"""Exact Hessian-vector products of a network's loss, without forming the Hessian.

Every number x in the computation of the gradient has a directional derivative R(x); R of the
gradient is the product (Pearlmutter 1994). It is computed in float64 and for the true gradient,
whatever `dtype` and `derivative_at` the sweep trains with.
"""

from __future__ import annotations

import numpy as np

from ....numerics.lanczos import Values
from ...activations.protocol import Activation, CoupledActivation
from ...losses.protocol import CoupledLoss, Loss
from ...options import Floats
from ..layers import Layers


class NetworkHessian:
    """The Hessian at parameters (parameters, lanes), ready to be multiplied by directions."""

    _factor: float | Floats  # of the slopes

    def __init__(self, layers: Layers, parameters: Floats) -> None:
        self._layers = layers
        self._factors = 1.0 if layers.factors is None else layers.factors[:, None]
        self._weights = layers.views(parameters * self._factors)
        lanes = parameters.shape[1]
        inputs = np.broadcast_to(layers.inputs.T[:, :, None], (*layers.inputs.T.shape, lanes))
        # all (units, samples, lanes); the outputs include the bias input, which is 1
        self._outputs = [self._with_bias(inputs, 1.0)]
        self._derivatives: list[Floats] = []  # of coupled outputs, none
        self._second_derivatives: list[Floats] = []
        for weights, activation in zip(self._weights, layers.activations, strict=True):
            sop = np.einsum("iol,isl->osl", weights, self._outputs[-1])
            value, residuals = np.empty_like(sop), np.empty_like(sop)
            if isinstance(activation, CoupledActivation):
                shared: Floats = np.empty((3, *sop.shape[1:]))
                activation.forward(sop, value, residuals, shared)
            else:
                assert isinstance(activation, Activation)
                derivative = np.ones_like(sop)
                activation.forward(sop, value, residuals)
                activation.backward(derivative, sop, value.copy(), residuals)  # overwrites values
                self._derivatives.append(derivative)
                self._second_derivatives.append(activation.second_derivative(sop))
            self._outputs.append(self._with_bias(value, 1.0))
        self._value = value
        self._targets = layers.targets.T[:, :, None]
        self._factor = layers.loss.factor(layers.n_terms)
        if layers.weights is not None:  # (samples, 1)
            self._factor = self._factor * layers.weights[:, None]
        self._compute_deltas(value - self._targets, sop)

    def _compute_deltas(self, difference: Floats, sop: Floats) -> None:
        """The loss gradients with respect to every layer's values and sums of products."""
        loss = self._layers.loss
        slopes = difference.copy()
        if isinstance(loss, Loss) and loss.has_own_slopes:
            loss.slopes(slopes, sop, self._targets, np.empty_like(slopes))
        delta = self._factor * slopes
        self._difference = difference
        self._by_value: list[Floats] = []
        self._by_sop: list[Floats] = []
        for layer in reversed(range(len(self._weights))):
            self._by_value.insert(0, delta)
            by_sop = delta if self._cancels(layer) else delta * self._derivatives[layer]
            self._by_sop.insert(0, by_sop)
            delta = np.einsum("iol,osl->isl", self._without_bias(self._weights[layer]), by_sop)

    def product(self, direction: Values) -> Values:
        """The Hessian times a direction, (parameters, lanes)."""
        directions = self._layers.views(direction * self._factors)
        changes = [np.zeros_like(self._outputs[0])]  # R of the outputs; the inputs are constant
        by_sop = []
        for layer, (weights, towards) in enumerate(zip(self._weights, directions, strict=True)):
            sop = np.einsum("iol,isl->osl", towards, self._outputs[layer])
            sop += np.einsum("iol,isl->osl", weights, changes[-1])
            by_sop.append(sop)
            changes.append(self._with_bias(self._change(layer, sop), 0.0))
        delta = self._factor * self._slope_changes(changes[-1][: len(self._value)])
        product = np.empty_like(direction)
        parts = self._layers.views(product)
        for layer in reversed(range(len(self._weights))):
            if not self._cancels(layer):
                delta = delta * self._derivatives[layer]
                delta += self._by_value[layer] * self._second_derivatives[layer] * by_sop[layer]
            part = np.einsum("isl,osl->iol", changes[layer], self._by_sop[layer])
            part += np.einsum("isl,osl->iol", self._outputs[layer], delta)
            parts[layer][:] = part
            below = np.einsum("iol,osl->isl", self._without_bias(self._weights[layer]), delta)
            towards = self._without_bias(directions[layer])
            delta = below + np.einsum("iol,osl->isl", towards, self._by_sop[layer])
        product *= self._factors
        return product

    def _change(self, layer: int, sop: Floats) -> Floats:
        """R of a layer's values, from R of its sums of products."""
        activation = self._layers.activations[layer]
        if isinstance(activation, CoupledActivation):
            return activation.change(self._value, sop)
        change: Floats = self._derivatives[layer] * sop
        return change

    def _slope_changes(self, changes: Floats) -> Floats:
        """R of the loss's slopes, from R of the predictions."""
        loss = self._layers.loss
        if isinstance(loss, CoupledLoss):
            return changes  # slopes are p - t
        assert isinstance(loss, Loss)
        return loss.slope_changes(self._difference, self._targets, changes)

    def _cancels(self, layer: int) -> bool:
        """Whether the derivative of a layer's activation cancels against the loss."""
        return layer == len(self._weights) - 1 and self._layers.loss_takes_sop

    def _without_bias(self, weights: Floats) -> Floats:
        """The weights without those of the biases, which have no inputs to pass gradients to."""
        return weights[:-1] if self._layers.bias else weights

    def _with_bias(self, values: Floats, constant: float) -> Floats:
        if not self._layers.bias:
            return values
        return np.concatenate([values, np.full((1, *values.shape[1:]), constant)])
