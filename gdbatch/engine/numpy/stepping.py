"""Updates one at a time in NumPy, for everything that can be trained."""

from __future__ import annotations

import numpy as np

from ...numerics.buffers import new_buffer
from ..block import Prepared, same_lanes
from ..lane_state import LaneState
from ..stepping import SteppingBlock
from ..task import Task


class NumpySteppingBlock(SteppingBlock):
    """Makes updates one by one, in NumPy; whatever is trained."""

    def __init__(self, task: Task, lanes: LaneState) -> None:
        super().__init__(task, lanes)
        self._counts_steps = (
            task.problem.uses_step or task.rate_varies or task.training.batch is not None
        )
        self._can_stall = task.can_stall
        measured = set(self.training.stop)
        watched = {"loss"} if self.watches_loss else set()
        self._lean = self.wanted(*watched)
        self._check = self.wanted(*(measured | watched))
        self._full = self.wanted(*(measured | {"loss"}))
        self._size = new_buffer(self.loss.shape, self.loss.dtype)
        self._before = {name: array.copy() for name, array in self.moving().items()}

    def make_updates(self) -> None:
        """Make `length` updates of all lanes; fill what is kept of a window."""
        for smallest in self.smallest.values():
            smallest.fill(np.inf)
        self.largest_loss.fill(0)
        for count in range(1, self.length):
            if count % self.distance == 0:
                self._advance(self._check, self.training.stop)
            else:
                self._advance(self._lean, {})
        if self._can_stall:
            for name, array in self._before.items():
                np.copyto(array, self.lanes[name])
        self._advance(self._full, self.training.stop)
        if self._can_stall:
            self.unchanged[:] = same_lanes(self._before, self.moving())
        if not self._counts_steps:
            np.add(self.steps, self.length, self.steps)

    def _advance(self, evaluation: Prepared, rules: dict[str, float]) -> None:
        """Evaluate, keep the extremes of what is watched, update."""
        evaluation.evaluate()
        if self.watches_loss:
            np.absolute(self.loss, self._size)
            np.maximum(self.largest_loss, self._size, out=self.largest_loss)
        for rule in rules:
            if rule == "gradient_norm":
                self.measure_gradient_norm()
            np.minimum(self.smallest[rule], getattr(self, rule), out=self.smallest[rule])
        self.step()
        if self._counts_steps:
            np.add(self.steps, 1, self.steps)
