"""The outputs of a network: their activation, and their loss with its slopes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial

import numpy as np

from ....numerics.buffers import new_buffer
from ...activations.protocol import CoupledActivation
from ...losses.protocol import CoupledLoss, Loss, OutputLoss
from ...options import Floats
from ..protocol import Call
from .arrays import LayerArrays


class Outputs(ABC):
    """The arrays of the last layer, and the calls that compute a loss from them."""

    @abstractmethod
    def forward(self) -> Call:
        """Fill the values from the sums of products."""

    @abstractmethod
    def terms(self, out: Floats) -> Call:
        """Fill `out`, of the values' shape, with the loss's terms; delta is p - t."""

    @abstractmethod
    def slopes(self) -> list[Call]:
        """Replace p - t in delta by the slopes of the terms."""


def outputs_of(
    loss: OutputLoss,
    last: LayerArrays,
    targets: Floats,
    lanes_last: Callable[[Floats], Floats],
) -> Outputs:
    """The outputs of a network; lanes_last: a view (outputs, samples, lanes) of an array."""
    work: Floats = new_buffer(last.delta.shape, last.delta.dtype)
    if isinstance(loss, CoupledLoss):
        per_lane = targets.shape == last.value.shape
        targets = lanes_last(targets) if per_lane else targets.reshape(*targets.shape[:2], 1)
        return _CoupledOutputs(loss, last, targets, work, lanes_last)
    assert isinstance(loss, Loss)
    return _SeparateOutputs(loss, last, targets, work)


class _SeparateOutputs(Outputs):
    """Every output has a loss of its own."""

    def __init__(self, loss: Loss, last: LayerArrays, targets: Floats, work: Floats) -> None:
        self._loss, self._last, self._targets, self._work = loss, last, targets, work

    def forward(self) -> Call:
        return self._last.forward()

    def terms(self, out: Floats) -> Call:
        last = self._last
        return partial(self._loss.terms, last.delta, last.sop, self._targets, out, self._work)

    def slopes(self) -> list[Call]:
        last = self._last
        if not self._loss.has_own_slopes:
            return []
        return [partial(self._loss.slopes, last.delta, last.sop, self._targets, self._work)]


class _CoupledOutputs(Outputs):
    """The outputs of a sample have a loss in common."""

    def __init__(
        self,
        loss: CoupledLoss,
        last: LayerArrays,
        targets: Floats,
        work: Floats,
        lanes_last: Callable[[Floats], Floats],
    ) -> None:
        assert isinstance(last.activation, CoupledActivation)
        self._loss, self._activation, self._targets = loss, last.activation, targets
        self._lanes_last = lanes_last
        arrays = (last.sop, last.value, last.residuals, last.delta, work)
        self._sop, self._value, self._residuals, self._delta, self._work = map(lanes_last, arrays)
        shape = (3, *self._sop.shape[1:])
        self._shared: Floats = np.empty_like(self._sop, shape=shape)  # in the same memory order

    def forward(self) -> Call:
        arrays = self._sop, self._value, self._residuals, self._shared
        return partial(self._activation.forward, *arrays)

    def terms(self, out: Floats) -> Call:
        arrays = self._shared, self._sop, self._targets, self._lanes_last(out), self._work
        return partial(self._loss.terms, *arrays)

    def slopes(self) -> list[Call]:
        arrays = self._residuals, self._shared, self._targets, self._delta, self._work
        return [partial(self._loss.slopes, *arrays)]
