"""Stepping in NumPy, one update at a time, for every problem and optimizer."""

from __future__ import annotations

import numpy as np

from ...numerics.buffers import new_buffer
from ..block import Prepared
from ..lane_state import LaneState
from ..protocol import Engine
from ..stepping import SteppingBlock
from ..task import Task


class NumpySteppingBlock(SteppingBlock):
    """Makes the updates of an interval one by one."""

    def __init__(self, task: Task, engine: Engine, lanes: LaneState, interval: int) -> None:
        super().__init__(task, engine, lanes, interval)
        self._counts_steps = (
            task.problem.uses_step or task.rate_varies or task.training.batch is not None
        )
        self._is_autonomous = task.is_autonomous
        read = {name for rule, _ in self.rules for name in rule.reads}
        self._reads_norm = "gradient_norm" in read
        watched = {"loss"} if self.watches_loss else set()
        self._lean = self.wanted(*watched)
        self._check = self.wanted(*(read | watched))
        self._full = self.wanted(*(read | {"loss"}))
        self._size = new_buffer(self.loss.shape, self.loss.dtype)
        self._before = {name: array.copy() for name, array in self.moving().items()}

    def make_updates(self) -> None:
        for (rule, _), extreme in zip(self.rules, self.extremes, strict=True):
            rule.reset(extreme)
        self.largest_loss.fill(0)
        offset = 0 if self.training.check_every > 1 else 1
        for made in range(self.interval - 1):
            self._note_quantities(made)
            if (made + offset) % self.check_every == 0:
                self._advance(self._check, is_check=True)
            else:
                self._advance(self._lean, is_check=False)
        self._note_quantities(self.interval - 1)
        if self._is_autonomous:
            for name, array in self._before.items():
                np.copyto(array, self.lanes[name])
        self._advance(self._full, is_check=True)
        if self._is_autonomous:
            self.unchanged[:] = self.unchanged_lanes(self._before)
        if not self._counts_steps:
            np.add(self.steps, self.interval, self.steps)

    def _note_quantities(self, made: int) -> None:
        if self._has_quantities:
            self.note_due_quantities(made, self.steps if self._counts_steps else self.steps + made)

    def _advance(self, evaluation: Prepared, is_check: bool) -> None:
        """Evaluate, track extremes, update."""
        evaluation.evaluate()
        if self.watches_loss:
            np.absolute(self.loss, self._size)
            np.maximum(self.largest_loss, self._size, out=self.largest_loss)
        if is_check:
            if self._reads_norm:
                self.measure_gradient_norm()
            for (rule, _), extreme in zip(self.rules, self.extremes, strict=True):
                rule.update(extreme, rule.value(self))
        self.step()
        if self._counts_steps:
            np.add(self.steps, 1, self.steps)
