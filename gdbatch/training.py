"""How one trial is trained: budget, number type, rules and minibatches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .ingredients.problems.minibatches import Batch
from .outcomes import COMPLETED, UNFINISHED


@dataclass(frozen=True)
class Training:
    """Budget, number type and rules of a training, resolved from `[train]`."""

    max_steps: int
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.float64))
    stop: dict[str, float] = field(default_factory=dict)  # rule → largest value that holds
    hold: int = 1  # checks in a row that the rules must hold
    divergence_limit: float | None = 1e8  # of the loss; None: only what is not finite
    engine: str = "numpy"
    batch: Batch | None = None  # None: every update is made from all samples

    @property
    def largest_loss(self) -> float:
        """A |loss| above this, or one that is not a number, is a divergence."""
        largest = float(np.finfo(self.dtype).max)
        return largest if self.divergence_limit is None else min(self.divergence_limit, largest)

    @property
    def end_of_budget(self) -> int:
        """The outcome of a trial that used its whole budget."""
        return UNFINISHED if self.stop else COMPLETED
