"""The careful way to train: every rule is looked at after every update.

Lanes in which something may have happened come here to have it told to the exact step.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..outcomes import CONVERGED, DIVERGED, STALLED
from .block import FEWEST_LANES, Block, same_lanes
from .lane_state import Array, LaneState
from .results import Results
from .task import Task

_NONE = -1  # the outcome of a lane that goes on
_COMPACT_BELOW = 0.75  # share of a block still in use at which the others are dropped


class Observer(Protocol):
    """Who wants to see every step of lanes that step together."""

    def update(self, block: Block) -> None:
        """A block has just been evaluated, with its loss."""

    def compute(self, block: Block, chosen: slice | NDArray[np.int64]) -> None:
        """The chosen lanes are at their ends, which the results tell."""

    def select(self, chosen: slice | NDArray[np.int64]) -> None:
        """The next block holds these lanes only."""


class EventLocation:
    """Trains lanes with all eyes open and writes the results of those that end."""

    def __init__(self, task: Task, results: Results) -> None:
        self._task = task
        self._training = task.training
        self._results = results

    def run(
        self, lanes: LaneState, patience: int, observer: Observer | None = None
    ) -> LaneState | None:
        """Train until every lane has ended, or has shown nothing in `patience` updates.

        Returns the lanes that showed nothing, unchanged by having been looked at, or None. Eyes
        see every step, of lanes that begin together.
        """
        back: list[LaneState] = []
        block = _WatchedBlock(self._task, lanes, None)
        while True:
            leaving, ending = block.check(patience)
            if observer is not None:
                observer.update(block)
            if ending.any():
                block.write(ending, self._results)
                if observer is not None:
                    observer.compute(block, np.flatnonzero(ending))
            if leaving.any():
                back.append(block.lanes.take(np.flatnonzero(leaving)))
            block.active &= ~(leaving | ending)
            left = int(block.active.sum())
            if left == 0:
                return LaneState.join(back) if back else None
            block.step()
            if left < _COMPACT_BELOW * len(block.active) and len(block.active) > FEWEST_LANES:
                if observer is not None:
                    observer.select(np.flatnonzero(block.active))
                block = _WatchedBlock(self._task, *block.remaining())


class _WatchedBlock(Block):
    """A block with, a lane, what is known of its streak and of the update before."""

    def __init__(self, task: Task, lanes: LaneState, notes: LaneState | None) -> None:
        super().__init__(task, lanes)
        width = len(self.lanes)
        self._training = task.training
        self._can_stall = task.can_stall
        self.active = np.arange(width) < self.occupied
        self._never = np.zeros(width, bool)
        self._outcome = np.full(width, _NONE, np.int8)
        if notes is None:
            notes = LaneState(
                {
                    "row": self.lanes["row"],
                    "arrival": self.lanes["step"].copy(),
                    "streak_start": np.full(width, -1, np.int64),
                    "streak_loss": np.zeros(width),
                    "streak_norm": np.zeros(width),
                    "streak_parameters": self.parameters.copy(),
                    "unchanged": np.zeros(width, bool),
                }
            )
        elif len(notes) < width:
            notes = notes.take(np.arange(width) % len(notes))
        self.notes = notes
        stop = self._training.stop
        self._looked_at = self.wanted(*{"loss", *stop, *(["gradient_norm"] if stop else [])})
        self._at_the_end = self.wanted("gradient_norm")

    def remaining(self) -> tuple[LaneState, LaneState]:
        """The active lanes and the notes on them."""
        index = np.flatnonzero(self.active)
        return self.lanes.take(index), self.notes.take(index)

    def check(self, patience: int) -> tuple[Any, Any]:
        """Look at every lane; returns which leave (nothing to see) and which have ended."""
        training, notes, step = self._training, self.notes, self.lanes["step"]
        self._looked_at.evaluate()
        finite = np.isfinite(self.loss)
        np.copyto(self.lanes["last_loss"], self.loss, where=finite)
        finite &= np.isfinite(self.parameters).all(axis=0)
        diverged = ~(finite & (np.abs(self.loss) <= training.largest_loss))
        streak = held = self._never
        if training.stop:
            self.measure_gradient_norm()
            self._note_streaks(diverged)
            streak = notes["streak_start"] >= 0
            held = streak & (step - notes["streak_start"] + 1 >= training.hold)
        self._outcome.fill(_NONE)
        np.copyto(self._outcome, training.end_of_budget, where=step == training.max_steps)
        np.copyto(self._outcome, STALLED, where=notes["unchanged"] & ~streak)
        np.copyto(self._outcome, CONVERGED, where=held)
        np.copyto(self._outcome, DIVERGED, where=diverged)
        ending = self.active & (self._outcome != _NONE)
        if not training.stop and ending.any():
            if self._looked_at.out.gradient is None:
                self._at_the_end.evaluate()
            self.measure_gradient_norm()
        if patience > training.max_steps:
            return self._never, ending
        # who has less than a window of budget left stays to the end
        quiet = ~streak & (step - notes["arrival"] >= patience)
        quiet &= step + patience <= training.max_steps
        return self.active & quiet & ~ending, ending

    def _note_streaks(self, diverged: Any) -> None:
        """Begin and end streaks of held stop rules."""
        holding = ~diverged
        for rule, threshold in self._training.stop.items():
            holding &= getattr(self, rule) <= threshold
        start = self.notes["streak_start"]
        begun = holding & (start < 0)
        start[begun] = self.lanes["step"][begun]
        start[~holding] = -1
        self.notes["streak_loss"][begun] = self.loss[begun]
        self.notes["streak_norm"][begun] = self.gradient_norm[begun]
        self.notes["streak_parameters"][:, begun] = self.parameters[:, begun]

    def write(self, ending: Any, results: Results) -> None:
        """Put the end of lanes into the results: the streak's first check where they converged."""
        index = np.flatnonzero(ending)
        outcome, notes = self._outcome[index], self.notes
        rows = self.lanes["row"][index]
        converged = outcome == CONVERGED
        loss = np.where(converged, notes["streak_loss"][index], self.lanes["last_loss"][index])
        norm = np.where(converged, notes["streak_norm"][index], self.gradient_norm[index])
        results.outcome[rows] = outcome
        results.steps[rows] = np.where(
            converged, notes["streak_start"][index], self.lanes["step"][index]
        )
        results.final_loss[rows] = loss
        results.gradient_norm[rows] = np.where(outcome == DIVERGED, np.nan, norm)
        if results.final_parameters is not None:
            results.final_parameters[:, rows] = np.where(
                converged, notes["streak_parameters"][:, index], self.parameters[:, index]
            )

    def step(self) -> None:
        """One update; notes which lanes it did not change."""
        before: dict[str, Array] = {}
        if self._can_stall:
            before = {name: array.copy() for name, array in self.moving().items()}
        super().step()
        np.add(self.steps, 1, self.steps)
        if self._can_stall:
            self.notes.columns["unchanged"] = same_lanes(before, self.moving())
