"""Trajectories: trains some trials once more, to the ends already known, and keeps their values.

A lane's bits do not depend on its block, so the second time is the first one exactly; what is
recorded can therefore never change what is found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .block import Block
from .replay import replays
from .results import Results
from .task import Task

RECORDABLE = ("loss", "prediction", "prediction_error", "gradient_norm", "parameters")


@dataclass(frozen=True)
class Recording:
    """What to record of which rows of an assignment."""

    rows: NDArray[np.int64]
    every: int
    values: tuple[str, ...]


def record(task: Task, recording: Recording, results: Results) -> dict[str, Any]:
    """`row`, `step` and every value, (n, rows), in the order of rows and steps.

    There is a row at step 0, at multiples of `every`, and at the reported end of each trial.
    """
    notes = _Notes(recording)
    values = ["loss", "predictions", "prediction_error", "gradient_norm"]
    for replay in replays(task, recording.rows, results.steps, values):
        due = replay.step % recording.every == 0
        chosen = slice(0, replay.left) if due else replay.ending
        some = chosen.start < chosen.stop
        replay.evaluate(with_values=some)
        if some:
            replay.block.measure_gradient_norm()
            notes.take(replay.block, chosen)
    return notes.table()


class _Notes:
    """The rows kept so far."""

    def __init__(self, recording: Recording) -> None:
        self._parts: dict[str, list[Any]] = {
            name: [] for name in ("row", "step", *recording.values)
        }

    def take(self, block: Block, chosen: slice) -> None:
        """Keep what the block has just evaluated of the chosen lanes."""
        measured = {
            "row": block.lanes["row"],
            "step": block.steps,
            "loss": block.loss,
            "prediction": block.predictions,
            "prediction_error": block.prediction_error,
            "gradient_norm": block.gradient_norm,
            "parameters": block.parameters,
        }
        for name, parts in self._parts.items():
            parts.append(measured[name][..., chosen].copy())

    def table(self) -> dict[str, Any]:
        """All rows in order."""
        whole = {name: np.concatenate(parts, axis=-1) for name, parts in self._parts.items()}
        order = np.lexsort((whole["step"], whole["row"]))
        table: dict[str, Any] = {"row": whole.pop("row")[order], "step": whole.pop("step")[order]}
        for name, values in whole.items():
            table[name] = np.atleast_2d(values)[:, order].astype(np.float64)
        return table
