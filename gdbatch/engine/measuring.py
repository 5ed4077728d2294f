"""Measures: what a sweep asks for of every trial beside its end, found after it.

Those that look at every step see the trial trained once more, so that the first time, and a sweep
without measures, is not slowed down by them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import catalogue
from ..ingredients.buffers import new_buffer
from ..ingredients.measures import MeasureOptions, Now, PathMeasure, Values
from .assignment import Assignment, Results
from .outcomes import DIVERGED
from .replay import Replay, replays


def measure(
    assignment: Assignment, wanted: Sequence[MeasureOptions], results: Results
) -> dict[str, Values]:
    """The columns of all measures, one number a trial, in the order of the measures."""
    columns = {
        column.name: np.full(len(assignment), np.nan)
        for options in wanted
        for column in options.columns()
    }
    _follow_paths(assignment, wanted, results, columns)
    return columns


def _follow_paths(
    assignment: Assignment,
    wanted: Sequence[MeasureOptions],
    results: Results,
    columns: dict[str, Values],
) -> None:
    """Train all trials once more, under the eyes of the measures."""
    missing = np.where(
        results.outcome == DIVERGED, assignment.training.max_steps - results.steps, 0.0
    )
    for replay in replays(assignment, np.arange(len(assignment)), results.steps, ["loss"]):
        if replay.step == 0:
            eyes = _Eyes(assignment, wanted, replay)
        replay.evaluate()
        eyes.look(replay)
        chosen = replay.ending
        if chosen.start < chosen.stop:
            rows = replay.block.lanes["row"][chosen]
            for one, meter in eyes.meters:
                values = meter.read(replay.step, chosen, missing[rows])
                for column, numbers in zip(one.columns(), values, strict=True):
                    columns[column.name][rows] = numbers


class _Eyes:
    """The measures of one replay, and what they are shown."""

    def __init__(
        self, assignment: Assignment, wanted: Sequence[MeasureOptions], replay: Replay
    ) -> None:
        lanes = len(replay.block.lanes)
        self.meters: list[tuple[MeasureOptions, PathMeasure]] = [
            (one, catalogue.get("measure", one.kind)(one, assignment.problem.n_parameters, lanes))
            for one in wanted
        ]
        self._loss = new_buffer(lanes, np.float64)
        self._finite, self._lost = np.zeros(lanes, bool), np.zeros(lanes, bool)

    def look(self, replay: Replay) -> None:
        """Show the step that has just been evaluated."""
        block = replay.block
        lanes = len(block.loss)
        loss, finite, lost = self._loss[:lanes], self._finite[:lanes], self._lost[:lanes]
        np.copyto(loss, block.loss)
        np.isfinite(loss, out=finite)
        np.logical_not(finite, out=lost)
        np.copyto(loss, np.nan, where=lost)
        now = Now(replay.step, loss, finite, block.parameters)
        for _, meter in self.meters:
            meter.look(now)
