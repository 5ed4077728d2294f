"""Runs a plan: every shard that is not done yet, on an executor, into a run directory.

Workers write their shard themselves and return only counts.
"""

from __future__ import annotations

import os
import time
import traceback
from dataclasses import dataclass, field

import numpy as np
import threadpoolctl

from .. import outcomes, registry
from ..engine import engine_named
from ..errors import GdbatchError, IngredientError, RunError, UsageError
from ..plan import Plan, Shard
from .directory import RunDirectory
from .estimate import estimate
from .executors.local import cores
from .executors.protocol import Executor
from .manifest import moment

_CALIBRATION = 0.1  # seconds
_WORTH_WORKERS = 1.0  # seconds of work from which on to start worker processes
_MOST_PREPARED = 100  # groups


@dataclass(frozen=True)
class ShardReport:
    """What a worker says of one shard."""

    shard: int
    trials: int
    outcomes: dict[str, int] = field(default_factory=dict)
    updates: int = 0
    failure: str = ""
    fatal: bool = False  # the disk, not the shard: going on makes no sense


@dataclass(frozen=True)
class Work:
    """One task of an executor."""

    plan: Plan
    directory: RunDirectory
    shard: Shard


@dataclass
class Totals:
    """What a run did, this time and before."""

    trials: int = 0
    outcomes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(outcomes.names(), 0))
    updates: int = 0
    computed_shards: int = 0
    kept_shards: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Observer:
    """Is told how a run goes; this one keeps it to itself."""

    def start(self, trials: int, kept_trials: int) -> None:
        """A run of `trials` trials begins, of which some are done already."""

    def preparing(self) -> None:
        """The engine compiles what it will run, which is done once for all workers."""

    def shard_done(self, report: ShardReport) -> None:
        """A shard has come back."""

    def stop(self) -> None:
        """The run is over, however."""


def run_shard(work: Work) -> ShardReport:
    """Train one shard and write its parts; the function that executors are handed."""
    plan, shard = work.plan, work.shard
    try:
        with threadpoolctl.threadpool_limits(1):
            results = plan.search.train(plan.shard_task(shard))
        work.directory.write_shard(plan, shard, results)
    except GdbatchError as error:
        return ShardReport(shard.number, len(shard), failure=str(error), fatal=True)
    except IngredientError as error:  # in code that a sweep names
        failure = f"shard {shard.number}: {error.message}"
        return ShardReport(shard.number, len(shard), failure=failure)
    except Exception as error:  # a shard that fails must not take the others with it
        if os.environ.get("GDBATCH_TRACEBACK"):
            traceback.print_exc()
        failure = f"shard {shard.number}: {type(error).__name__}: {error}"
        return ShardReport(shard.number, len(shard), failure=failure)
    counts = np.bincount(results.outcome, minlength=len(outcomes.names()))
    return ShardReport(
        shard.number,
        len(shard),
        dict(zip(outcomes.names(), counts.tolist(), strict=True)),
        int(results.steps.sum()),
    )


def run(
    plan: Plan,
    directory: RunDirectory,
    *,
    jobs: int = -1,
    executor: str = "local",
    fresh: bool = False,
    observer: Observer | None = None,
) -> Totals:
    """Run what is left of a plan; returns totals, with a list of shards that failed.

    Raises UsageError for a directory that is something else's, RunError for the disk or a lost
    worker, KeyboardInterrupt when interrupted; finished shards are kept in every case.
    """
    try:
        chosen: type[Executor] = registry.get("executor", executor)
    except KeyError as error:
        raise UsageError(error.args[0]) from None
    observer = observer or Observer()
    clock = time.perf_counter()
    most_workers = cores(jobs)
    plan = directory.prepare(plan, fresh)
    totals = Totals()
    todo = []
    for shard in plan.shards():
        if directory.is_done(plan, shard):
            totals.kept_shards += 1
            totals.trials += len(shard)
        else:
            todo.append(shard)
    if todo:
        directory.check_machine()
    observer.start(plan.trials, totals.trials)
    try:
        workers = _workers(plan, len(todo), most_workers)
        _prepare(plan, observer)
        tasks = (Work(plan, directory, shard) for shard in todo)
        for report in chosen().run(run_shard, tasks, workers):
            _count(totals, report)
            observer.shard_done(report)
    finally:
        observer.stop()
    totals.seconds = time.perf_counter() - clock
    directory.amend_manifest(
        {
            "finished": moment(time.time()),
            "seconds": round(totals.seconds, 3),
            "workers": workers,
            "totals": {
                "trials": totals.trials,
                "shards_computed": totals.computed_shards,
                "shards_kept": totals.kept_shards,
                "updates_computed": totals.updates,
                "failures": totals.failures,
            },
        }
    )
    return totals


def _workers(plan: Plan, shards: int, most: int) -> int:
    """Worker processes for so many shards: one where starting others would take longer."""
    workers = min(most, max(1, shards))
    if workers == 1:
        return 1
    alone = estimate(plan, 1, _CALIBRATION).seconds * shards / plan.shard_count
    return 1 if alone < _WORTH_WORKERS else workers


def _prepare(plan: Plan, observer: Observer) -> None:
    """What an engine does once, such as compiling, so that workers find it done."""
    for number in range(min(plan.groups, _MOST_PREPARED)):
        task = plan.task_of(number, np.array([plan.group(number).start]))
        engine = engine_named(task.training.engine)
        if engine.is_prepared(task):
            continue
        observer.preparing()
        engine.prepare(task)


def _count(totals: Totals, report: ShardReport) -> None:
    if report.fatal:
        raise RunError(report.failure)
    if report.failure:
        totals.failures.append(report.failure)
        return
    totals.trials += report.trials
    totals.updates += report.updates
    totals.computed_shards += 1
    for name, count in report.outcomes.items():
        totals.outcomes[name] += count
