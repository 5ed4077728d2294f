"""The loop: keeps a block full until the queue is empty, and every trial's end exact.

Lanes that are done leave and waiting trials take their place, so a sweep costs what its trials
need, not the longest of them times all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from ..ingredients.measures import MeasureOptions
from .assignment import Assignment, Results
from .block import FEWEST_LANES, begin
from .engines import ENGINES
from .inspection import Inspection
from .lanes import Lanes
from .measuring import can_watch, measure, needs_ends, train_watched
from .recording import Recording, record
from .windows import WindowBlock, window_length

_INSPECT_FROM = 0.25  # lanes waiting for inspection, as a share of those that train
_BUFFER = 256  # numbers; rows at least half as long are not copied
_COMPACT_BELOW = 0.75  # share of a block in use at which it is made smaller


def train(
    assignment: Assignment,
    recording: Recording | None = None,
    keep_parameters: bool = False,
    measures: Sequence[MeasureOptions] = (),
) -> Results:
    """Train every trial of an assignment to its end.

    A trial's numbers do not depend on the others: it reports what it would have reported alone.
    """
    keep = keep_parameters or needs_ends(measures)
    n_parameters = assignment.problem.n_parameters if keep else None
    results = Results.empty(len(assignment), n_parameters)
    with _arithmetic():
        if can_watch(assignment, measures):
            train_watched(assignment, measures, results)
        else:
            _Loop(assignment, results).run()
    look_again(assignment, results, recording, measures)
    if not keep_parameters:
        results.final_parameters = None
    return results


def look_again(
    assignment: Assignment,
    results: Results,
    recording: Recording | None,
    measures: Sequence[MeasureOptions],
) -> None:
    """Put into results what takes another look at trials whose ends are known."""
    with _arithmetic():
        if recording is not None and recording.rows.size:
            results.trajectories = record(assignment, recording, results)
        if measures:
            results.measures = measure(assignment, measures, results)


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

    def __init__(self, assignment: Assignment, results: Results) -> None:
        self._assignment = assignment
        self._results = results
        self._begun = 0
        self._waiting: deque[Lanes] = deque()
        self.batch = assignment.block_width

    def __bool__(self) -> bool:
        return bool(self._waiting) or self._begun < len(self._assignment)

    def put_back(self, lanes: Lanes) -> None:
        """Lanes that go on training."""
        self._waiting.append(lanes)

    def next(self, most: int) -> Lanes:
        """Up to `most` lanes; call only while the queue is true."""
        taken: list[Lanes] = []
        while most and self:
            if not self._waiting:
                self._waiting.append(self._prepare())
            lanes = self._waiting.popleft()
            if len(lanes) > most:
                self._waiting.appendleft(lanes.take(slice(most, None)))
                lanes = lanes.take(slice(0, most))
            taken.append(lanes)
            most -= len(lanes)
        return Lanes.join(taken)

    def _prepare(self) -> Lanes:
        """The next trials of the assignment."""
        end = min(self._begun + self.batch, len(self._assignment))
        rows = np.arange(self._begun, end)
        self._begun += len(rows)
        return begin(self._assignment, rows, self._results)


class _Loop:
    """Windows over a full block, with inspections in between."""

    def __init__(self, assignment: Assignment, results: Results) -> None:
        self._assignment = assignment
        self._queue = _Queue(assignment, results)
        self._inspection = Inspection(assignment, results)
        self._engine = ENGINES[assignment.training.engine]
        self._suspects: list[Lanes] = []
        self._window = window_length(assignment.training)
        self._fits = self._window <= assignment.training.max_steps

    def run(self) -> None:
        """Train all trials to their end."""
        block: WindowBlock | None = None
        while self._queue or block or self._suspects:
            if block is None and self._queue:
                block = self._fill()
            if block is not None:
                block = self._window_of(block)
            training = block.occupied if block else 0
            if sum(map(len, self._suspects)) > _INSPECT_FROM * training:
                self._inspect()

    def _fill(self) -> WindowBlock | None:
        lanes = self._queue.next(self._queue.batch)
        if not self._fits:  # the budget is shorter than a window
            self._suspects.append(lanes)
            return None
        return self._engine.window_block(self._assignment, lanes)

    def _window_of(self, block: WindowBlock) -> WindowBlock | None:
        """One window; lanes that leave make room for waiting ones."""
        alarm, near = block.run_window()
        if not (alarm.any() or near.any()):
            return block
        if alarm.any():
            self._suspects.append(block.begin_of_window(np.flatnonzero(alarm)))
        if near.any():
            self._suspects.append(block.lanes.take(np.flatnonzero(near)))
        free = np.flatnonzero(alarm | near)
        return self._refill(block, free)

    def _refill(self, block: WindowBlock, free: np.ndarray) -> WindowBlock | None:
        if self._queue:
            fresh = self._queue.next(len(free))
            block.lanes.put(free[: len(fresh)], fresh)
            free = free[len(fresh) :]
        if not free.size:
            return block
        return self._shrink(block, free)

    def _shrink(self, block: WindowBlock, free: np.ndarray) -> WindowBlock | None:
        """Close the gaps: lanes from the end move into free slots."""
        left = block.occupied - len(free)
        if left == 0:
            return None
        stay = np.setdiff1d(np.arange(left, block.occupied), free)
        block.lanes.put(free[free < left], block.lanes.take(stay))
        block.occupied = left
        if left < _COMPACT_BELOW * len(block.lanes) and len(block.lanes) > FEWEST_LANES:
            return self._engine.window_block(self._assignment, block.lanes.take(slice(0, left)))
        return block

    def _inspect(self) -> None:
        lanes, quiet = self._engine.find_events(self._assignment, Lanes.join(self._suspects))
        self._suspects = []
        if quiet is not None:
            self._queue.put_back(quiet)
        if lanes is None:
            return
        for start in range(0, len(lanes), self._queue.batch):
            part = lanes.take(slice(start, start + self._queue.batch))
            back = self._inspection.run(part, self._window)
            if back is not None:
                self._queue.put_back(back)
