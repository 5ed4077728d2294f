"""The training loop: keeps a block full until no trials are waiting.

Waiting trials replace those that have ended, so a sweep costs the sum of its trials' lengths, not
the longest length times their number.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ..ingredients.measures.protocol import MeasureOptions
from .block import FEWEST_LANES, begin
from .event_location import EventLocation
from .lane_state import Array, LaneState
from .metrics import train_observed
from .protocol import Engine
from .results import Results
from .stepping import SteppingBlock, detection_interval
from .task import Task

_LOCATE_FROM = 0.25  # ratio of lanes waiting for event location to lanes in training
_COMPACT_BELOW = 0.75  # share of a block in use below which it shrinks


class LaneEngine(Engine):
    """An engine that steps many lanes at once; a subclass provides the stepping."""

    # maximum number of updates between event detections, without and with a stop rule
    longest_intervals: ClassVar[tuple[int, int]]

    @abstractmethod
    def stepping_block(self, task: Task, lanes: LaneState, interval: int) -> SteppingBlock:
        """A block that steps these lanes, `interval` updates at a time."""

    def find_events(
        self, task: Task, lanes: LaneState, interval: int
    ) -> tuple[LaneState | None, LaneState | None]:
        """Split lanes into those for event location and those without an event.

        Each lane may have an event within `interval` updates, or is closer than that to
        `task.last_unchecked`. An engine that steps faster than event location may advance lanes to
        just before the event.
        """
        return lanes, None

    def train(self, task: Task, results: Results, measures: Sequence[MeasureOptions] = ()) -> None:
        if measures and not task.training.stop:
            train_observed(task, self, measures, results)
        else:
            _Loop(task, self, results).run()


class _Queue:
    """Trials waiting for a lane: first those put back, then those not yet started."""

    def __init__(self, task: Task, engine: Engine, results: Results) -> None:
        self._task = task
        self._engine = engine
        self._results = results
        self._begun = 0
        self._waiting: deque[LaneState] = deque()
        self.batch = task.block_width

    def __bool__(self) -> bool:
        return bool(self._waiting) or self._begun < len(self._task)

    def put_back(self, lanes: LaneState) -> None:
        """Queue lanes that continue training."""
        self._waiting.append(lanes)

    def next(self, most: int) -> LaneState:
        """Up to `most` lanes; the queue must not be empty."""
        taken: list[LaneState] = []
        while most and self:
            if not self._waiting:
                self._waiting.append(self._begin_batch())
            lanes = self._waiting.popleft()
            if len(lanes) > most:
                self._waiting.appendleft(lanes.take(slice(most, None)))
                lanes = lanes.take(slice(0, most))
            taken.append(lanes)
            most -= len(lanes)
        return LaneState.join(taken)

    def _begin_batch(self) -> LaneState:
        end = min(self._begun + self.batch, len(self._task))
        rows = np.arange(self._begun, end)
        self._begun += len(rows)
        return begin(self._task, self._engine, rows, self._results)


class _Loop:
    """Steps a full block and locates the events detected in it."""

    def __init__(self, task: Task, engine: LaneEngine, results: Results) -> None:
        self._task = task
        self._engine = engine
        self._queue = _Queue(task, engine, results)
        self._event_location = EventLocation(task, engine, results)
        self._eventful: list[LaneState] = []
        longest = engine.longest_intervals[bool(task.training.stop)]
        self._interval = detection_interval(task, longest)
        self._fits = self._interval <= task.last_unchecked

    def run(self) -> None:
        """Train all trials to their end."""
        block = self._new_block()
        while block or self._eventful:
            free = np.zeros(0, np.int64)
            if block:
                block.run()
                event, near = block.detect_events(), block.near_end()
                if event.any():
                    self._eventful.append(block.start_of_interval(np.flatnonzero(event)))
                if (near & ~event).any():
                    self._eventful.append(block.lanes.take(np.flatnonzero(near & ~event)))
                free = np.flatnonzero(event | near)
            if sum(map(len, self._eventful)) > _LOCATE_FROM * (block.occupied if block else 0):
                self._locate_events()
            block = self._refill(block, free) if block else self._new_block()

    def _new_block(self) -> SteppingBlock | None:
        """A block of waiting lanes; None if there are none or they cannot be stepped."""
        if not self._queue:
            return None
        lanes = self._queue.next(self._queue.batch)
        if not self._fits:  # an interval is longer than the unchecked part of the budget
            self._eventful.append(lanes)
            return None
        return self._engine.stepping_block(self._task, lanes, self._interval)

    def _locate_events(self) -> None:
        """Locate the events detected so far; lanes without one return to the queue."""
        detected, self._eventful = LaneState.join(self._eventful), []
        lanes, quiet = self._engine.find_events(self._task, detected, self._interval)
        if quiet is not None:
            self._queue.put_back(quiet)
        if lanes is None:
            return
        for start in range(0, len(lanes), self._queue.batch):
            part = lanes.take(slice(start, start + self._queue.batch))
            back = self._event_location.run(part, self._interval)
            if back is not None:
                self._queue.put_back(back)

    def _refill(self, block: SteppingBlock, free: Array) -> SteppingBlock | None:
        """Load waiting lanes into free slots and close any gaps that remain."""
        if free.size and self._queue:
            fresh = self._queue.next(len(free))
            block.lanes.put(free[: len(fresh)], fresh)
            free = free[len(fresh) :]
        return self._shrink(block, free) if free.size else block

    def _shrink(self, block: SteppingBlock, free: Array) -> SteppingBlock | None:
        """Move lanes from the end of the block into free slots."""
        left = block.occupied - len(free)
        if left == 0:
            return None
        stay = np.setdiff1d(np.arange(left, block.occupied), free)
        block.lanes.put(free[free < left], block.lanes.take(stay))
        block.occupied = left
        if left < _COMPACT_BELOW * len(block.lanes) and len(block.lanes) > FEWEST_LANES:
            lanes = block.lanes.take(slice(0, left))
            return self._engine.stepping_block(self._task, lanes, self._interval)
        return block
