"""The cost that a dry run predicts, compared with the actual cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import threadpoolctl

from gdbatch.engine import train
from gdbatch.plan import Plan
from gdbatch.run import estimate as module
from gdbatch.run.estimate import estimate
from gdbatch.sweep_file import read_sweep
from tests.documents import document, plan_of
from tests.run.helpers import sweep_in

NETWORK = {"kind": "network", "layers": [2, 4, 1], "activation": "tanh",
           "inputs": [[0.1, 0.2], [0.3, -0.1]], "targets": [[0.3], [0.1]]}  # fmt: skip


@pytest.mark.parametrize(
    "record",
    [
        {"every": 1, "values": ["loss"]},
        {"every": 2, "values": ["loss", "parameters", "prediction"], "trials": {"seed": [0, 1]}},
        {"every": 20_000, "final_parameters": True, "trials": {}},
    ],
)
def test_the_bytes_of_a_run_are_predicted(tmp_path: Path, record: dict[str, Any]) -> None:
    source = document(
        {"axes.seed": {"count": 500}, "problem": NETWORK}, train={"max_steps": 400}, record=record
    )
    predicted = estimate(Plan(read_sweep(source)), 1, 5.0)
    assert not predicted.upper_bound
    run = sweep_in(tmp_path, source)
    written = sum(path.stat().st_size for path in run.path.glob("t*/*.parquet"))
    assert 0.4 < predicted.bytes / written < 2.5


def test_the_recorded_trials_are_counted() -> None:
    changes: dict[str, Any]
    for changes in ({}, {"record.trials": {"seed": [1, 3]}}, {"record.trials": {}}):
        plan = plan_of(changes)
        recordings = filter(None, map(plan.recording, plan.shards()))
        assert plan.recorded_trials == sum(len(one.rows) for one in recordings)


def test_the_calibration_of_a_large_network_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    updates: list[int] = []

    def watched(task: Any, **options: Any) -> Any:
        results = train(task, **options)
        updates.append(len(task) * task.training.max_steps)
        return results

    monkeypatch.setattr(module, "train", watched)
    network = {**NETWORK, "layers": [2, 100_000, 1]}
    estimate(plan_of(problem=network, train={"max_steps": 100_000}), 1, 0.0)
    assert sum(updates) * 300_000 * 2 <= module._PRODUCTS


def test_the_calibration_runs_with_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[Any] = []

    def watched(*arguments: Any, **options: Any) -> Any:
        threads.extend(pool["num_threads"] for pool in threadpoolctl.threadpool_info())
        return train(*arguments, **options)

    monkeypatch.setattr(module, "train", watched)
    estimate(plan_of(), 1)
    assert threads and set(threads) == {1}
