"""Estimates the cost of a sweep without running it: trials, groups, shards, time and bytes.

Time and bytes come from a short calibration on trials spread evenly over the plan.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace

import numpy as np
import threadpoolctl

from ..engine import Results, Task, train
from ..plan import Group, Plan
from ..plan.recorded import recorded_values
from .columns import trials_schema
from .executors.local import cores

_BUDGET = 0.35  # seconds of calibration per group
_MOST_GROUPS = 3
_TRIALS = 512
_PRODUCTS = 2**30  # at which the first attempt at a calibration stops
# bytes of a number in a compressed column, measured on the shipped sweeps
_BYTES_OF_TRIALS = 4.0
_BYTES_OF_TRAJECTORIES = 7.5
_OVERHEAD = 2000  # fixed cost of an update, as a number of lanes


@dataclass(frozen=True)
class Estimate:
    """The cost of a sweep."""

    name: str
    trials: int
    groups: int
    shards: int
    workers: int
    seconds: float
    upper_bound: bool  # whether `seconds` and `bytes` are upper bounds, else predictions
    bytes: int

    def as_dict(self) -> dict[str, object]:
        """As plain data."""
        return asdict(self)


@dataclass(frozen=True)
class _Calibration:
    """The average cost of a trial of one group, on one core."""

    seconds: float
    steps: float
    is_bound: bool  # some trials did not end during the calibration
    trajectory_bytes: float


def estimate(plan: Plan, jobs: int, budget: float = _BUDGET) -> Estimate:
    """Calibrate on up to three groups, `budget` seconds each, and scale up to the plan."""
    numbers = np.unique(np.linspace(0, plan.groups - 1, _MOST_GROUPS).astype(np.int64))
    with threadpoolctl.threadpool_limits(1):  # as in workers
        calibrations = [_calibrate(plan, int(number), budget) for number in numbers]
    workers = min(cores(jobs), plan.shard_count)
    seconds = _mean([one.seconds for one in calibrations])
    columns = len(trials_schema(plan))
    trajectory = _mean([one.trajectory_bytes for one in calibrations])
    return Estimate(
        plan.sweep.name,
        plan.trials,
        plan.groups,
        plan.shard_count,
        workers,
        seconds * plan.trials / workers,
        any(one.is_bound for one in calibrations) or not plan.search.trains_all,
        int(plan.trials * columns * _BYTES_OF_TRIALS + plan.recorded_trials * trajectory),
    )


def _calibrate(plan: Plan, number: int, most_seconds: float) -> _Calibration:
    group = plan.group(number)
    size = group.problem.n_parameters * max(1, group.problem.n_predictions)
    count = min(_TRIALS, group.trials, max(1, _PRODUCTS // (16 * size)))
    # a fractional stride is unlikely to be in step with any axis
    spread = (np.arange(count) * (group.trials / count)).astype(np.int64)
    task = plan.task_of(number, group.start + spread)
    most = task.training.max_steps
    budget, started = min(256, most, max(1, _PRODUCTS // (size * count))), time.perf_counter()
    while True:
        results, seconds = _train_briefly(plan, task, budget)
        if budget == most or time.perf_counter() - started > most_seconds / 4:
            break
        budget = min(4 * budget, most)
    unended = (results.steps == budget) & (budget < most)
    updates = float(results.steps.sum())
    steps = float(np.where(unended, most, results.steps).mean())
    # a full block spends less time per update than the narrow one of the calibration
    width = min(task.block_width, group.trials)
    seconds *= (1 + _OVERHEAD / width) / (1 + _OVERHEAD / count)
    return _Calibration(
        seconds * steps / max(updates, 1.0),
        steps,
        bool(unended.any()),
        _trajectory_bytes(plan, group, steps),
    )


def _train_briefly(plan: Plan, task: Task, budget: int) -> tuple[Results, float]:
    training = task.training
    stop = training.stop if training.hold <= budget + 1 else {}
    short = replace(task, training=replace(training, max_steps=budget, stop=stop))
    started = time.perf_counter()
    results = train(short, measures=plan.sweep.record.measures)
    return results, time.perf_counter() - started


def _trajectory_bytes(plan: Plan, group: Group, steps: float) -> float:
    """Bytes of a trajectory of `steps` updates; columns that are constant take no space."""
    every, values = recorded_values(plan.sweep.record, group)
    widths = {"prediction": group.problem.n_predictions, "parameters": group.problem.n_parameters}
    numbers = sum(widths.get(value, 1) for value in values)
    return (2 + steps / every) * (1 + numbers * _BYTES_OF_TRAJECTORIES)


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)
