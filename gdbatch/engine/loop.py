"""The loop: keeps a block full until the queue is empty, and every trial's end exact.

Lanes that are done leave and waiting trials take their place, so a sweep costs what its trials
need, not the longest of them times all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from ..ingredients.measures.protocol import MeasureOptions
from .block import FEWEST_LANES, begin
from .engines import ENGINES
from .event_location import EventLocation
from .lane_state import LaneState
from .metrics import can_observe, measure, needs_ends, train_observed
from .results import Results
from .stepping import SteppingBlock, window_length
from .task import Task
from .trajectories import Recording, record

_INSPECT_FROM = 0.25  # lanes waiting for inspection, as a share of those that train
_BUFFER = 256  # numbers; rows at least half as long are not copied
_COMPACT_BELOW = 0.75  # share of a block in use at which it is made smaller


def train(
    task: Task,
    recording: Recording | None = None,
    keep_parameters: bool = False,
    measures: Sequence[MeasureOptions] = (),
) -> Results:
    """Train every trial of an assignment to its end.

    A trial's numbers do not depend on the others: it reports what it would have reported alone.
    """
    keep = keep_parameters or needs_ends(measures)
    n_parameters = task.problem.n_parameters if keep else None
    results = Results.empty(len(task), n_parameters)
    with _arithmetic():
        if can_observe(task, measures):
            train_observed(task, measures, results)
        else:
            _Loop(task, results).run()
    observe_again(task, results, recording, measures)
    if not keep_parameters:
        results.final_parameters = None
    return results


def observe_again(
    task: Task,
    results: Results,
    recording: Recording | None,
    measures: Sequence[MeasureOptions],
) -> None:
    """Put into results what takes another look at trials whose ends are known."""
    with _arithmetic():
        if recording is not None and recording.rows.size:
            results.trajectories = record(task, recording, results)
        if measures:
            results.measures = measure(task, measures, results)


@contextmanager
def _arithmetic() -> Iterator[None]:
    """How NumPy computes while lanes train."""
    # numbers that overflow are outcomes of a lane, found by its checks: nothing to warn of
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        # with its usual buffer NumPy copies what is one number a lane there, again for every row,
        # which costs as much as the arithmetic; the errstate ends this too
        np.setbufsize(_BUFFER)
        yield


class _Queue:
    """Trials that wait for a lane: those that came back first, then those that have not begun."""

    def __init__(self, task: Task, results: Results) -> None:
        self._task = task
        self._results = results
        self._begun = 0
        self._waiting: deque[LaneState] = deque()
        self.batch = task.block_width

    def __bool__(self) -> bool:
        return bool(self._waiting) or self._begun < len(self._task)

    def put_back(self, lanes: LaneState) -> None:
        """Lanes that go on training."""
        self._waiting.append(lanes)

    def next(self, most: int) -> LaneState:
        """Up to `most` lanes; call only while the queue is true."""
        taken: list[LaneState] = []
        while most and self:
            if not self._waiting:
                self._waiting.append(self._prepare())
            lanes = self._waiting.popleft()
            if len(lanes) > most:
                self._waiting.appendleft(lanes.take(slice(most, None)))
                lanes = lanes.take(slice(0, most))
            taken.append(lanes)
            most -= len(lanes)
        return LaneState.join(taken)

    def _prepare(self) -> LaneState:
        """The next trials of the assignment."""
        end = min(self._begun + self.batch, len(self._task))
        rows = np.arange(self._begun, end)
        self._begun += len(rows)
        return begin(self._task, rows, self._results)


class _Loop:
    """Windows over a full block, with inspections in between."""

    def __init__(self, task: Task, results: Results) -> None:
        self._task = task
        self._queue = _Queue(task, results)
        self._event_location = EventLocation(task, results)
        self._engine = ENGINES[task.training.engine]
        self._eventful: list[LaneState] = []
        self._window = window_length(task.training)
        self._fits = self._window <= task.training.max_steps

    def run(self) -> None:
        """Train all trials to their end."""
        block: SteppingBlock | None = None
        while self._queue or block or self._eventful:
            if block is None and self._queue:
                block = self._fill()
            if block is not None:
                block = self._window_of(block)
            training = block.occupied if block else 0
            if sum(map(len, self._eventful)) > _INSPECT_FROM * training:
                self._locate_events()

    def _fill(self) -> SteppingBlock | None:
        lanes = self._queue.next(self._queue.batch)
        if not self._fits:  # the budget is shorter than a window
            self._eventful.append(lanes)
            return None
        return self._engine.stepping_block(self._task, lanes)

    def _window_of(self, block: SteppingBlock) -> SteppingBlock | None:
        """One window; lanes that leave make room for waiting ones."""
        event, near = block.run_window()
        if not (event.any() or near.any()):
            return block
        if event.any():
            self._eventful.append(block.begin_of_window(np.flatnonzero(event)))
        if near.any():
            self._eventful.append(block.lanes.take(np.flatnonzero(near)))
        free = np.flatnonzero(event | near)
        return self._refill(block, free)

    def _refill(self, block: SteppingBlock, free: np.ndarray) -> SteppingBlock | None:
        if self._queue:
            fresh = self._queue.next(len(free))
            block.lanes.put(free[: len(fresh)], fresh)
            free = free[len(fresh) :]
        if not free.size:
            return block
        return self._shrink(block, free)

    def _shrink(self, block: SteppingBlock, free: np.ndarray) -> SteppingBlock | None:
        """Close the gaps: lanes from the end move into free slots."""
        left = block.occupied - len(free)
        if left == 0:
            return None
        stay = np.setdiff1d(np.arange(left, block.occupied), free)
        block.lanes.put(free[free < left], block.lanes.take(stay))
        block.occupied = left
        if left < _COMPACT_BELOW * len(block.lanes) and len(block.lanes) > FEWEST_LANES:
            return self._engine.stepping_block(self._task, block.lanes.take(slice(0, left)))
        return block

    def _locate_events(self) -> None:
        lanes, quiet = self._engine.find_events(self._task, LaneState.join(self._eventful))
        self._eventful = []
        if quiet is not None:
            self._queue.put_back(quiet)
        if lanes is None:
            return
        for start in range(0, len(lanes), self._queue.batch):
            part = lanes.take(slice(start, start + self._queue.batch))
            back = self._event_location.run(part, self._window)
            if back is not None:
                self._queue.put_back(back)
