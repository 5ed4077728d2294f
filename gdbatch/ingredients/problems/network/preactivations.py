"""The sums of products of every layer, for measures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ...activations.protocol import Activation
from ...options import Floats
from ..layers import Layers


def preactivations(layers: Layers, parameters: Floats) -> Iterator[NDArray[np.float64]]:
    """The sums of products of one layer after another, (units, samples, lanes), in float64.

    parameters: (parameters, lanes).
    """
    parameters = parameters.astype(np.float64)
    if layers.factors is not None:
        parameters = parameters * layers.factors[:, None]
    rows = layers.inputs.T[:, :, None]
    value = np.broadcast_to(rows, (*rows.shape[:2], parameters.shape[1]))
    for weights, activation in zip(layers.views(parameters), layers.activations, strict=True):
        sop = np.einsum("iol,isl->osl", weights[: len(value)], value)
        if layers.bias:
            sop += weights[-1][:, None]
        yield sop
        if isinstance(activation, Activation):  # coupled outputs have no layer above
            value = np.empty_like(sop)
            activation.forward(sop, value, np.empty_like(sop))
