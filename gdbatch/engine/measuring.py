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
from ..ingredients.measures_of_points import Place, PointOptions
from ..streams import generator
from .assignment import Assignment, Results
from .block import Block
from .curvature import hessian_at
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
    points = [options for options in wanted if isinstance(options, PointOptions)]
    paths = [options for options in wanted if options not in points]
    if points:
        _visit_points(assignment, points, results, columns)
    if paths:
        _follow_paths(assignment, paths, results, columns)
    return columns


def needs_ends(wanted: Sequence[MeasureOptions]) -> bool:
    """Whether `measure` needs to be given the final parameters."""
    return any(isinstance(options, PointOptions) for options in wanted)


def _visit_points(
    assignment: Assignment,
    wanted: Sequence[MeasureOptions],
    results: Results,
    columns: dict[str, Values],
) -> None:
    """See where trials begin and end, block by block."""
    assert results.final_parameters is not None
    problem = assignment.problem
    draw = generator(assignment.entropy, "sharpness").standard_normal(problem.n_parameters)
    batch = problem.block_width(np.dtype(np.float64))
    for first in range(0, len(assignment), batch):
        rows = np.arange(first, min(first + batch, len(assignment)))
        block = Block(assignment, assignment.fresh_lanes(rows))
        occupants = block.lanes["row"]  # a block that is not full holds copies
        direction = np.repeat(draw[:, None], len(occupants), axis=1)
        start = _place(assignment, block, block.parameters.astype(np.float64), direction)
        block.steps[:] = results.steps[occupants]
        ends = np.take(results.final_parameters, occupants, axis=1)
        end = _place(assignment, block, ends, direction)
        for options in wanted:
            values = catalogue.get("measure", options.kind).read(options, start, end)
            for column, numbers in zip(options.columns(), values, strict=True):
                columns[column.name][rows] = numbers[: len(rows)]


def _place(assignment: Assignment, block: Block, parameters: Values, direction: Values) -> Place:
    hessian = hessian_at(assignment.problem, block.lanes, parameters)
    rates = block.learning_rates().astype(np.float64)
    return Place(parameters, hessian, rates, direction)


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
