"""The engine: many independent gradient descents in one set of arrays, lanes last.

`train` is the entry point. Every module of this folder is imported, so a new engine is a new file,
or a package that imports the module which registers it.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from .. import registry
from ..ingredients.measures.protocol import MeasureOptions
from .metrics import measure, needs_final_parameters, path_measures, quantity_columns
from .protocol import Engine
from .results import Results
from .task import Task, block_width
from .trajectories import RECORDABLE, Recording, record

for _module in pkgutil.iter_modules(__path__, __name__ + "."):
    importlib.import_module(_module.name)

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

_BUFFER = 256  # elements; NumPy copies rows only if they are shorter than half of this


@functools.cache
def engine_named(name: str) -> Engine:
    """The engine registered under `name`; raises KeyError if there is none."""
    engine: Engine = registry.get("engine", name)()
    return engine


def train(
    task: Task,
    recording: Recording | None = None,
    keep_parameters: bool = False,
    measures: Sequence[MeasureOptions] = (),
) -> Results:
    """Train every trial of a task to its end.

    A trial's results do not depend on the other trials of the task.
    """
    engine = engine_named(task.training.engine)
    keep = keep_parameters or needs_final_parameters(measures)
    results = Results.empty(len(task), task.problem.n_parameters if keep else None)
    with _lane_arithmetic():
        results.measures = quantity_columns(task)
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
    """Add trajectories and measures to the results of trained trials."""
    engine = engine_named(task.training.engine)
    with _lane_arithmetic():
        if recording is not None and recording.rows.size:
            results.trajectories = record(task, engine, recording, results)
        if measures:
            results.measures = measure(task, engine, measures, results)


@contextmanager
def _lane_arithmetic() -> Iterator[None]:
    """NumPy's error state and buffer size during training."""
    # checks turn an overflow into an outcome, so there is no need to warn
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        # with its default buffer size NumPy copies per-lane operands again for every row, which
        # costs as much as the arithmetic; leaving the errstate also restores the size
        np.setbufsize(_BUFFER)
        yield
