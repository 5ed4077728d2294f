"""Quantities that are evaluated now and then: accuracy, and the loss and accuracy on held-out data.

Reading all samples at every update would cost as much as training, so stop rules, early stopping
and measures read these every `train.every` updates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...numerics.buffers import DType, new_buffer
from ..options import Floats
from .protocol import Call, Evaluation, Problem


@dataclass(frozen=True)
class Quantity:
    """One number per trial and evaluation."""

    name: str
    description: str
    part: Literal["training", "held-out"]  # of the data
    field: Literal["loss", "accuracy"]  # of `Evaluation`
    best_step: str  # name of the column with the step of the best value

    @property
    def best(self) -> str:
        """The name of the column with the best value."""
        return f"best_{self.name}"

    @property
    def rises(self) -> bool:
        """Whether larger values are better."""
        return self.field == "accuracy"

    @property
    def worst(self) -> float:
        """The value that every other one improves on."""
        return -np.inf if self.rises else np.inf

    def improves(self, value: Floats, best: Floats) -> NDArray[np.bool_]:
        """Where a value is better than the best one so far; False for NaN."""
        return np.asarray(value > best if self.rises else value < best)

    def source(self, problem: Problem) -> Problem | None:
        """The problem whose evaluations fill the quantity; None without held-out data."""
        return problem if self.part == "training" else problem.held_out

    def lacking(self, problem: Problem) -> str:
        """What a problem needs to have this quantity, "" if nothing."""
        if self.field == "accuracy" and not problem.has_classes:
            return "this problem has no classes, so it has no accuracy"
        if self.source(problem) is None:
            return "there is no held-out data; set problem.validation to a share or a file"
        return ""


QUANTITIES: Mapping[str, Quantity] = {
    one.name: one
    for one in (
        Quantity(
            "accuracy",
            "the share of samples whose class is predicted",
            "training",
            "accuracy",
            "best_accuracy_step",
        ),
        Quantity(
            "validation_loss",
            "the loss on the held-out samples",
            "held-out",
            "loss",
            "best_validation_step",
        ),
        Quantity(
            "validation_accuracy",
            "the share of held-out samples whose class is predicted",
            "held-out",
            "accuracy",
            "best_validation_accuracy_step",
        ),
    )
}


def rises(column: str) -> bool:
    """Whether larger values of a column of `trials` are better."""
    return any(column in (one.name, one.best) for one in QUANTITIES.values() if one.rises)


class QuantityEvaluation:
    """Evaluates some quantities of all lanes of a block."""

    def __init__(
        self,
        problem: Problem,
        names: Sequence[str],
        parameters: Floats,
        lane_data: Mapping[str, Floats],
        steps: NDArray[np.int64],
        dtype: DType,
    ) -> None:
        """Allocate; parameters: (parameters, lanes); see `Evaluator.prepare` for the others."""
        lanes = parameters.shape[1]
        self.values: dict[str, Floats] = {name: new_buffer(lanes, dtype) for name in names}
        self._calls: list[Call] = []
        for part in ("training", "held-out"):
            wanted = [QUANTITIES[name] for name in names if QUANTITIES[name].part == part]
            source = wanted[0].source(problem) if wanted else None
            if source is None:
                continue
            out = Evaluation(None, **{one.field: self.values[one.name] for one in wanted})
            evaluator = source.evaluator(lanes, dtype)
            self._calls.append(evaluator.prepare(parameters, lane_data, steps, out))

    def evaluate(self) -> None:
        """Fill `values` from the parameters' current contents."""
        for call in self._calls:
            call()
