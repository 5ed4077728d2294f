"""The updates of a block: what is common to all optimizers, and then the optimizer's own rule."""

from __future__ import annotations

import numpy as np

from ..ingredients.optimizers.protocol import Step
from ..ingredients.options import Floats
from .assignment import Assignment
from .lanes import Lanes

_ROWS = 4  # of scratch, one number a lane each


class Updates:
    """One update after the other of a block's lanes, from the gradient that stands there."""

    def __init__(self, assignment: Assignment, lanes: Lanes, gradient: Floats) -> None:
        parameters, width = lanes["parameters"], len(lanes)
        numbers = assignment.optimizer_constants() | lanes.part("number")
        rate = numbers["learning_rate"]
        self._update = assignment.optimizer.update
        self._step = Step(
            parameters,
            gradient,
            lanes.part("state"),
            numbers,
            rate,
            np.empty_like(parameters),
            np.empty(np.broadcast_shapes(rate.shape, (width,)), parameters.dtype),
            np.empty((_ROWS, width), parameters.dtype),
        )

    def make(self) -> None:
        """One update of all lanes; the gradient is used up."""
        self._update(self._step)
