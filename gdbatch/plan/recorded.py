"""Which trajectories of a plan are recorded, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..sweep_file.axis import Axis
from ..sweep_file.record import Record
from .groups import Group

_MOST_RECORDED = 9  # trajectories without [record]
_MOST_PREDICTIONS = 16  # recorded without [record]
_DEFAULT_ROWS = 10_000  # of a trajectory without [record].every

Dimension = tuple[Axis, ...]
Indices = NDArray[np.int64]


def recorded_indices(
    structural: Sequence[Dimension], lanes: Sequence[Dimension], record: Record
) -> list[Indices | None]:
    """The indices to record in each dimension, structural ones first; None for all of them."""
    dimensions = [*structural, *lanes]
    chosen = record.trials
    if chosen is not None:
        return [_chosen(dimension, chosen) for dimension in dimensions]
    fan = next(
        (one for one in dimensions for axis in one if axis.column == "learning_rate"),
        dimensions[-1] if dimensions else None,
    )
    indices: list[Indices | None] = []
    for dimension in dimensions:
        size = dimension[0].form.size
        if dimension is fan or dimension in structural:
            spread = np.linspace(0, size - 1, min(_MOST_RECORDED, size))
            indices.append(np.unique(spread.round().astype(np.int64)))
        else:
            indices.append(np.zeros(1, np.int64))
    return indices


def _chosen(dimension: Dimension, chosen: Mapping[str, Sequence[object]]) -> Indices | None:
    indices = None
    for axis in dimension:
        if axis.column in chosen:
            found = np.array([axis.place_of(wanted) for wanted in chosen[axis.column]], np.int64)
            indices = np.unique(found) if indices is None else np.intersect1d(indices, found)
    return indices


def recorded_values(record: Record, group: Group) -> tuple[int, tuple[str, ...]]:
    """The steps between recorded rows of a group, and the values in a row."""
    every = record.every or max(1, group.training.max_steps // _DEFAULT_ROWS)
    if record.every_epochs is not None:
        every = group.sections.train.updates(record.every_epochs, group.problem.n_samples)
    if record.values is not None:
        return every, tuple(record.values)
    few = 0 < group.problem.n_predictions <= _MOST_PREDICTIONS
    return every, ("loss", "prediction") if few else ("loss",)
