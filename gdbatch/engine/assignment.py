"""What one call of the engine trains, and where its results land.

Plain arrays and ingredients; nothing here knows of files or plans.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import catalogue
from ..ingredients.initializers import Initializer
from ..ingredients.optimizers.protocol import Optimizer
from ..ingredients.options import Floats, Number, as_array
from ..ingredients.problems.protocol import Problem, lanes_in_cache, layers_of
from ..ingredients.schedules import Schedule
from ..streams import generator
from .lanes import Lanes
from .minibatches import keys_of
from .outcomes import Training

_CONSTANT: type[Schedule] = catalogue.get("schedule", "constant")

# of numbers that differ by lane; None: that of the training
_DTYPES = {"number": None, "data": None, "schedule": np.float64}


@dataclass(frozen=True)
class Assignment:
    """Trials that share every structural value: one row a trial.

    Numbers of ingredients are as in `options.Number`, with one column a trial.
    """

    problem: Problem
    initializer: Initializer
    optimizer: type[Optimizer]
    training: Training
    seeds: NDArray[np.int64]
    init_numbers: Mapping[str, Number]
    optimizer_numbers: Mapping[str, Number]
    entropy: int = 0
    problem_numbers: Mapping[str, Number] = field(default_factory=dict)
    schedule: type[Schedule] = field(default_factory=lambda: _CONSTANT)
    schedule_numbers: Mapping[str, Number] = field(default_factory=lambda: {"warm_up": 0.0})
    decoupled: bool = False  # weight decay

    def __len__(self) -> int:
        return len(self.seeds)

    @property
    def rate_varies(self) -> bool:
        """Whether the learning rate changes from step to step."""
        return self.schedule is not _CONSTANT or _is_used(self.schedule_numbers["warm_up"])

    @property
    def decays(self) -> bool:
        """Whether there is weight decay."""
        return _is_used(self.optimizer_numbers.get("weight_decay", 0.0))

    @property
    def can_stall(self) -> bool:
        """Whether an update that changes nothing is followed by its like."""
        return not (self.rate_varies or self.problem.uses_step or self.training.batch)

    @property
    def block_width(self) -> int:
        """Lanes that step together."""
        return block_width(self.problem, self.training)

    def initial_parameters(self, rows: NDArray[np.int64]) -> Floats:
        """Parameters (parameters, rows) before the first update, float64."""
        seeds, which = np.unique(self.seeds[rows], return_inverse=True)
        draws = [
            self.initializer.draw(generator(self.entropy, "init", int(seed)), int(seed))
            for seed in seeds
        ]
        numbers = {
            name: number[..., rows] if isinstance(number, np.ndarray) else as_array(number)
            for name, number in self.init_numbers.items()
        }
        return self.initializer.start(np.stack(draws, axis=1)[:, which], numbers)

    def fresh_lanes(self, rows: NDArray[np.int64]) -> Lanes:
        """Lanes for trials that have not begun."""
        dtype = self.training.dtype
        parameters = self.initial_parameters(rows).astype(dtype)
        columns: dict[str, Any] = {
            "parameters": parameters,
            "row": rows.copy(),
            "step": np.zeros(len(rows), np.int64),
            "last_loss": np.full(len(rows), np.nan, dtype),
        }
        if self.training.batch:
            columns["batch_key"] = keys_of(self.entropy, self.seeds[rows])
        for name in self.optimizer.state:
            columns[f"state.{name}"] = np.zeros_like(parameters)
        for name in self.optimizer.row_state:
            columns[f"state.{name}"] = np.zeros((1, len(rows)), dtype)
        for prefix in _DTYPES:
            for name, number in self._numbers(prefix).items():
                if isinstance(number, np.ndarray):
                    columns[f"{prefix}.{name}"] = self._spread(prefix, number[..., rows])
        return Lanes(columns)

    def constants(self, prefix: str) -> dict[str, Floats]:
        """Numbers that are the same in every lane, ready to broadcast; see `Lanes` for prefixes."""
        return {
            name: self._spread(prefix, as_array(number))
            for name, number in self._numbers(prefix).items()
            if not isinstance(number, np.ndarray)
        }

    def _numbers(self, prefix: str) -> Mapping[str, Number]:
        return {
            "number": self.optimizer_numbers,
            "data": self.problem_numbers,
            "schedule": self.schedule_numbers,
        }[prefix]

    def _spread(self, prefix: str, array: NDArray[np.float64]) -> Floats:
        """Numbers as the arrays of a block have them; of an optimizer's list, one a parameter."""
        if prefix == "number" and array.ndim == 2:
            array = array[layers_of(self.problem.arrays)]
        return array.astype(_DTYPES[prefix] or self.training.dtype)


