"""Trajectories: replays trials to their known ends and records values on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..ingredients.problems.protocol import Problem
from ..ingredients.problems.quantities import QUANTITIES
from .block import Block
from .lane_state import Array
from .protocol import Engine
from .replay import replays
from .results import Results
from .task import Task


@dataclass(frozen=True)
class Recordable:
    """A value that can be recorded."""

    read: Callable[[Block], Array]  # (lanes,) or (n, lanes)
    lacking: Callable[[Problem], str]  # what a problem needs for it, "" if nothing


def _nothing(problem: Problem) -> str:
    return ""


def _predictions(problem: Problem) -> str:
    return "" if problem.n_predictions else "this problem has a loss, but no predictions"


def _quantity(name: str) -> Recordable:
    return Recordable(lambda block: block.quantities[name], QUANTITIES[name].lacking)


RECORDABLE: Mapping[str, Recordable] = {
    "loss": Recordable(lambda block: block.loss, _nothing),
    "prediction": Recordable(lambda block: block.predictions, _predictions),
    "prediction_error": Recordable(lambda block: block.prediction_error, _predictions),
    "gradient_norm": Recordable(lambda block: block.gradient_norm, _nothing),
    "parameters": Recordable(lambda block: block.parameters, _nothing),
    **{name: _quantity(name) for name in QUANTITIES},
}


@dataclass(frozen=True)
class Recording:
    """What to record, and for which rows of a task."""

    rows: NDArray[np.int64]
    every: int
    values: tuple[str, ...]  # names in `RECORDABLE`


def record(task: Task, engine: Engine, recording: Recording, results: Results) -> dict[str, Array]:
    """Columns `row`, `step` and every value, (n, rows), sorted by row and step.

    Each trial is recorded at step 0, at multiples of `every`, and at its reported end.
    """
    recorder = _Recorder(recording)
    values = ["loss", "predictions", "prediction_error", "gradient_norm"]
    values += [name for name in recording.values if name in QUANTITIES]
    for replay in replays(task, engine, recording.rows, results.steps, values):
        due = replay.step % recording.every == 0
        chosen = slice(0, replay.left) if due else replay.ending
        some = chosen.start < chosen.stop
        replay.evaluate(with_values=some)
        if some:
            replay.block.measure_gradient_norm()
            replay.block.evaluate_quantities()
            recorder.add(replay.block, chosen)
    return recorder.table()


class _Recorder:
    """The rows recorded so far."""

    def __init__(self, recording: Recording) -> None:
        self._read: dict[str, Callable[[Block], Array]] = {
            "row": lambda block: block.lanes["row"],
            "step": lambda block: block.steps,
            **{name: RECORDABLE[name].read for name in recording.values},
        }
        self._parts: dict[str, list[Array]] = {name: [] for name in self._read}

    def add(self, block: Block, chosen: slice) -> None:
        """Record the block's latest evaluation for the chosen lanes."""
        for name, read in self._read.items():
            self._parts[name].append(read(block)[..., chosen].copy())

    def table(self) -> dict[str, Array]:
        """All rows in order."""
        whole = {name: np.concatenate(parts, axis=-1) for name, parts in self._parts.items()}
        order = np.lexsort((whole["step"], whole["row"]))
        table: dict[str, Array] = {name: whole.pop(name)[order] for name in ("row", "step")}
        for name, values in whole.items():
            table[name] = np.atleast_2d(values)[:, order].astype(np.float64)
        return table
