"""A block: lanes that step together, with the evaluator and buffers for their number.

It knows how to evaluate and to step; what to watch meanwhile is its users' affair.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ingredients.options import Floats
from ..ingredients.problems.minibatches import Minibatches, MinibatchEvaluator
from ..ingredients.problems.protocol import Evaluation, Evaluator
from ..numerics.buffers import new_buffer
from .engines import ENGINES
from .lane_state import Array, LaneState
from .results import Results
from .task import Task
from .updates import Updates

# NumPy reduces a lone lane in another order than lanes side by side: keep to a width where the
# bits of a lane do not depend on its neighbours
FEWEST_LANES = 8


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
        self._on_batch: Evaluator | None = None  # of the gradient, where it is not that measured
        batch = task.training.batch
        if batch:
            minibatches = Minibatches(batch, problem.n_samples, lanes["batch_key"], self.steps)
            self._on_batch = MinibatchEvaluator(problem, minibatches, dtype)
            if batch.tracked == "batch":
                self._evaluator, self._on_batch = self._on_batch, None
        self._for_update = Evaluation(self.gradient)
        self._updates = Updates(task, lanes, self.gradient)
        self.loss, self.prediction_error, self.gradient_norm = (
            new_buffer(width, dtype) for _ in range(3)
        )
        self.predictions = new_buffer((problem.n_predictions, width), dtype)

    def wanted(self, *names: str) -> Evaluation:
        """An evaluation that fills the named buffers of this block, and the gradient.

        Where updates have one of their own, it is filled for `measure_gradient_norm` only, with
        "gradient_norm" among the names.
        """
        spared = self._on_batch is not None and "gradient_norm" not in names
        buffers = {name: getattr(self, name) for name in names if name != "gradient_norm"}
        return Evaluation(None if spared else self.gradient, **buffers)

    def evaluate(self, out: Evaluation) -> None:
        """Evaluate all lanes where they stand."""
        if not out.asks_nothing:
            self._evaluator.evaluate(self.parameters, self._data, self.steps, out)

    def measure_gradient_norm(self) -> None:
        """Fill `gradient_norm` with √Σg² from the gradient of the last evaluation."""
        np.einsum("pl,pl->l", self.gradient, self.gradient, out=self.gradient_norm)
        np.sqrt(self.gradient_norm, self.gradient_norm)

    def step(self) -> None:
        """One update of all lanes from where they were evaluated; the gradient is used up."""
        if self._on_batch is not None:
            self._on_batch.evaluate(self.parameters, self._data, self.steps, self._for_update)
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
    block.evaluate(block.wanted("loss"))
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
