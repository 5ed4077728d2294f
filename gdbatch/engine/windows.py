"""The fast way to train: lanes run through windows of updates under cheap alarms.

An alarm may be false, never missing: a lane that raises one is put back to where the window
began and handed to `inspection`, which finds the exact step.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ingredients.buffers import new_buffer
from ..ingredients.problems.protocol import Evaluation
from .assignment import Assignment
from .block import Block, same_lanes
from .engines import ENGINES
from .lanes import Array, Lanes
from .outcomes import Training

_WINDOW = 64


def look_distance(training: Training) -> int:
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
    distance = look_distance(training)
    return length // distance * distance


class WindowBlock(Block):
    """A block whose lanes are looked at once a window; how it makes updates is a subclass's."""

    def __init__(self, assignment: Assignment, lanes: Lanes) -> None:
        super().__init__(assignment, lanes)
        training, width = assignment.training, len(self.lanes)
        self.training = training
        self.length = window_length(training)
        self.distance = look_distance(training) if training.stop else self.length
        # what is not finite for one minibatch may be so for the next
        bounded = assignment.problem.loss_bound <= training.largest_loss
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
        alarm = self._alarms() & present
        near = self.steps + self.length > self.training.max_steps
        return alarm, near & ~alarm & present

    def _alarms(self) -> Any:
        """Lanes in which a rule may have held, or that diverged or stalled, in this window.

        Numbers that left the finite ones do not come back, and an update that changes nothing is
        followed by its like: of these the last update of a window tells enough.
        """
        alarm = ~np.isfinite(self.parameters).all(axis=0) | ~np.isfinite(self.loss)
        if self.watches_loss:
            alarm |= ~(self.largest_loss <= self.training.largest_loss)
        alarm |= self.unchanged
        if self.training.stop:
            held = np.ones(len(alarm), bool)
            for rule, threshold in self.training.stop.items():
                held &= self.smallest[rule] <= threshold
            alarm |= held
        return alarm

    def begin_of_window(self, index: Array) -> Lanes:
        """A copy of some lanes as they were when the window began."""
        lanes = self.lanes.take(index)
        for name, array in self._snapshot.items():
            lanes.columns[name] = np.take(array, index, axis=-1)
        lanes["step"][:] -= self.length
        return lanes


class NumpyWindowBlock(WindowBlock):
    """Makes updates one by one, in NumPy; whatever is trained."""

    def __init__(self, assignment: Assignment, lanes: Lanes) -> None:
        super().__init__(assignment, lanes)
        self._counts_steps = (
            assignment.problem.uses_step
            or assignment.rate_varies
            or assignment.training.batch is not None
        )
        self._can_stall = assignment.can_stall
        measured = set(self.training.stop)
        watched = {"loss"} if self.watches_loss else set()
        self._lean = self.wanted(*watched)
        self._look = self.wanted(*(measured | watched))
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
                self._advance(self._look, self.training.stop)
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

    def _advance(self, out: Evaluation, rules: dict[str, float]) -> None:
        """Evaluate, keep the extremes of what is watched, update."""
        self.evaluate(out)
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
