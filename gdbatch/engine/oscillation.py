"""Oscillation: what event location notes about the last updates of the budget.

See `outcomes.oscillates`. Notes are columns, so that they are taken along with their lanes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..ingredients.options import Floats
from ..outcomes import OSCILLATION_PARTS, oscillates
from .lane_state import Array, LaneState
from .task import Task

Mask = NDArray[np.bool_]


class Oscillation:
    """Notes about lanes in the last updates of a task's budget."""

    def __init__(self, task: Task) -> None:
        self._updates = task.oscillation_updates
        self._first = task.last_unchecked
        self._max_steps = task.training.max_steps

    def columns(self, parameters: Floats) -> dict[str, Array]:
        """Empty notes about lanes; none where oscillation is not tracked."""
        if not self._updates:
            return {}
        lanes = parameters.shape[1]
        return {
            "direction": np.zeros_like(parameters),  # of the last update
            "has_opposed": np.zeros(lanes, bool),
            "largest_move": np.zeros((OSCILLATION_PARTS, lanes), parameters.dtype),
            "least_loss": np.full((OSCILLATION_PARTS, lanes), np.inf, parameters.dtype),
        }

    def note_move(self, notes: LaneState, steps: Array, before: Floats, parameters: Floats) -> None:
        """Note an update; steps: those before it."""
        lanes = self._watched(steps)
        if not lanes.size:
            return
        move = parameters - before
        # scaled, so that squares neither overflow nor underflow
        size = np.abs(move).max(axis=0)
        move /= np.where(size > 0, size, 1)
        norm = size * np.sqrt(np.einsum("pl,pl->l", move, move))
        opposed = np.einsum("pl,pl->l", move, notes["direction"]) < 0
        notes["has_opposed"][lanes] |= opposed[lanes]
        notes["direction"][:, lanes] = move[:, lanes]
        part = self._part(steps[lanes])
        largest = notes["largest_move"]
        largest[part, lanes] = np.maximum(largest[part, lanes], norm[lanes])

    def note_loss(self, notes: LaneState, steps: Array, loss: Floats) -> None:
        """Note the loss after an update; steps: those made."""
        lanes = self._watched(steps - 1)
        if lanes.size:
            part, least = self._part(steps[lanes] - 1), notes["least_loss"]
            least[part, lanes] = np.minimum(least[part, lanes], loss[lanes])

    def at_end(self, notes: LaneState, steps: Array) -> Mask:
        """Which lanes are at the end of their budget, and oscillate."""
        found = steps == self._max_steps
        if not (self._updates and found.any()):
            return np.zeros(len(steps), bool)
        columns = (notes[name] for name in ("has_opposed", "largest_move", "least_loss"))
        return np.asarray(found & oscillates(*columns))

    def _watched(self, steps: Array) -> NDArray[np.intp]:
        """Lanes whose update after `steps` is one of the last."""
        if not self._updates:
            return np.zeros(0, np.intp)
        return np.flatnonzero((steps >= self._first) & (steps < self._max_steps))

    def _part(self, steps: Array) -> Array:
        return (steps - self._first) * OSCILLATION_PARTS // self._updates
