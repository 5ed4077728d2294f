"""Replays: train trials again, to ends that are already known.

A lane's bits do not depend on its block, so a replay repeats the training exactly, and observing
it cannot change the results.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..ingredients.problems.quantities import QUANTITIES
from .block import Block
from .lane_state import LaneState
from .protocol import Engine
from .task import Task

_COMPACT_BELOW = 0.75


class Replay:
    """Lanes at the same step, in descending order of their last steps.

    Slots from `left` on hold trials past their end, which are dropped from time to time.
    """

    block: Block

    def __init__(
        self,
        task: Task,
        engine: Engine,
        rows: NDArray[np.int64],
        ends: list[int],
        values: list[str],
    ) -> None:
        self._task = task
        self._engine = engine
        self._ends = ends  # descending
        self._values = values
        self.step = 0
        self.left = len(ends)
        self._load(task.fresh_lanes(rows))

    @property
    def ending(self) -> slice:
        """The lanes that are now at their last step."""
        first = self.left
        while first and self._ends[first - 1] == self.step:
            first -= 1
        return slice(first, self.left)

    def evaluate(self, with_values: bool = True) -> None:
        """Evaluate the gradient of all lanes and, with `with_values`, the requested values."""
        (self._full if with_values else self._lean).evaluate()

    def advance(self) -> None:
        """Make one update, after an evaluation; drops lanes when many are past their end."""
        self.block.step()
        np.add(self.block.steps, 1, self.block.steps)
        self.step += 1
        while self.left and self._ends[self.left - 1] < self.step:
            self.left -= 1
        if 0 < self.left < _COMPACT_BELOW * self.block.occupied:
            self._load(self.block.lanes.take(slice(0, self.left)))

    def _load(self, lanes: LaneState) -> None:
        quantities = [name for name in self._values if name in QUANTITIES]
        self.block = Block(self._task, self._engine, lanes, quantities)
        self._full, self._lean = self.block.wanted(*self._values), self.block.wanted()


def replays(
    task: Task,
    engine: Engine,
    rows: NDArray[np.int64],
    steps: NDArray[np.int64],
    values: list[str],
) -> Iterator[Replay]:
    """Every step of the replays of the given rows; the caller evaluates each.

    steps: the last step of each trial of the task. values: the names that an evaluation fills.
    """
    rows = rows[np.argsort(-steps[rows], kind="stable")]
    batch = task.block_width
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        replay = Replay(task, engine, part, steps[part].tolist(), values)
        while replay.left:
            yield replay
            replay.advance()
