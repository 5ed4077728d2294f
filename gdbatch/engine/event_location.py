"""Event location: finds the exact step of a detected event by checking after every update."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from .. import outcomes
from ..ingredients.problems.quantities import QUANTITIES
from ..outcomes import CONTINUES, Check
from .block import FEWEST_LANES, Block
from .lane_state import Array, LaneState
from .oscillation import Oscillation
from .protocol import Engine
from .results import Results
from .task import Task

_COMPACT_BELOW = 0.75  # share of active lanes in a block below which ended lanes are dropped

Mask = NDArray[np.bool_]


class Observer(ABC):
    """Observes every step of lanes that step together."""

    @abstractmethod
    def update(self, block: Block) -> None:
        """Called after each evaluation of a block, which includes its loss."""

    @abstractmethod
    def compute(self, block: Block, chosen: slice | NDArray[np.int64]) -> None:
        """Called when the chosen lanes have ended and their results are written."""

    @abstractmethod
    def select(self, chosen: slice | NDArray[np.int64]) -> None:
        """Called when only these lanes remain in the block."""


class EventLocation:
    """Trains lanes with a check after every update, and writes the results of those that end."""

    def __init__(self, task: Task, engine: Engine, results: Results) -> None:
        self._task = task
        self._engine = engine
        self._results = results

    def run(
        self, lanes: LaneState, quiet_after: int, observer: Observer | None = None
    ) -> LaneState | None:
        """Train until every lane has ended or gone `quiet_after` updates without an event.

        Returns the lanes without an event, ready for stepping, or None. An observer sees every
        step; its lanes must start at the same step.
        """
        quiet: list[LaneState] = []
        block = _CheckedBlock(self._task, self._engine, lanes, None)
        while True:
            leaving, ending = block.check(quiet_after)
            if observer is not None:
                observer.update(block)
            if ending.any():
                block.write(ending, self._results)
                if observer is not None:
                    observer.compute(block, np.flatnonzero(ending))
            if leaving.any():
                quiet.append(block.lanes.take(np.flatnonzero(leaving)))
            block.active &= ~(leaving | ending)
            left = int(block.active.sum())
            if left == 0:
                return LaneState.join(quiet) if quiet else None
            block.step()
            if left < _COMPACT_BELOW * len(block.active) and len(block.active) > FEWEST_LANES:
                if observer is not None:
                    observer.select(np.flatnonzero(block.active))
                block = _CheckedBlock(self._task, self._engine, *block.remaining())


class _CheckedBlock(Block):
    """A block that also notes each lane's streak and what its last update changed."""

    def __init__(
        self, task: Task, engine: Engine, lanes: LaneState, notes: LaneState | None
    ) -> None:
        super().__init__(task, engine, lanes)
        width = len(self.lanes)
        self._training, self._rules = task.training, task.training.rules
        self._is_autonomous = task.is_autonomous
        self._last_unchecked = task.last_unchecked
        self._oscillation = Oscillation(task)
        self.active = np.arange(width) < self.occupied
        self._no_lanes = np.zeros(width, bool)
        self._loss_limit = self._training.loss_limit(self.initial_loss)
        self._outcome = np.full(width, CONTINUES, np.int8)
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
                    **{f"streak_{name}": array.copy() for name, array in self._bests().items()},
                    **self._oscillation.columns(self.parameters),
                }
            )
        elif len(notes) < width:
            notes = notes.take(np.arange(width) % len(notes))
        self.notes = notes
        read = {name for rule, _ in self._rules for name in rule.reads}
        self._at_check = self.wanted(*{"loss", *read, *(["gradient_norm"] if self._rules else [])})
        self._at_end = self.wanted("gradient_norm")

    def remaining(self) -> tuple[LaneState, LaneState]:
        """The active lanes and their notes."""
        index = np.flatnonzero(self.active)
        return self.lanes.take(index), self.notes.take(index)

    def check(self, quiet_after: int) -> tuple[Mask, Mask]:
        """Check every lane; returns which leave without an event and which have ended."""
        training, notes, step = self._training, self.notes, self.lanes["step"]
        self._at_check.evaluate()
        finite = np.isfinite(self.loss)
        np.copyto(self.lanes["last_loss"], self.loss, where=finite)
        finite &= np.isfinite(self.parameters).all(axis=0)
        within = np.abs(self.loss) <= self._loss_limit
        streak = held = out_of_patience = self._no_lanes
        if self._task.quantities and (step % training.every == 0).any():
            out_of_patience = self.note_quantities(step)
        if self._rules:
            self.measure_gradient_norm()
            self._note_streaks(finite & within)
            streak = notes["streak_start"] >= 0
            checks = (step - notes["streak_start"]) // training.check_every + 1
            held = streak & (checks >= training.hold)
        self._oscillation.note_loss(notes, step, self.loss)
        check = Check(
            step=step,
            max_steps=training.max_steps,
            has_stop_rule=bool(self._rules),
            loss=self.loss,
            initial_loss=self.initial_loss,
            parameters=self.parameters,
            is_finite=finite,
            is_within_limit=within,
            is_in_streak=streak,
            has_held=held,
            is_unchanged=notes["unchanged"],
            is_out_of_patience=out_of_patience,
            is_oscillating=self._oscillation.at_end(notes, step),
        )
        self._outcome = outcomes.classify(check)
        ending = self.active & (self._outcome != CONTINUES)
        if not self._rules and ending.any():
            if self._at_check.out.gradient is None:
                self._at_end.evaluate()
            self.measure_gradient_norm()
        return self._leaving(streak, quiet_after) & ~ending, ending

    def _leaving(self, streak: Mask, quiet_after: int) -> Mask:
        """Active lanes without an event for `quiet_after` updates."""
        if quiet_after > self._training.max_steps:
            return self._no_lanes
        step = self.lanes["step"]
        # near the end of the budget every update must be checked, so those lanes stay
        quiet = ~streak & (step - self.notes["arrival"] >= quiet_after)
        quiet &= step + quiet_after <= self._last_unchecked
        if self._task.quantities:
            quiet &= step % self._training.every == 0  # where stepping can begin
        return self.active & quiet

    def _note_streaks(self, holding: Mask) -> None:
        """Start and end streaks: consecutive checks at which all stop rules hold."""
        due = self.lanes["step"] % self._training.check_every == 0
        for rule, threshold in self._rules:
            value = np.asarray(rule.value(self), self._training.dtype)
            holding &= rule.holds(value, threshold)
        start = self.notes["streak_start"]
        begun = due & holding & (start < 0)
        start[begun] = self.lanes["step"][begun]
        start[due & ~holding] = -1
        self.notes["streak_loss"][begun] = self.loss[begun]
        self.notes["streak_norm"][begun] = self.gradient_norm[begun]
        self.notes["streak_parameters"][:, begun] = self.parameters[:, begun]
        for name, array in self._bests().items():
            self.notes[f"streak_{name}"][begun] = array[begun]

    def _bests(self) -> dict[str, Array]:
        """The best values of the task's quantities so far, and their steps."""
        names = [*self.lanes.names("best"), *self.lanes.names("best_step")]
        return {name: self.lanes[name] for name in names}

    def write(self, ending: Array, results: Results) -> None:
        """Write the results of lanes that have ended."""
        index = np.flatnonzero(ending)
        codes, notes = self._outcome[index], self.notes
        rows = self.lanes["row"][index]
        streak = outcomes.has("is_convergence", codes)
        loss = np.where(streak, notes["streak_loss"][index], self.lanes["last_loss"][index])
        norm = np.where(streak, notes["streak_norm"][index], self.gradient_norm[index])
        results.outcome[rows] = codes
        results.steps[rows] = np.where(
            streak, notes["streak_start"][index], self.lanes["step"][index]
        )
        results.final_loss[rows] = loss
        results.gradient_norm[rows] = np.where(outcomes.has("is_divergence", codes), np.nan, norm)
        self._write_bests(index, rows, streak, results)
        if results.final_parameters is not None:
            results.final_parameters[:, rows] = np.where(
                streak, notes["streak_parameters"][:, index], self.parameters[:, index]
            )

    def _write_bests(self, index: Array, rows: Array, streak: Mask, results: Results) -> None:
        """Write the best values at the end of the indexed lanes, and their steps."""
        best = {
            name: np.where(streak, self.notes[f"streak_{name}"][index], array[index])
            for name, array in self._bests().items()
        }
        for name in self._task.quantities:
            quantity, found = QUANTITIES[name], np.isfinite(best[f"best.{name}"])
            for column, values in ((quantity.best, "best"), (quantity.best_step, "best_step")):
                numbers = np.where(found, best[f"{values}.{name}"], np.nan)
                results.measures[column][rows] = numbers

    def step(self) -> None:
        """Make one update; notes which lanes it left unchanged and how it moved the parameters."""
        before: dict[str, Array] = {}
        if self._is_autonomous:
            before = {name: array.copy() for name, array in self.moving().items()}
        super().step()
        if self._is_autonomous:
            self.notes.columns["unchanged"] = self.unchanged_lanes(before)
            self._oscillation.note_move(
                self.notes, self.steps, before["parameters"], self.parameters
            )
        np.add(self.steps, 1, self.steps)
