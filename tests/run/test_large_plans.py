"""Plans of 10¹² trials start and resume at once, and send little data to workers."""

from __future__ import annotations

import pickle
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from gdbatch.plan import Plan
from gdbatch.run.directory import RunDirectory
from gdbatch.run.runner import Observer, SentPlan, ShardReport, run
from gdbatch.sweep_file import read_sweep
from tests.documents import document, plan_of

RATES = {"log10": [-3, 3], "num": 10**6}
QUADRATIC: dict[str, Any] = {
    "problem": {"kind": "function", "function": "quadratic", "eigenvalues": [1.0]},
    "init": {"kind": "uniform"},
    "train": {"max_steps": 1},
}
LARGE: dict[str, dict[str, Any]] = {
    "a grid": QUADRATIC | {"axes": {"learning_rate": RATES, "seed": {"count": 10**6}}},
    "bisections": QUADRATIC
    | {
        "axes": {
            "learning_rate": {"refine": [1.0, 3.0], "tolerance": 2**-7},
            "init.high": {"linear": [1.0, 2.0], "num": 10**11},
        }
    },
    "maps": QUADRATIC
    | {
        "optimizer": {"kind": "momentum"},
        "map": {"axes": ["momentum", "learning_rate"], "coarse": 32},
        "axes": {
            "momentum": {"linear": [0.0, 0.9], "num": 1000},
            "learning_rate": {"linear": [0.1, 4.0], "num": 1000},
            "seed": {"count": 10**6},
        },
    },
}


class _Stop(Observer):
    """Interrupts a run after its first shard."""

    def __init__(self) -> None:
        self.kept = -1
        self.report: ShardReport | None = None

    def start(self, trials: int, kept_trials: int) -> None:
        assert trials == 10**12
        self.kept = kept_trials

    def shard_done(self, report: ShardReport) -> None:
        self.report = report
        raise KeyboardInterrupt


@pytest.mark.parametrize("name", LARGE)
def test_the_first_part_of_a_large_plan_is_written_at_once(tmp_path: Path, name: str) -> None:
    source = document(**LARGE[name])
    read_sweep(source)  # imports
    tracemalloc.start()
    try:
        for part in range(2):
            started, observer = time.perf_counter(), _Stop()
            with pytest.raises(KeyboardInterrupt):
                run(Plan(read_sweep(source)), RunDirectory(tmp_path), jobs=1, observer=observer)
            assert observer.report is not None and observer.report.failure == ""
            assert observer.report.shard == part
            assert (observer.kept > 0) is (part > 0)
            assert time.perf_counter() - started < 30
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200e6
    assert len(list((tmp_path / "trials").iterdir())) == 2
    assert (tmp_path / "manifest.json").stat().st_size < 10_000


def test_a_worker_keeps_its_plan() -> None:
    plan = plan_of({"record.final_parameters": True})
    sent = SentPlan(plan)
    first, second = (pickle.loads(pickle.dumps(sent)).plan for _ in range(2))
    assert first is second is not plan
    assert (first.hash, first.recording_hash) == (plan.hash, plan.recording_hash)
    assert first.parameter_names == plan.parameter_names
    assert "_survey" not in vars(first)
    assert pickle.loads(pickle.dumps(SentPlan(plan_of()))).plan.hash == plan_of().hash != first.hash


def test_the_data_sent_to_workers_does_not_grow_with_the_groups() -> None:
    def sent(groups: int) -> int:
        axes = {"train.max_steps": {"range": [1, 1 + groups, 1]}, "learning_rate": [1.0]}
        plan = plan_of({"axes": axes}, train={})
        assert plan.cut.shards == plan.groups == groups
        return len(pickle.dumps(SentPlan(plan)))

    assert abs(sent(200) - sent(2)) < 100
