"""The results of a task, one row per trial."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from .lane_state import Array


@dataclass
class Results:
    """The columns of `trials` that training fills, one row per trial of a task."""

    outcome: NDArray[np.int8]  # codes; see `outcomes.names`
    steps: NDArray[np.int64]
    initial_loss: NDArray[np.float64]
    final_loss: NDArray[np.float64]
    gradient_norm: NDArray[np.float64]
    final_parameters: NDArray[np.float64] | None = None  # (parameters, trials)
    trajectories: dict[str, Array] = field(default_factory=dict)  # see `trajectories.record`
    measures: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    @classmethod
    def empty(cls, trials: int, n_parameters: int | None) -> Results:
        """Empty results for `trials` trials."""
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

        def interleaved(arrays: list[Array]) -> Array:
            stacked = np.stack(arrays, axis=-1)
            return stacked.reshape(*stacked.shape[:-2], -1)

        return cls._merged(parts, interleaved)

    @classmethod
    def joined(cls, parts: Sequence[Results]) -> Results:
        """The rows of all parts in order, without trajectories."""
        return cls._merged(parts, lambda arrays: np.concatenate(arrays, axis=-1))

    def take(self, index: NDArray[np.int64]) -> Results:
        """The indexed rows, without trajectories."""
        return self._merged([self], lambda arrays: arrays[0][..., index])

    @classmethod
    def _merged(cls, parts: Sequence[Results], merge: Callable[[list[Array]], Array]) -> Results:
        """Results with every column merged from the columns of the parts."""
        merged = cls.empty(0, None)
        for name in (one.name for one in fields(cls)):
            arrays = [getattr(part, name) for part in parts]
            if isinstance(arrays[0], np.ndarray):
                setattr(merged, name, merge(arrays))
        measured = [part.measures for part in parts]
        merged.measures = {name: merge([one[name] for one in measured]) for name in measured[0]}
        return merged
