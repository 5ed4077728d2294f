"""A block: lanes that step together, with the evaluator and buffers for their number.

It knows how to evaluate and to step; what to watch meanwhile is its users' affair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ingredients.options import Floats
from ..ingredients.problems.minibatches import Minibatches, MinibatchEvaluator
from ..ingredients.problems.protocol import Call, Evaluation, Evaluator
from ..numerics.buffers import new_buffer
from .engines import ENGINES
from .lane_state import Array, LaneState
from .results import Results
from .task import Task
from .updates import Updates

# NumPy reduces a lone lane in another order than lanes side by side: keep to a width where the
# bits of a lane do not depend on its neighbours
FEWEST_LANES = 8


@dataclass(frozen=True)
class Prepared:
    """An evaluation of a block that is ready to be made again and again."""

    out: Evaluation
    evaluate: Call


class Block:
    """Lanes in their slots; slots past `occupied` hold copies that nobody looks at."""

    def __init__(self, task: Task, lanes: LaneState) -> None:
        self._task = task
        self.occupied = len(lanes)
        width = max(FEWEST_LANES, len(lanes))
        self.lanes = lanes = lanes.take(np.arange(width) % len(lanes))
        self.parameters: Floats = lanes["parameters"]
        self.steps = lanes["step"]
        self._data = lanes.part("data")
        problem, dtype = task.problem, task.training.dtype
        engine = ENGINES[task.training.engine]
        self.gradient = new_buffer(self.parameters.shape, dtype)
        self._evaluator = engine.evaluator(problem, width, dtype)
        on_batch: Evaluator | None = None  # of the gradient, if it is not the one measured
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
        self.loss, self.prediction_error, self.gradient_norm = (
            new_buffer(width, dtype) for _ in range(3)
        )
        self.predictions = new_buffer((problem.n_predictions, width), dtype)

    def wanted(self, *names: str) -> Prepared:
        """An evaluation of all lanes that fills the named buffers of this block, and the gradient.

        Where updates have one of their own, it is filled for `measure_gradient_norm` only, with
        "gradient_norm" among the names.
        """
        spared = self._evaluate_batch is not None and "gradient_norm" not in names
        buffers = {name: getattr(self, name) for name in names if name != "gradient_norm"}
        out = Evaluation(None if spared else self.gradient, **buffers)
        if out.is_empty:
            return Prepared(out, lambda: None)
        return Prepared(out, self._evaluator.prepare(self.parameters, self._data, self.steps, out))

    def measure_gradient_norm(self) -> None:
        """Fill `gradient_norm` with √Σg² from the gradient of the last evaluation."""
        np.einsum("pl,pl->l", self.gradient, self.gradient, out=self.gradient_norm)
        np.sqrt(self.gradient_norm, self.gradient_norm)

    def step(self) -> None:
        """One update of all lanes from where they were evaluated; the gradient is used up."""
        if self._evaluate_batch is not None:
            self._evaluate_batch()
        self._updates.make()

    def learning_rates(self) -> Floats:
        """Of the next update, to broadcast to the parameters; valid until then."""
        return self._updates.rate()

    def moving(self) -> dict[str, Array]:
        """The columns that an update may change."""
        return {
            name: array
            for name, array in self.lanes.columns.items()
            if name == "parameters" or name.startswith("state.")
        }


def begin(task: Task, rows: NDArray[np.int64], results: Results) -> LaneState:
    """Rows of an assignment as lanes before their first update; reports their initial losses."""
    lanes = task.fresh_lanes(rows)
    block = Block(task, lanes)
    block.wanted("loss").evaluate()
    loss = block.loss[: len(rows)]
    results.initial_loss[rows] = loss
    np.copyto(lanes["last_loss"], loss, where=np.isfinite(loss))
    return lanes


def same_lanes(before: dict[str, Array], after: dict[str, Array]) -> Any:
    """Which lanes hold equal numbers in all arrays, (lanes,) bool."""
    same: Any = True
    for name, array in before.items():
        same = same & (array == after[name]).all(axis=0)
    return same
