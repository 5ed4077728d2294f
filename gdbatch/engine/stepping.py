"""Stepping and event detection: lanes make many updates between two checks.

Detection may raise false alarms but never misses an event: a lane with one returns to the start of
the interval, and `event_location` finds the exact step.
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

    Evaluations at most `hold` updates apart cannot miss a streak of `hold` checks.
    """
    if training.check_every > 1:
        return training.check_every
    return min(training.hold, _FEWEST_UPDATES)


def detection_interval(task: Task, longest: int) -> int:
    """Updates between two event detections, a multiple of those between evaluations.

    A sixteenth of the budget, within limits: detection should cost little compared with the
    updates, and updates after a trial's end little compared with the trial.
    """
    training = task.training
    length = min(max(_FEWEST_UPDATES, training.max_steps // 16), longest)
    unit = training.every if task.quantities else check_interval(training)
    return max(1, length // unit) * unit


class SteppingBlock(Block, ABC):
    """A block that detects events once per interval; subclasses make the updates."""

    def __init__(self, task: Task, engine: Engine, lanes: LaneState, interval: int) -> None:
        super().__init__(task, engine, lanes)
        training, width = task.training, len(self.lanes)
        self.training, self.rules = training, training.rules
        self.interval, self._last_unchecked = interval, task.last_unchecked
        self.check_every = check_interval(training) if training.stop else interval
        # a loss that is not finite on one minibatch may be finite on the next
        lowest_limit = training.loss_limit(np.zeros(1, training.dtype))[0]
        bounded = task.problem.loss_bound <= lowest_limit
        self.watches_loss = training.batch is not None or not bounded
        self._snapshot = {name: array.copy() for name, array in self.moving().items()}
        for name in ("last_loss", *self.lanes.names("best"), *self.lanes.names("best_step")):
            self._snapshot[name] = self.lanes[name].copy()
        # filled by `make_updates`, with `loss` before the last update: extremes at the checks, the
        # largest loss, and which lanes the last update left unchanged
        self.extremes = [new_buffer(width, training.dtype) for _ in self.rules]
        self.largest_loss = new_buffer(width, training.dtype)
        self.unchanged = np.zeros(width, bool)
        self._has_quantities = bool(task.quantities)
        self._out_of_patience = np.zeros(width, bool)

    @abstractmethod
    def make_updates(self) -> None:
        """Make `interval` updates of all lanes; fills extremes, losses and `unchanged`."""

    def run(self) -> None:
        """Make `interval` updates; `start_of_interval` returns the lanes as they were before."""
        for name, array in self._snapshot.items():
            np.copyto(array, self.lanes[name])
        self._out_of_patience.fill(False)
        self.make_updates()
        np.copyto(self.lanes["last_loss"], self.loss)

    def note_due_quantities(self, made: int, steps: NDArray[np.int64]) -> None:
        """Evaluate quantities if they are due; called before every update or every few.

        made: the number of updates in this interval so far, after which lanes are at `steps`. All
        intervals begin at a step at which quantities are due.
        """
        if self._has_quantities and made % self.training.every == 0:
            self._out_of_patience |= self.note_quantities(steps)

    def near_end(self) -> Mask:
        """Lanes that another interval would take past `task.last_unchecked`."""
        return self._present() & (self.steps + self.interval > self._last_unchecked)

    def detect_events(self) -> Mask:
        """Lanes in which the rules may have held, or that diverged or stalled, in this interval.

        Parameters that are not finite stay so, and an update that changes nothing repeats, so for
        both it is enough to check the last update of an interval.
        """
        event = ~np.isfinite(self.parameters).all(axis=0) | ~np.isfinite(self.loss)
        if self.watches_loss:
            event |= ~(self.largest_loss <= self.training.loss_limit(self.initial_loss))
        event |= self.unchanged | self._out_of_patience
        if self.rules:
            held = np.ones(len(event), bool)
            for (rule, threshold), extreme in zip(self.rules, self.extremes, strict=True):
                held &= rule.holds(extreme, threshold)
            event |= held
        return event & self._present()

    def start_of_interval(self, index: Array) -> LaneState:
        """A copy of the indexed lanes as they were at the start of the interval."""
        lanes = self.lanes.take(index)
        for name, array in self._snapshot.items():
            lanes.columns[name] = np.take(array, index, axis=-1)
        lanes["step"][:] -= self.interval
        return lanes

    def _present(self) -> Mask:
        return np.arange(len(self.steps)) < self.occupied
