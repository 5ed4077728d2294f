"""The fast way to train: lanes run through windows of updates under cheap alarms.

An alarm may be false, never missing: a lane that raises one is put back to where the window
began and handed to `inspection`, which finds the exact step.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..numerics.buffers import new_buffer
from ..training import Training
from .block import Block
from .engines import ENGINES
from .lane_state import Array, LaneState
from .task import Task

_WINDOW = 64


def check_interval(training: Training) -> int:
    """Updates between two looks at the stop rules.

    A streak of `hold` checks does not fit between looks that are at most `hold` apart.
    """
    return min(training.hold, _WINDOW)


def window_length(training: Training) -> int:
    """Updates a window, a multiple of the distance of looks.

    A sixteenth of the budget, within the engine's limits: what is done once a window should cost
    little beside its updates, and the updates after a trial's end little beside the trial.
    """
    most = ENGINES[training.engine].longest_window[bool(training.stop)]
    length = min(max(_WINDOW, training.max_steps // 16), most)
    distance = check_interval(training)
    return length // distance * distance


class SteppingBlock(Block):
    """A block whose lanes are looked at once a window; how it makes updates is a subclass's."""

    def __init__(self, task: Task, lanes: LaneState) -> None:
        super().__init__(task, lanes)
        training, width = task.training, len(self.lanes)
        self.training = training
        self.length = window_length(training)
        self.distance = check_interval(training) if training.stop else self.length
        # what is not finite for one minibatch may be so for the next
        bounded = task.problem.loss_bound <= training.largest_loss
        self.watches_loss = training.batch is not None or not bounded
        self._snapshot = {name: array.copy() for name, array in self.moving().items()}
        self._snapshot["last_loss"] = self.lanes["last_loss"].copy()
        # what a window's updates leave behind: extremes at the looks, and of the last update the
        # loss before it, which stands in `loss`, and where it changed nothing
        self.smallest = {rule: new_buffer(width, training.dtype) for rule in training.stop}
        self.largest_loss = new_buffer(width, training.dtype)
        self.unchanged = np.zeros(width, bool)

    def make_updates(self) -> None:
        """Make `length` updates of all lanes; fill what is kept of a window."""
        raise TypeError("a block of windows makes updates")

    def run_window(self) -> tuple[Any, Any]:
        """Make `length` updates; returns which lanes raised an alarm, and which are near the end.

        Both (lanes,) bool. A lane near the end of its budget cannot run another window.
        """
        for name, array in self._snapshot.items():
            np.copyto(array, self.lanes[name])
        self.make_updates()
        np.copyto(self.lanes["last_loss"], self.loss)
        present = np.arange(len(self.steps)) < self.occupied
        event = self._detect_events() & present
        near = self.steps + self.length > self.training.max_steps
        return event, near & ~event & present

    def _detect_events(self) -> Any:
        """Lanes in which a rule may have held, or that diverged or stalled, in this window.

        Numbers that left the finite ones do not come back, and an update that changes nothing is
        followed by its like: of these the last update of a window tells enough.
        """
        event = ~np.isfinite(self.parameters).all(axis=0) | ~np.isfinite(self.loss)
        if self.watches_loss:
            event |= ~(self.largest_loss <= self.training.largest_loss)
        event |= self.unchanged
        if self.training.stop:
            held = np.ones(len(event), bool)
            for rule, threshold in self.training.stop.items():
                held &= self.smallest[rule] <= threshold
            event |= held
        return event

    def begin_of_window(self, index: Array) -> LaneState:
        """A copy of some lanes as they were when the window began."""
        lanes = self.lanes.take(index)
        for name, array in self._snapshot.items():
            lanes.columns[name] = np.take(array, index, axis=-1)
        lanes["step"][:] -= self.length
        return lanes
