"""Bisection: trains its way to the value at which trials cease, or begin, to converge.

Every bracket of an assignment is halved at the same time, a round a row: first the lower ends, then
the upper ones, then a middle after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..engine.loop import observe_again, train
from ..engine.metrics import needs_ends
from ..engine.results import Results
from ..engine.task import Task
from ..engine.trajectories import Recording
from ..ingredients.measures.protocol import MeasureOptions
from ..outcomes import is_stable

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Bracket:
    """What is bisected, and how often."""

    low: float
    high: float
    rows: int  # trials: the two ends and the middles
    middle: Callable[[Values, Values], Values]  # of lower and upper ends


def train_bisecting(
    bracket: Bracket,
    searches: int,
    task_of: Callable[[NDArray[np.int64], Values], Task],
    recording: Recording | None = None,
    keep_parameters: bool = False,
    measures: Sequence[MeasureOptions] = (),
) -> Results:
    """Train every row of `searches` bisections, which stand side by side.

    assignment_of: the assignment of some rows with the values given. A middle that is stable takes
    the place of the lower end, another one that of the upper end, so a search goes where stable
    turns into unstable; only where the ends say the opposite it goes the other way round. With
    equal ends it closes in on the upper end if they are stable, else on the lower one, unless it
    meets an edge on its way.
    """
    first = np.arange(searches) * bracket.rows
    values = np.empty(searches * bracket.rows)
    parts = []
    keep = keep_parameters or needs_ends(measures)
    low, high = np.full(searches, bracket.low), np.full(searches, bracket.high)
    for row in range(bracket.rows):
        value = (low, high)[row] if row < 2 else bracket.middle(low, high)
        values[first + row] = value
        task = task_of(first + row, value)
        parts.append(train(task, keep_parameters=keep))
        stable = is_stable(parts[row].outcome, bool(task.training.stop))
        if row == 0:
            rising = ~stable
        elif row == 1:
            rising &= stable
        else:
            is_low = stable != rising
            low, high = np.where(is_low, value, low), np.where(is_low, high, value)
    results = Results.side_by_side(parts)
    results.refined = values
    observe_again(task_of(np.arange(len(values)), values), results, recording, measures)
    if not keep_parameters:
        results.final_parameters = None
    return results
