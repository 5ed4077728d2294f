"""Trajectories: trains some trials once more, to the ends already known, and keeps their values.

A lane's bits do not depend on its block, so the second time is the first one exactly; what is
recorded can therefore never change what is found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .assignment import Assignment, Results
from .block import Block

RECORDABLE = ("loss", "prediction", "prediction_error", "gradient_norm", "parameters")
_COMPACT_BELOW = 0.75


@dataclass(frozen=True)
class Recording:
    """What to record of which rows of an assignment."""

    rows: NDArray[np.int64]
    every: int
    values: tuple[str, ...]


def record(assignment: Assignment, recording: Recording, results: Results) -> dict[str, Any]:
    """`row`, `step` and every value, (n, rows), in the order of rows and steps.

    There is a row at step 0, at multiples of `every`, and at the reported end of each trial.
    """
    notes = _Notes(recording)
    # the longest trials first: what is left of a block is then always its beginning
    rows = recording.rows[np.argsort(-results.steps[recording.rows], kind="stable")]
    batch = assignment.block_width
    for start in range(0, len(rows), batch):
        _record_batch(assignment, rows[start : start + batch], results, notes)
    return notes.table()


def _record_batch(
    assignment: Assignment, rows: NDArray[np.int64], results: Results, notes: _Notes
) -> None:
    ends = results.steps[rows]
    due_ends = set(ends.tolist())
    block = Block(assignment, assignment.fresh_lanes(rows))
    everything, lean = block.wanted("loss", "predictions", "prediction_error"), block.wanted()
    for step in range(int(ends.max()) + 1):
        due = step % notes.every == 0
        if due or step in due_ends:
            left = int(np.searchsorted(-ends, -step, side="right"))  # ends are descending
            chosen = np.arange(left) if due else np.flatnonzero(ends[:left] == step)
            block.evaluate(everything)
            block.measure_gradient_norm()
            notes.take(block, chosen)
            if 0 < left < _COMPACT_BELOW * block.occupied:
                ends = ends[:left]
                lanes = block.lanes.take(slice(0, left))
                gradient = block.gradient[:, :left]
                block = Block(assignment, lanes)
                block.gradient[:] = gradient[:, np.arange(len(block.lanes)) % left]
                everything = block.wanted("loss", "predictions", "prediction_error")
                lean = block.wanted()
        else:
            block.evaluate(lean)
        block.step()
        np.add(block.steps, 1, block.steps)


class _Notes:
    """The rows kept so far."""

    def __init__(self, recording: Recording) -> None:
        self.every = recording.every
        self._parts: dict[str, list[Any]] = {
            name: [] for name in ("row", "step", *recording.values)
        }

    def take(self, block: Block, chosen: NDArray[np.int64]) -> None:
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
            parts.append(measured[name][..., chosen])

    def table(self) -> dict[str, Any]:
        """All rows in order."""
        whole = {name: np.concatenate(parts, axis=-1) for name, parts in self._parts.items()}
        order = np.lexsort((whole["step"], whole["row"]))
        table: dict[str, Any] = {"row": whole.pop("row")[order], "step": whole.pop("step")[order]}
        for name, values in whole.items():
            table[name] = np.atleast_2d(values)[:, order].astype(np.float64)
        return table
