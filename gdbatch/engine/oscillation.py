"""Oscillation: notes of event location about the last updates of the budget.

See `outcomes.oscillates`. Notes are columns, so that they move with their lanes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..ingredients.options import Floats
from ..outcomes import OSCILLATION_PARTS, exceeds_rounding, oscillates
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
        """Empty notes, one column per fact; no columns if oscillation is not tracked."""
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
        """Note an update; steps: the number of updates before it."""
        part = self._part(steps)
        watched = (part >= 0) & (part < OSCILLATION_PARTS)
        if not watched.any():
            return
        move = parameters - before
        matters = watched & exceeds_rounding(move, parameters)
        # scaled so that squares neither overflow nor underflow
        size = np.abs(move).max(axis=0)
        np.divide(move, size, out=move, where=size > 0)
        norm = size * np.sqrt(np.einsum("pl,pl->l", move, move))
        opposed = np.einsum("pl,pl->l", move, notes["direction"]) < 0
        np.logical_or(notes["has_opposed"], opposed & matters, out=notes["has_opposed"])
        np.copyto(notes["direction"], move, where=watched)
        for number in _numbers(part):
            largest = notes["largest_move"][number]
            np.maximum(largest, norm, out=largest, where=part == number)

    def note_loss(self, notes: LaneState, steps: Array, loss: Floats) -> None:
        """Note the loss after an update; steps: the number of updates made."""
        part = self._part(steps - 1)
        for number in _numbers(part):
            least = notes["least_loss"][number]
            np.minimum(least, loss, out=least, where=part == number)

    def at_end(self, notes: LaneState, steps: Array) -> Mask:
        """Which lanes are at the end of their budget and oscillate."""
        found = steps == self._max_steps
        if not (self._updates and found.any()):
            return np.zeros(len(steps), bool)
        columns = (notes[name] for name in ("has_opposed", "largest_move", "least_loss"))
        return np.asarray(found & oscillates(*columns))

    def _part(self, steps: Array) -> Array:
        """The part that contains the update after `steps`; out of range if there is none."""
        if not self._updates:
            return np.full(1, -1)
        return (steps - self._first) * OSCILLATION_PARTS // self._updates


def _numbers(part: Array) -> range:
    """The range of parts that occur."""
    return range(max(0, int(part.min())), min(OSCILLATION_PARTS - 1, int(part.max())) + 1)
