"""Runs a plan: an executor trains every unfinished shard into a run directory.

Workers write their shards themselves and return only counts.
"""

from __future__ import annotations

import functools
import os
import pickle
import time
import traceback
from collections.abc import Iterator
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
_WORTH_WORKERS = 1.0  # seconds of work that justify starting worker processes
_MOST_PREPARED = 100  # groups


@dataclass(frozen=True)
class ShardReport:
    """What a worker reports about one shard."""

    shard: int
    trials: int
    outcomes: dict[str, int] = field(default_factory=dict)
    updates: int = 0
    failure: str = ""
    fatal: bool = False  # the disk failed, not the shard, so that other shards would fail too


class SentPlan:
    """A plan for workers: pickled once, and kept by a worker from one task to the next."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    @functools.cached_property
    def _pickled(self) -> bytes:
        return pickle.dumps(self.plan.for_workers())

    def __reduce__(self) -> tuple[object, tuple[bytes]]:
        return _received, (self._pickled,)


@functools.lru_cache(maxsize=1)
def _received(pickled: bytes) -> SentPlan:
    return SentPlan(pickle.loads(pickled))


@dataclass(frozen=True)
class Work:
    """One task of an executor."""

    sent: SentPlan
    directory: RunDirectory
    shard: Shard


@dataclass
class Totals:
    """What a run has done, now and before."""

    trials: int = 0
    outcomes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(outcomes.names(), 0))
    updates: int = 0
    computed_shards: int = 0
    kept_shards: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Observer:
    """Receives the progress of a run; the base class does nothing."""

    def start(self, trials: int, kept_trials: int) -> None:
        """A run of `trials` trials begins, of which `kept_trials` are already done."""

    def preparing(self) -> None:
        """The engine compiles, once for all workers."""

    def shard_done(self, report: ShardReport) -> None:
        """A shard has finished or failed."""

    def stop(self) -> None:
        """The run has ended, complete or not."""


def run_shard(work: Work) -> ShardReport:
    """Train one shard and write its parts; the function that executors run."""
    plan, shard = work.sent.plan, work.shard
    try:
        with threadpoolctl.threadpool_limits(1):
            trained = plan.search.train(plan.shard_task(shard))
        work.directory.write_shard(plan, shard, trained)
    except GdbatchError as error:
        return ShardReport(shard.number, len(shard), failure=str(error), fatal=True)
    except IngredientError as error:  # from the user's own code
        failure = f"shard {shard.number}: {error.message}"
        return ShardReport(shard.number, len(shard), failure=failure)
    except Exception as error:  # the other shards continue
        if os.environ.get("GDBATCH_TRACEBACK"):
            traceback.print_exc()
        failure = f"shard {shard.number}: {type(error).__name__}: {error}"
        return ShardReport(shard.number, len(shard), failure=failure)
    results = trained.results
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
    """Run the unfinished shards of a plan; the returned totals list those that failed.

    Raises UsageError if the directory cannot be used, and RunError if the disk fails or a worker is
    lost. Finished shards are kept in every case, also after Ctrl-C.
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
    kept = _kept(plan, directory, totals)
    left = plan.shard_count - len(kept)
    if left:
        directory.check_machine()
    observer.start(plan.trials, totals.trials)
    workers = 1
    try:
        workers = _workers(plan, left, most_workers)
        _prepare(plan, left, observer)
        for report in chosen().run(run_shard, _work(plan, directory, kept), workers):
            _count(totals, report)
            observer.shard_done(report)
    finally:
        observer.stop()
    totals.seconds = time.perf_counter() - clock
    directory.amend_manifest(_summary(totals, workers))
    return totals


def _kept(plan: Plan, directory: RunDirectory, totals: Totals) -> set[int]:
    """The shards that earlier runs have finished; only those that have parts are checked."""
    kept = set()
    for number in directory.written_shards():
        shard = plan.shard(number)
        if directory.is_done(plan, shard):
            kept.add(number)
            totals.kept_shards += 1
            totals.trials += len(shard)
    return kept


def _work(plan: Plan, directory: RunDirectory, kept: set[int]) -> Iterator[Work]:
    """The tasks of the other shards, one at a time: there may be more than fit in memory."""
    sent = SentPlan(plan)
    return (Work(sent, directory, shard) for shard in plan.shards() if shard.number not in kept)


def _workers(plan: Plan, shards: int, most: int) -> int:
    """The number of workers for `shards` shards: one if starting more would take longer."""
    workers = min(most, max(1, shards))
    if workers == 1:
        return 1
    alone = estimate(plan, 1, _CALIBRATION).seconds * shards / plan.shard_count
    return 1 if alone < _WORTH_WORKERS else workers


def _prepare(plan: Plan, shards: int, observer: Observer) -> None:
    """Let the engine do once what every worker would otherwise repeat, such as compiling."""
    for number in range(min(plan.groups, _MOST_PREPARED) if shards else 0):
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


def _summary(totals: Totals, workers: int) -> dict[str, object]:
    """The entries of the manifest about a run that has ended."""
    return {
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
