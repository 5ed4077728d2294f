"""A block: lanes that step together, with an evaluator and buffers of the same width.

A block evaluates and steps; subclasses add the checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..ingredients.options import Floats
from ..ingredients.problems.minibatches import Minibatches, MinibatchEvaluator
from ..ingredients.problems.protocol import Call, Evaluation, Evaluator
from ..ingredients.problems.quantities import QUANTITIES, QuantityEvaluation
from ..numerics.buffers import new_buffer
from .lane_state import Array, LaneState
from .protocol import Engine
from .results import Results
from .task import Task
from .updates import Updates

# NumPy reduces a single lane in a different order than several; from this width on, a lane's bits
# do not depend on its neighbours
FEWEST_LANES = 8

_EVALUATED = ("loss", "prediction_error", "predictions")


@dataclass(frozen=True)
class Prepared:
    """A reusable evaluation of a block."""

    out: Evaluation
    evaluate: Call


class Block:
    """Lanes in slots; slots from `occupied` on hold copies, which are ignored.

    After an evaluation, stop rules read it as a `stopping.Observed`.
    """

    def __init__(
        self,
        task: Task,
        engine: Engine,
        lanes: LaneState,
        quantities: Sequence[str] | None = None,
    ) -> None:
        """quantities: those that `evaluate_quantities` fills; None: those of the task."""
        self._task = task
        self.occupied = len(lanes)
        width = max(FEWEST_LANES, len(lanes))
        self.lanes = lanes = lanes.take(np.arange(width) % len(lanes))
        self.parameters: Floats = lanes["parameters"]
        self.initial_loss: Floats = lanes["initial_loss"]
        self.steps: NDArray[np.int64] = lanes["step"]
        self._data = lanes.part("data")
        problem, dtype = task.problem, task.training.dtype
        self.gradient: Floats = new_buffer(self.parameters.shape, dtype)
        self._evaluator = engine.evaluator(problem, width, dtype)
        on_batch: Evaluator | None = None  # for the updates, if all samples are tracked
        batch = task.training.batch
        if batch:
            minibatches = Minibatches(batch, problem.n_samples, lanes["batch_key"], self.steps)
            on_batch = MinibatchEvaluator(problem, minibatches, dtype)
            if batch.tracked == "batch":
                self._evaluator, on_batch = on_batch, None
        self._evaluate_batch = (
            on_batch.prepare(self.parameters, self._data, self.steps, Evaluation(self.gradient))
            if on_batch
            else None
        )
        self._updates = Updates(task, lanes, self.gradient)
        self.loss: Floats = new_buffer(width, dtype)
        self.prediction_error: Floats = new_buffer(width, dtype)
        self.gradient_norm: Floats = new_buffer(width, dtype)
        self.predictions: Floats = new_buffer((problem.n_predictions, width), dtype)
        names = task.quantities if quantities is None else quantities
        self._quantities = QuantityEvaluation(
            problem, names, self.parameters, self._data, self.steps, dtype
        )
        self.quantities = self._quantities.values

    def wanted(self, *names: str) -> Prepared:
        """An evaluation of all lanes that fills the named buffers and the gradient.

        If updates use minibatches but all samples are tracked, the gradient is filled only if
        "gradient_norm" is among the names, for `measure_gradient_norm`. Names that need no
        evaluation, such as "parameters", are ignored.
        """
        skips_gradient = self._evaluate_batch is not None and "gradient_norm" not in names
        buffers = {name: getattr(self, name) for name in names if name in _EVALUATED}
        out = Evaluation(None if skips_gradient else self.gradient, **buffers)
        if out.is_empty:
            return Prepared(out, lambda: None)
        return Prepared(out, self._evaluator.prepare(self.parameters, self._data, self.steps, out))

    def evaluate_quantities(self) -> None:
        """Fill `quantities` from the current parameters."""
        self._quantities.evaluate()

    def note_quantities(self, steps: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Evaluate the task's quantities in lanes that are due after `steps` updates.

        Keeps the best values; returns which lanes have run out of patience, (lanes,).
        """
        training = self._task.training
        self.evaluate_quantities()
        due = steps % training.every == 0
        for name, value in self.quantities.items():
            best = self.lanes[f"best.{name}"]
            improved = due & QUANTITIES[name].improves(value, best)
            np.copyto(best, value, where=improved)
            np.copyto(self.lanes[f"best_step.{name}"], steps, where=improved)
        if training.patience is None:
            return np.zeros(len(steps), bool)
        waited = steps - self.lanes[f"best_step.{training.patience_on}"]
        return np.asarray(due & (waited >= training.patience * training.every))

    def measure_gradient_norm(self) -> None:
        """Fill `gradient_norm` with √Σg² from the gradient of the last evaluation."""
        np.einsum("pl,pl->l", self.gradient, self.gradient, out=self.gradient_norm)
        np.sqrt(self.gradient_norm, self.gradient_norm)

    def step(self) -> None:
        """Update all lanes from the last evaluation; overwrites the gradient."""
        if self._evaluate_batch is not None:
            self._evaluate_batch()
        self._updates.make()

    def learning_rates(self) -> Floats:
        """The next update's learning rates, which broadcast to the parameters; valid until then."""
        return self._updates.rate()

    def moving(self) -> dict[str, Array]:
        """The columns that an update may change."""
        return {
            name: array
            for name, array in self.lanes.columns.items()
            if name == "parameters" or name.startswith("state.")
        }

    def unchanged_lanes(self, before: dict[str, Array]) -> NDArray[np.bool_]:
        """Which lanes the last update, and hence every later one, leaves unchanged, (lanes,).

        before: a copy of `moving` before the update. Parameters and moments must be unchanged; bias
        corrections must be constant or have no effect.
        """
        optimizer, moving = self._task.optimizer, self.moving()
        corrections = {f"state.{name}" for name in optimizer.row_state}
        unchanged = _same_lanes(before, moving, moving.keys() - corrections)
        if corrections:
            at_rest = _same_lanes(before, moving, corrections)
            if optimizer.numerator is not None:
                at_rest |= (self.lanes[f"state.{optimizer.numerator}"] == 0).all(axis=0)
            unchanged &= at_rest
        return unchanged


def begin(task: Task, engine: Engine, rows: NDArray[np.int64], results: Results) -> LaneState:
    """The lanes of the given rows before their first update; fills in their initial losses."""
    lanes = task.fresh_lanes(rows)
    block = Block(task, engine, lanes)
    block.wanted("loss").evaluate()
    loss = block.loss[: len(rows)]
    results.initial_loss[rows] = loss
    np.copyto(lanes["initial_loss"], loss)
    np.copyto(lanes["last_loss"], loss, where=np.isfinite(loss))
    return lanes


def _same_lanes(
    before: dict[str, Array], after: dict[str, Array], names: Iterable[str]
) -> NDArray[np.bool_]:
    """Which lanes have equal values in the named arrays, (lanes,)."""
    equal = [(before[name] == after[name]).all(axis=0) for name in names]
    return np.asarray(np.logical_and.reduce(equal))
