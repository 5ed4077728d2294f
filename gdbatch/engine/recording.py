"""Keeps trajectories of lanes: rows at step 0, at multiples of `every`, and at the end.

A row where a streak of held stop rules begins is kept too, since it may turn out to be the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RECORDABLE = ("loss", "prediction", "prediction_error", "gradient_norm", "parameters")


@dataclass(frozen=True)
class Recording:
    """What to record of which rows of an assignment."""

    rows: NDArray[np.int64]
    every: int
    values: tuple[str, ...]


class Recorder:
    """Collects rows of the trials it is told about."""

    def __init__(self, recording: Recording) -> None:
        self.every = recording.every
        self.values = recording.values
        self._rows: list[Any] = []
        self._steps: list[Any] = []
        self._values: dict[str, list[Any]] = {name: [] for name in recording.values}

    def note(self, chosen: Any, row: Any, step: Any, measured: dict[str, Any]) -> None:
        """Keep one row of every chosen lane; `measured` arrays are (lanes,) or (n, lanes)."""
        if not chosen.any():
            return
        self._rows.append(row[chosen])
        self._steps.append(step[chosen])
        for name in self.values:
            self._values[name].append(np.atleast_2d(measured[name])[:, chosen].astype(np.float64))

    def table(self, end_step: NDArray[np.int64]) -> dict[str, Any]:
        """`row`, `step` and every value (n, rows), in the order of rows and steps.

        end_step: the reported step of every row of the assignment; rows past it are dropped.
        """
        row = np.concatenate(self._rows)
        step = np.concatenate(self._steps)
        end = end_step[row]
        keep = (step <= end) & ((step % self.every == 0) | (step == end))
        order = np.lexsort((step, row))
        order = order[keep[order]]
        pairs = np.stack([row[order], step[order]])
        if order.size:  # a check that is noted twice, as a multiple and as the end, counts once
            order = order[np.append(True, (np.diff(pairs) != 0).any(axis=0))]
        table: dict[str, Any] = {"row": row[order], "step": step[order]}
        for name, parts in self._values.items():
            table[name] = np.concatenate(parts, axis=1)[:, order]
        return table
