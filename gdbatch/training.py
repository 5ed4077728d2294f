"""How one trial is trained: budget, number type, rules and minibatches."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .ingredients.problems.minibatches import Batch
from .ingredients.problems.quantities import QUANTITIES
from .stopping import StopRule, rules_of


@dataclass(frozen=True)
class Training:
    """Budget, number type and rules of a training, resolved from `[train]`."""

    max_steps: int
    dtype: np.dtype[np.floating] = field(default_factory=lambda: np.dtype(np.float64))
    stop: dict[str, float] = field(default_factory=dict)  # stop rule → threshold
    hold: int = 1  # checks in a row for which the rules must hold
    divergence_factor: float | None = 1e8  # limit of |loss|, relative to max(|initial loss|, 1)
    divergence_limit: float | None = None  # absolute, in place of the factor
    engine: str = "numpy"
    batch: Batch | None = None  # None: every update uses all samples
    every: int = 1  # updates between evaluations of `QUANTITIES`
    patience: int | None = None  # evaluations without a better value that end a trial
    patience_on: str = "validation_loss"  # one of `QUANTITIES`

    def loss_limit(self, initial_loss: NDArray[np.floating]) -> NDArray[np.floating]:
        """The largest |loss| that does not count as divergence, for each initial loss.

        With neither a factor nor a limit, it is the largest finite number.
        """
        largest = np.full_like(initial_loss, np.finfo(self.dtype).max)
        if self.divergence_limit is not None:
            return np.asarray(np.minimum(self.divergence_limit, largest))
        if self.divergence_factor is not None:
            size = np.maximum(np.abs(initial_loss), 1)
            return np.asarray(np.minimum(self.divergence_factor * size, largest))
        return largest

    @property
    def check_every(self) -> int:
        """Updates between two checks of the stop rules.

        If one of them reads a quantity, all are checked when it is evaluated; otherwise, they are
        checked after every update.
        """
        return self.every if any(rule.reads_quantities() for rule, _ in self.rules) else 1

    @property
    def quantities(self) -> frozenset[str]:
        """The quantities that end trials."""
        read = {name for rule, _ in self.rules for name in rule.reads if name in QUANTITIES}
        return frozenset(read | ({self.patience_on} if self.patience is not None else set()))

    @property
    def rules(self) -> list[tuple[type[StopRule], float]]:
        """The stop rules, each with its threshold."""
        return rules_of(self.stop)
