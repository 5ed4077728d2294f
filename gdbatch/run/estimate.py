"""What a sweep would cost: trials, groups, shards, time and bytes, without running it.

Time and bytes come from a short calibration on trials spread evenly over the plan.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ..engine.loop import train
from ..engine.results import Results
from ..engine.task import Task
from ..plan import Plan
from .executors.local import cores

_BUDGET = 0.35  # seconds of calibration a group
_MOST_GROUPS = 3
_TRIALS = 512
_BYTES_A_NUMBER = 4.0  # of a column, compressed; measured on the shipped sweeps


@dataclass(frozen=True)
class Estimate:
    """The cost of a sweep; seconds is an upper bound where `bounded`, else a prediction."""

    name: str
    trials: int
    groups: int
    shards: int
    workers: int
    seconds: float
    upper_bound: bool  # some of the calibration's trials had not ended when it did
    bytes: int

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def estimate(plan: Plan, jobs: int, budget: float = _BUDGET) -> Estimate:
    """Calibrate on up to three groups, `budget` seconds each, and scale up to the plan."""
    measured = np.unique(np.linspace(0, plan.groups - 1, _MOST_GROUPS).astype(np.int64))
    pairs = [_seconds_a_trial(plan, int(number), budget) for number in measured]
    workers = min(cores(jobs), plan.shard_count)
    seconds = float(np.mean([pair[0] for pair in pairs])) * plan.trials / workers
    columns = 5 + len(plan.axes)
    if plan.sweep.record.final_parameters:
        columns += plan.group(0).problem.n_parameters
    columns += sum(len(options.columns()) for options in plan.sweep.record.measures)
    return Estimate(
        plan.sweep.name,
        plan.trials,
        plan.groups,
        plan.shard_count,
        workers,
        seconds,
        any(pair[1] for pair in pairs) or not plan.search.trains_all,
        int(plan.trials * columns * _BYTES_A_NUMBER),
    )


def _seconds_a_trial(plan: Plan, number: int, most_seconds: float) -> tuple[float, bool]:
    """Time for one trial of a group on one core, and whether it is only an upper bound."""
    group = plan.group(number)
    count = min(_TRIALS, group.trials)
    # spread by a fraction of the whole that no axis is likely to be in step with
    places = (np.arange(count) * (group.trials / count)).astype(np.int64)
    task = plan.task_of(number, group.start + places)
    most = task.training.max_steps
    budget, started = min(256, most), time.perf_counter()
    while True:
        results, seconds = _train_briefly(plan, task, budget)
        if budget == most or time.perf_counter() - started > most_seconds / 4:
            break
        budget = min(4 * budget, most)
    cut = (results.steps == budget) & (budget < most)
    updates = float(results.steps.sum())
    expected = float(np.where(cut, most, results.steps).sum())
    width = task.block_width
    # a full block spends less on each update than the calibration's narrow one
    saved = _full_block_saving(count, min(width, group.trials))
    return seconds * saved * (expected / max(updates, 1.0)) / count, bool(cut.any())


def _train_briefly(plan: Plan, task: Task, budget: int) -> tuple[Results, float]:
    training = task.training
    stop = training.stop if training.hold <= budget + 1 else {}
    short = replace(task, training=replace(training, max_steps=budget, stop=stop))
    started = time.perf_counter()
    results = train(short, measures=plan.sweep.record.measures)
    return results, time.perf_counter() - started


def _full_block_saving(narrow: int, wide: int) -> float:
    """Time of an update in a wide block over that in a narrow one.

    Calls cost as much as about 2,000 updates of one weight, whatever the width.
    """
    overhead = 2000
    return (1 + overhead / wide) / (1 + overhead / narrow)
