"""Helpers: tasks with any optimizer and schedule, and the same for the reference trainer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import ValidationError

from gdbatch import registry
from gdbatch.engine import Task
from gdbatch.ingredients.options import Number
from gdbatch.ingredients.problems.parameters import layer_indices
from gdbatch.reference import ReferenceUpdates
from tests.engine.helpers import Array

OPTIMIZERS = sorted(registry.family("optimizer"))
SPARING = OPTIMIZERS[::2]  # tested with weight decay of weights only, the others of all
SCHEDULES = sorted(registry.family("schedule"))
CANDIDATES = (0.9, 0.02, 7.0, 30.0)  # for a number without a default


def valid_numbers(family: str, kind: str) -> dict[str, float]:
    """The default, or a valid value, of each number of an entry that may differ by lane."""
    options = registry.get(family, kind).Options
    found: dict[str, float] = {}
    for name in options.lane_keys():
        field = options.model_fields[name]
        tried = CANDIDATES if field.is_required() or field.default is None else (field.default,)
        found[name] = next(one for one in tried if _is_allowed(options, kind, name, one))
    return found


def _is_allowed(options: Any, kind: str, name: str, number: float) -> bool:
    try:
        options.model_validate({"kind": kind, name: number})
    except ValidationError as error:
        return all(one["type"] == "missing" and one["loc"] != (name,) for one in error.errors())
    return True


def different_numbers(
    family: str, kind: str, lanes: int, spread: float = 0.1, seed: int = 0
) -> dict[str, Array]:
    """Valid numbers that differ between lanes."""
    random = np.random.default_rng([13, seed])
    options, numbers = registry.get(family, kind).Options, dict[str, Array]()
    for name, number in valid_numbers(family, kind).items():
        lowest = number * (1 - spread) if number else 0.0
        numbers[name] = random.uniform(lowest, number or spread, lanes)
        if not _is_allowed(options, kind, name, float(numbers[name].min())):  # the minimum
            numbers[name] = number + random.integers(0, 5, lanes).astype(float)
    return numbers


def with_updates(
    task: Task,
    optimizer: str = "gradient_descent",
    schedule: str = "constant",
    decoupled: bool = False,
    warm_up: Number = 0.0,
    schedule_hyperparameters: Mapping[str, Number] | None = None,
    **numbers: Number,
) -> Task:
    """The same trials under another optimizer, with defaults for all other numbers."""
    defaults = valid_numbers("optimizer", optimizer)
    for name in ("learning_rate", "clip_value", "clip_norm"):
        del defaults[name]
    rate = {"learning_rate": task.optimizer_hyperparameters["learning_rate"]}
    scheduled = valid_numbers("schedule", schedule) | {"warm_up": warm_up}
    return replace(
        task,
        optimizer=registry.get("optimizer", optimizer),
        optimizer_hyperparameters=defaults | rate | numbers,
        schedule=registry.get("schedule", schedule),
        schedule_hyperparameters=scheduled | dict(schedule_hyperparameters or {}),
        decoupled=decoupled,
    )


def any_updates(task: Task, optimizer: str, schedule: str, seed: int = 0) -> Task:
    """Different numbers in every trial, with clipping, decay, a warm-up and rates by layer."""
    trials, random = len(task), np.random.default_rng([17, seed])
    rates = np.asarray(task.optimizer_hyperparameters["learning_rate"])
    layers = int(layer_indices(task.problem.arrays)[-1]) + 1
    numbers = different_numbers("optimizer", optimizer, trials, seed=seed) | {
        "learning_rate": rates * random.uniform(0.5, 2, (layers, trials)),
        "weight_decay": random.uniform(0, 0.05, trials),
        "l1": random.uniform(0, 0.02, trials),
        "clip_norm": random.uniform(0.2, 2, trials),
        "clip_value": random.uniform(0.2, 2, trials),
    }
    updated = with_updates(
        task,
        optimizer,
        schedule,
        bool(seed % 2),
        random.integers(0, 4, trials).astype(float),
        {
            name: number
            for name, number in different_numbers("schedule", schedule, trials, seed=seed).items()
            if name != "warm_up"
        },
        **numbers,
    )
    return replace(updated, decayed="weights" if optimizer in SPARING else "all")


def decayed_of(task: Task) -> list[bool] | None:
    """Which parameters decay; None: all."""
    return None if task.decayed == "all" else (~task.problem.is_bias).tolist()


def updates_of(task: Task, row: int) -> ReferenceUpdates:
    """The updates of one trial of a task, for the reference trainer."""

    def numbers_of(numbers: Mapping[str, Number], dtype: Any) -> dict[str, Any]:
        found = {}
        for name, number in numbers.items():
            mine = number[..., row] if isinstance(number, np.ndarray) else np.asarray(number)
            found[name] = mine.astype(dtype) if mine.ndim else dtype(mine)
        return found

    dtype = task.training.dtype.type
    numbers = numbers_of(task.optimizer_hyperparameters, dtype)
    rates = np.broadcast_to(np.atleast_1d(numbers.pop("learning_rate")), _layers(task))
    schedule: dict[str, Any] = {
        "schedule": task.schedule,
        "schedule_hyperparameters": numbers_of(task.schedule_hyperparameters, np.float64),
    }
    return ReferenceUpdates(
        list(rates[layer_indices(task.problem.arrays)]),
        task.optimizer,
        numbers,
        task.decoupled,
        **(schedule if task.rate_varies else {}),
        decayed=decayed_of(task),
    )


def _layers(task: Task) -> int:
    return int(layer_indices(task.problem.arrays)[-1]) + 1
