"""The engine: many independent gradient descents in one set of arrays, lanes last.

`train` is its only door.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from .. import registry
from ..ingredients.measures.protocol import MeasureOptions
from .fused import engine as _fused  # noqa: F401  registers itself
from .metrics import measure, needs_final_parameters, path_measures
from .numpy import engine as _numpy  # noqa: F401  registers itself
from .protocol import Engine
from .results import Results
from .task import Task, block_width
from .trajectories import RECORDABLE, Recording, record

__all__ = [
    "RECORDABLE",
    "Engine",
    "Recording",
    "Results",
    "Task",
    "block_width",
    "engine_named",
    "needs_final_parameters",
    "observe",
    "train",
]

_BUFFER = 256  # numbers; rows at least half as long are not copied


@functools.cache
def engine_named(name: str) -> Engine:
    """An engine by its registered name; raises KeyError where there is none."""
    engine: Engine = registry.get("engine", name)()
    return engine


def train(
    task: Task,
    recording: Recording | None = None,
    keep_parameters: bool = False,
    measures: Sequence[MeasureOptions] = (),
) -> Results:
    """Train every trial of a task to its end.

    The results of a trial do not depend on the others: they are those it would have alone.
    """
    engine = engine_named(task.training.engine)
    keep = keep_parameters or needs_final_parameters(measures)
    results = Results.empty(len(task), task.problem.n_parameters if keep else None)
    with _lane_arithmetic():
        engine.train(task, results, path_measures(measures))
    observe(task, results, recording, measures)
    if not keep_parameters:
        results.final_parameters = None
    return results


def observe(
    task: Task,
    results: Results,
    recording: Recording | None = None,
    measures: Sequence[MeasureOptions] = (),
) -> None:
    """Add trajectories and measures to the results of trials whose ends are known."""
    engine = engine_named(task.training.engine)
    with _lane_arithmetic():
        if recording is not None and recording.rows.size:
            results.trajectories = record(task, engine, recording, results)
        if measures:
            results.measures = measure(task, engine, measures, results)


@contextmanager
def _lane_arithmetic() -> Iterator[None]:
    """How NumPy computes while lanes train."""
    # overflow is an outcome of a lane, which its checks find: nothing to warn about
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        # with its usual buffer size NumPy copies what has one number per lane again for every
        # row, which costs as much as the arithmetic; leaving the errstate resets the size too
        np.setbufsize(_BUFFER)
        yield
