"""Stepping and event detection: lanes make many updates between two checks.

An event may be detected falsely, never missed: a lane with one is put back to where the interval
began and handed to `event_location`, which finds the exact step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from ..numerics.buffers import new_buffer
from ..training import Training
from .block import Block
from .lane_state import Array, LaneState
from .protocol import Engine
from .task import Task

_FEWEST_UPDATES = 64

Mask = NDArray[np.bool_]


def check_interval(training: Training) -> int:
    """Updates between two evaluations of the stop rules.

    A streak of `hold` checks does not fit between evaluations that are at most `hold` apart.
    """
    return min(training.hold, _FEWEST_UPDATES)


def detection_interval(training: Training, longest: int) -> int:
    """Updates between two event detections, a multiple of the check interval.

    A sixteenth of the budget, within limits: detection should cost little compared with the
    updates, and the updates after a trial's end little compared with the trial.
    """
    length = min(max(_FEWEST_UPDATES, training.max_steps // 16), longest)
    distance = check_interval(training)
    return length // distance * distance


class SteppingBlock(Block, ABC):
    """A block that detects events once per interval; subclasses make the updates."""

    def __init__(self, task: Task, engine: Engine, lanes: LaneState, interval: int) -> None:
        super().__init__(task, engine, lanes)
        training, width = task.training, len(self.lanes)
        self.training, self.rules = training, training.rules
        self.interval, self._last_unchecked = interval, task.last_unchecked
        self.distance = check_interval(training) if training.stop else interval
        # what is not finite for one minibatch may be finite for the next
        lowest_limit = training.loss_limit(np.zeros(1, training.dtype))[0]
        bounded = task.problem.loss_bound <= lowest_limit
        self.watches_loss = training.batch is not None or not bounded
        self._snapshot = {name: array.copy() for name, array in self.moving().items()}
        self._snapshot["last_loss"] = self.lanes["last_loss"].copy()
        # what the updates of an interval leave behind: extremes at the checks, in `loss` the loss
        # before the last update, and where the last update changed nothing
        self.extremes = [new_buffer(width, training.dtype) for _ in self.rules]
        self.largest_loss = new_buffer(width, training.dtype)
        self.unchanged = np.zeros(width, bool)

    @abstractmethod
    def make_updates(self) -> None:
        """Make `interval` updates of all lanes, and fill what they leave behind."""

    def run(self) -> None:
        """Make `interval` updates; `begin_of_interval` has the lanes as they were before."""
        for name, array in self._snapshot.items():
            np.copyto(array, self.lanes[name])
        self.make_updates()
        np.copyto(self.lanes["last_loss"], self.loss)

    def near_end(self) -> Mask:
        """Lanes that must not make the updates of another interval unchecked."""
        return self._present() & (self.steps + self.interval > self._last_unchecked)

    def detect_events(self) -> Mask:
        """Lanes in which the rules may have held, or that diverged or stalled, in this interval.

        Parameters that are not finite stay so, and an update that changes nothing is followed by
        others like it: for both, the last update of an interval is enough.
        """
        event = ~np.isfinite(self.parameters).all(axis=0) | ~np.isfinite(self.loss)
        if self.watches_loss:
            event |= ~(self.largest_loss <= self.training.loss_limit(self.initial_loss))
        event |= self.unchanged
        if self.rules:
            held = np.ones(len(event), bool)
            for (rule, threshold), extreme in zip(self.rules, self.extremes, strict=True):
                held &= rule.holds(extreme, threshold)
            event |= held
        return event & self._present()

    def begin_of_interval(self, index: Array) -> LaneState:
        """A copy of some lanes as they were when the interval began."""
        lanes = self.lanes.take(index)
        for name, array in self._snapshot.items():
            lanes.columns[name] = np.take(array, index, axis=-1)
        lanes["step"][:] -= self.interval
        return lanes

    def _present(self) -> Mask:
        return np.arange(len(self.steps)) < self.occupied
