"""Tasks: what one call of the engine trains, as plain arrays and ingredients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .. import outcomes, registry
from ..ingredients.initializers.protocol import Initializer
from ..ingredients.optimizers.protocol import Optimizer
from ..ingredients.options import Floats, Number, as_array
from ..ingredients.problems.minibatches import keys_of
from ..ingredients.problems.parameters import layer_indices
from ..ingredients.problems.protocol import Problem, lanes_in_cache
from ..ingredients.problems.quantities import QUANTITIES
from ..ingredients.schedules.protocol import Schedule
from ..training import Training
from .lane_state import Array, LaneState

# dtypes of hyperparameters, by column prefix; None: the dtype of the training
_DTYPES = {"number": None, "data": None, "schedule": np.float64}


@dataclass(frozen=True)
class Task:
    """Trials that share every structural value, one row per trial.

    Arrays of hyperparameters have one column per trial; see `options.Number`.
    """

    problem: Problem
    initializer: Initializer
    optimizer: type[Optimizer]
    training: Training
    seeds: NDArray[np.int64]
    init_hyperparameters: Mapping[str, Number]
    optimizer_hyperparameters: Mapping[str, Number]
    entropy: int = 0
    problem_hyperparameters: Mapping[str, Number] = field(default_factory=dict)
    schedule: type[Schedule] = field(default_factory=lambda: registry.get("schedule", "constant"))
    schedule_hyperparameters: Mapping[str, Number] = field(default_factory=lambda: {"warm_up": 0.0})
    decoupled: bool = False  # weight decay
    quantities: tuple[str, ...] = ()  # evaluated every `training.every` updates
    decayed: Literal["all", "weights"] = "all"  # what weight decay and l1 act on

    def __len__(self) -> int:
        return len(self.seeds)

    @property
    def rate_varies(self) -> bool:
        """Whether the learning rate changes from step to step."""
        return not self.schedule.is_constant or _is_used(self.schedule_hyperparameters["warm_up"])

    def uses(self, name: str) -> bool:
        """Whether a number of the optimizer is not 0, in any trial."""
        return _is_used(self.optimizer_hyperparameters.get(name, 0.0))

    @property
    def rate_factors(self) -> NDArray[np.float64] | None:
        """The factor of each parameter's learning rate by the parametrization; None: all are 1."""
        scaling, power = self.problem.scaling, self.optimizer.gradient_power
        return None if scaling is None or power is None else scaling.rate_factors(power)

    @property
    def is_autonomous(self) -> bool:
        """Whether an update depends only on parameters and optimizer state."""
        return not (self.rate_varies or self.problem.uses_step or self.training.batch)

    @property
    def oscillation_updates(self) -> int:
        """The number of updates at the end of the budget that are examined for oscillation."""
        if not (self.training.stop and self.is_autonomous):
            return 0
        return outcomes.oscillation_updates(self.training.max_steps)

    @property
    def last_unchecked(self) -> int:
        """The last step that lanes may reach without a check after every update."""
        return self.training.max_steps - self.oscillation_updates

    @property
    def block_width(self) -> int:
        """How many lanes step together."""
        return block_width(self.problem, self.training)

    def initial_parameters(self, rows: NDArray[np.int64]) -> Floats:
        """The parameters (parameters, rows) before the first update, in float64."""
        seeds, which = np.unique(self.seeds[rows], return_inverse=True)
        draws = [self.initializer.draws(self.entropy, int(seed)) for seed in seeds]
        hyperparameters = {
            name: number[..., rows] if isinstance(number, np.ndarray) else as_array(number)
            for name, number in self.init_hyperparameters.items()
        }
        return self.initializer.start(np.stack(draws, axis=1)[:, which], hyperparameters)

    def fresh_lanes(self, rows: NDArray[np.int64]) -> LaneState:
        """Lanes for the given rows at step 0."""
        dtype = self.training.dtype
        parameters = self.initial_parameters(rows).astype(dtype)
        columns: dict[str, Array] = {
            "parameters": parameters,
            "row": rows.copy(),
            "step": np.zeros(len(rows), np.int64),
            "initial_loss": np.full(len(rows), np.nan, dtype),
            "last_loss": np.full(len(rows), np.nan, dtype),
        }
        if self.training.batch:
            columns["batch_key"] = keys_of(self.entropy, self.seeds[rows])
        for name in self.quantities:
            columns[f"best.{name}"] = np.full(len(rows), QUANTITIES[name].worst, dtype)
            columns[f"best_step.{name}"] = np.zeros(len(rows), np.int64)
        for name in self.optimizer.state:
            columns[f"state.{name}"] = np.zeros_like(parameters)
        for name in self.optimizer.row_state:
            columns[f"state.{name}"] = np.zeros((1, len(rows)), dtype)
        for prefix in _DTYPES:
            for name, number in self._hyperparameters(prefix).items():
                if isinstance(number, np.ndarray):
                    columns[f"{prefix}.{name}"] = self._expanded(prefix, name, number[..., rows])
        return LaneState(columns)

    def constants(self, prefix: str) -> dict[str, Floats]:
        """Hyperparameters that are the same in every lane, ready to broadcast.

        prefix: a column prefix of `LaneState`.
        """
        return {
            name: self._expanded(prefix, name, as_array(number))
            for name, number in self._hyperparameters(prefix).items()
            if not isinstance(number, np.ndarray)
        }

    def _hyperparameters(self, prefix: str) -> Mapping[str, Number]:
        return {
            "number": self.optimizer_hyperparameters,
            "data": self.problem_hyperparameters,
            "schedule": self.schedule_hyperparameters,
        }[prefix]

    def _expanded(self, prefix: str, name: str, array: NDArray[np.float64]) -> Floats:
        """Hyperparameters in a block's dtype; optimizer lists are expanded to all parameters."""
        if prefix == "number" and array.ndim == 2:
            array = array[layer_indices(self.problem.arrays)]
        scaled = name == "learning_rate" or (name == "weight_decay" and self.uses(name))
        factors = self.rate_factors if prefix == "number" and scaled else None
        if factors is not None:
            # η λ is that of the base width, so that weights decay as fast at every width
            by_rate = name == "learning_rate"
            array = array * factors[:, None] if by_rate else array / factors[:, None]
        return array.astype(_DTYPES[prefix] or self.training.dtype)


def block_width(problem: Problem, training: Training) -> int:
    """How many lanes step together; depends only on shapes."""
    dtype, batch = training.dtype, training.batch
    if batch is None:
        return problem.block_width(dtype)
    samples = problem.n_samples if batch.tracked == "full" else batch.size
    most = lanes_in_cache(max(1, batch.orders(problem.n_samples)), np.dtype(np.intp))
    return min(most, problem.block_width(dtype, samples))


def _is_used(number: Number) -> bool:
    return isinstance(number, np.ndarray) or number != 0
