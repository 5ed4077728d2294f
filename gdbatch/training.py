"""How one trial is trained: budget, number type, rules and minibatches."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .ingredients.problems.minibatches import Batch
from .stopping import StopRule, rules_of


@dataclass(frozen=True)
class Training:
    """Budget, number type and rules of a training, resolved from `[train]`."""

    max_steps: int
    dtype: np.dtype[np.floating] = field(default_factory=lambda: np.dtype(np.float64))
    stop: dict[str, float] = field(default_factory=dict)  # stop rule → threshold
    hold: int = 1  # checks in a row for which the rules must hold
    divergence_limit: float | None = 1e8  # of the loss; None: only what is not finite
    engine: str = "numpy"
    batch: Batch | None = None  # None: every update uses all samples

    @property
    def largest_loss(self) -> float:
        """A |loss| above this, or one that is not a number, is a divergence."""
        largest = float(np.finfo(self.dtype).max)
        return largest if self.divergence_limit is None else min(self.divergence_limit, largest)

    @property
    def rules(self) -> list[tuple[type[StopRule], float]]:
        """The stop rules, each with its threshold."""
        return rules_of(self.stop)
