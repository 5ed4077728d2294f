"""The share of samples whose class is right."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from ....numerics.buffers import new_buffer
from ...options import Floats
from ..layers import Layers
from ..protocol import Call


class Accuracy:
    """The (weighted) share of samples whose class is right, for every lane.

    The class is the largest output, the first of equals. A single output decides between two
    classes: the second one from `threshold` on.
    """

    def __init__(
        self, values: Floats, targets: Floats, weights: Floats | None, threshold: float
    ) -> None:
        """values: (outputs, samples, lanes); targets and weights broadcast to it."""
        self._values, self._weights = values, weights
        self._targets = np.broadcast_to(targets, values.shape)
        self._threshold = values.dtype.type(threshold)
        shape, dtype = values.shape[1:], values.dtype
        self._found, self._wanted = (new_buffer(shape, np.intp) for _ in range(2))
        self._largest, self._shares = (new_buffer(shape, dtype) for _ in range(2))
        self._mask: NDArray[np.bool_] = new_buffer(shape, np.bool_)

    def fill(self, out: Floats) -> Call:
        """Fill `out`, (lanes,), from the current values and targets."""
        shares, weights = self._shares, self._weights
        total = np.empty_like(out)

        def measure() -> None:
            self._classes(self._values, self._found)
            self._classes(self._targets, self._wanted)
            np.equal(self._found, self._wanted, out=self._mask)
            if weights is None:
                np.add.reduce(self._mask, axis=0, dtype=out.dtype, out=out)
                np.divide(out, len(shares), out)
                return
            np.copyto(shares, weights)
            np.add.reduce(shares, axis=0, out=total)
            np.multiply(shares, self._mask, shares)
            np.add.reduce(shares, axis=0, out=out)
            np.divide(out, total, out)

        return measure

    def _classes(self, outputs: Floats, classes: NDArray[np.intp]) -> None:
        mask, largest = self._mask, self._largest
        if len(outputs) == 1:
            np.greater_equal(outputs[0], self._threshold, out=mask)
            np.copyto(classes, mask)
            return
        np.copyto(largest, outputs[0])
        classes.fill(0)
        for number, output in enumerate(outputs[1:], 1):
            np.greater(output, largest, out=mask)
            np.copyto(classes, number, where=mask)
            np.maximum(largest, output, out=largest)


def accuracy_of(layers: Layers, predictions: Floats, out: Floats) -> Call:
    """Fill `out`, (lanes,), from all predictions, (samples·outputs, lanes)."""
    if not layers.has_classes:
        return partial(out.fill, np.nan)
    dtype = predictions.dtype
    values = predictions.reshape(layers.n_samples, -1, len(out)).swapaxes(0, 1)
    targets = layers.targets.T[:, :, None].astype(dtype)
    weights = None if layers.weights is None else layers.weights[:, None].astype(dtype)
    return Accuracy(values, targets, weights, layers.class_threshold).fill(out)