def block_width(problem: Problem, training: Training) -> int:
    """Lanes that step together: a function of the shapes only."""
    dtype, batch = training.dtype, training.batch
    if batch is None:
        return problem.block_width(dtype)
    samples = problem.n_samples if batch.tracked == "full" else batch.size
    most = lanes_in_cache(max(1, batch.orders(problem.n_samples)), np.dtype(np.intp))
    return min(most, problem.block_width(dtype, samples))


def _is_used(number: Number) -> bool:
    return isinstance(number, np.ndarray) or number != 0


@dataclass
class Results:
    """One row a trial of an assignment; the columns of DESIGN's `trials` that training fills."""

    outcome: NDArray[np.int8]
    steps: NDArray[np.int64]
    initial_loss: NDArray[np.float64]
    final_loss: NDArray[np.float64]
    gradient_norm: NDArray[np.float64]
    final_parameters: NDArray[np.float64] | None = None  # (parameters, trials)
    trajectories: dict[str, Any] = field(default_factory=dict)  # see `recording`
    measures: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    refined: NDArray[np.float64] | None = None  # values of the axis that is; see `bisection`
    rows: NDArray[np.int64] | None = None  # of the shard, if not all; see `map_refinement`

    @classmethod
    def empty(cls, trials: int, n_parameters: int | None) -> Results:
        """Room for the results of `trials` trials."""
        return cls(
            np.full(trials, -1, np.int8),
            np.zeros(trials, np.int64),
            np.full(trials, np.nan),
            np.full(trials, np.nan),
            np.full(trials, np.nan),
            None if n_parameters is None else np.full((n_parameters, trials), np.nan),
        )

    @classmethod
    def side_by_side(cls, parts: Sequence[Results]) -> Results:
        """The first row of every part, then the second of every part, and so on."""

        def interleaved(arrays: list[NDArray[Any]]) -> NDArray[Any]:
            stacked = np.stack(arrays, axis=-1)
            return stacked.reshape(*stacked.shape[:-2], -1)

        return cls._merged(parts, interleaved)

    @classmethod
    def joined(cls, parts: Sequence[Results]) -> Results:
        """All rows of every part, one part after the other; without trajectories."""
        return cls._merged(parts, lambda arrays: np.concatenate(arrays, axis=-1))

    def take(self, index: NDArray[np.int64]) -> Results:
        """Some rows; without trajectories."""
        return self._merged([self], lambda arrays: arrays[0][..., index])

    @classmethod
    def _merged(
        cls, parts: Sequence[Results], merge: Callable[[list[NDArray[Any]]], NDArray[Any]]
    ) -> Results:
        """Every column made of the columns of the parts."""
        columns: dict[str, Any] = {}
        for name in (one.name for one in fields(cls)):
            arrays = [getattr(part, name) for part in parts]
            if isinstance(arrays[0], np.ndarray):
                columns[name] = merge(arrays)
        measured = [part.measures for part in parts]
        columns["measures"] = {name: merge([one[name] for one in measured]) for name in measured[0]}
        return cls(**columns)
