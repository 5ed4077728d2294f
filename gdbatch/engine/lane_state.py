"""Lane state: everything a trial carries while it trains, as columns of arrays.

Loading, dropping and replaying a trial are column operations, whatever is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..numerics.buffers import new_buffer

Array = NDArray[Any]


class LaneState:
    """Named arrays that share their last axis: `columns[name]` is (..., lanes).

    Always present: `parameters` (parameters, lanes) and, each (lanes,), `row`, the trial's row in
    the results; `step`, the number of updates made; `initial_loss`; and `last_loss`, the last
    finite loss. `state.NAME` is optimizer state, `number.NAME` a hyperparameter of the optimizer,
    `schedule.NAME` one of the schedule, `data.NAME` one of the problem. Minibatches add
    `batch_key` (lanes,). For every quantity of the task, `best.NAME` and `best_step.NAME` (lanes,)
    are its best value so far and the step of its evaluation.
    """

    def __init__(self, columns: dict[str, Array]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return int(self.columns["row"].shape[0])

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    def part(self, prefix: str) -> dict[str, Array]:
        """The columns `prefix.NAME`, by NAME."""
        return {name[len(prefix) + 1 :]: self.columns[name] for name in self.names(prefix)}

    def names(self, prefix: str) -> list[str]:
        """The names of the columns `prefix.NAME`."""
        return [name for name in self.columns if name.startswith(prefix + ".")]

    def take(self, index: Array | slice) -> LaneState:
        """A copy of the indexed lanes."""
        chosen = np.arange(len(self))[index]
        taken = {
            name: new_buffer((*array.shape[:-1], len(chosen)), array.dtype)
            for name, array in self.columns.items()
        }
        for name, array in self.columns.items():
            np.take(array, chosen, axis=-1, out=taken[name], mode="clip")
        return LaneState(taken)

    def put(self, slots: Array, other: LaneState) -> None:
        """Load the lanes of `other` into the given slots."""
        for name, array in self.columns.items():
            array[..., slots] = other.columns[name]

    @staticmethod
    def join(parts: Sequence[LaneState]) -> LaneState:
        """All lanes of all parts, in order."""
        if len(parts) == 1:
            return parts[0]
        return LaneState(
            {
                name: np.concatenate([part.columns[name] for part in parts], axis=-1)
                for name in parts[0].columns
            }
        )
