"""Builds the engine's task for some trials of a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .. import registry
from ..engine import Task
from ..ingredients.measures.protocol import MeasureOptions
from ..ingredients.options import Number, Options
from .groups import Group

Array = NDArray[np.generic]


def make_task(
    group: Group,
    trials: int,
    values: Mapping[str, Array],
    entropy: int,
    measures: Sequence[MeasureOptions] = (),
) -> Task:
    """The task of some trials of a group; `values` has one value per trial, by key of the axis."""
    sections = group.sections
    seeds = values.get("seed", np.zeros(trials, np.int64)).astype(np.int64)
    return Task(
        group.problem,
        group.initializer,
        registry.get("optimizer", sections.optimizer.kind),
        group.training,
        seeds,
        _hyperparameters("init", sections.init, values),
        _hyperparameters("optimizer", sections.optimizer, values),
        entropy,
        _hyperparameters("problem", sections.problem, values),
        registry.get("schedule", sections.schedule.kind),
        _hyperparameters("schedule", sections.schedule, values),
        sections.optimizer.decoupled,
        group.quantities(measures),
        sections.optimizer.decayed,
    )


def _hyperparameters(
    family: str, options: Options, values: Mapping[str, Array]
) -> dict[str, Number]:
    """The numbers of an ingredient that may differ by lane: from an axis, or as given."""
    numbers: dict[str, Number] = {}
    for name in options.lane_keys():
        key, given = f"{family}.{name}", getattr(options, name)
        if isinstance(given, dict):
            for inner, one in given.items():
                numbers[f"{name}.{inner}"] = _number(f"{key}.{inner}", one, values)
        elif isinstance(given, list):
            numbers[name] = _several(key, given, values)
        elif given is not None and not isinstance(given, Options):
            numbers[name] = _number(key, given, values)
    return numbers


def _number(key: str, given: float, values: Mapping[str, Array]) -> float | NDArray[np.float64]:
    return values[key].astype(np.float64) if key in values else float(given)


def _several(key: str, given: list[float], values: Mapping[str, Array]) -> Number:
    """A list whose numbers may be axes: a tuple, or an array (numbers, trials)."""
    parts = [_number(f"{key}.{index}", one, values) for index, one in enumerate(given)]
    if any(isinstance(part, np.ndarray) for part in parts):
        return np.array(np.broadcast_arrays(*parts))
    return tuple(float(part) for part in parts)
