"""The workloads: each is a sweep, so that every engine trains it in the usual way.

The peers of a workload get the same starts, rates, samples and rules as arrays.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import joblib
import numpy as np
import threadpoolctl
from numpy.typing import NDArray

from gdbatch.engine import Results, Task, train
from gdbatch.plan import Plan, Shard
from gdbatch.run.executors.local import in_worker
from gdbatch.sweep_file import read_sweep


@dataclass(frozen=True)
class Workload:
    """One row of the table: a sweep, and a description of its length."""

    name: str
    document: dict[str, Any]
    steps: int  # of every trial, or the maximum with a stop rule
    until: str = ""  # the stop rule, or "" for a fixed number of steps
    tolerance: float = 0.0

    def task(self, engine: str = "numpy") -> Task:
        """All trials of the sweep, in one assignment."""
        plan = Plan(read_sweep(self.document, engine=engine))
        assert plan.groups == 1
        return plan.task_of(0, np.arange(plan.trials))

    def repeated(self, times: int) -> Workload:
        """The workload with `factor` times the seeds."""
        document = copy.deepcopy(self.document)
        document["axes"]["seed"]["count"] *= times
        return replace(self, document=document)

    def case(self) -> Case:
        """The same as plain arrays, for peers."""
        task = self.task()
        dtype = task.training.dtype
        problem: Any = task.problem
        parameters = task.initial_parameters(np.arange(len(task))).astype(dtype)
        rates = np.asarray(task.optimizer_hyperparameters["learning_rate"]).astype(dtype)
        return Case(
            parameters,
            rates,
            problem.layers.inputs.astype(dtype),
            problem.layers.targets.astype(dtype),
            list(problem.layers.units),
            problem.options.activation_names()[0],
            problem.options.bias,
            self.steps,
            self.until,
            self.tolerance,
        )


@dataclass(frozen=True)
class Case:
    """A workload as arrays: parameters (parameters, trials), learning rates (trials,)."""

    parameters: NDArray[Any]
    rates: NDArray[Any]
    inputs: NDArray[Any]  # (samples, inputs)
    targets: NDArray[Any]  # (samples, outputs)
    layers: list[int]
    activation: str
    bias: bool
    steps: int
    until: str
    tolerance: float

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Weights (inputs, units) per layer, with biases as the last row."""
        return [
            (above + self.bias, below)
            for above, below in zip(self.layers[:-1], self.layers[1:], strict=True)
        ]

    def some(self, trials: int) -> Case:
        """The case with its first trials only, for a peer that is slow."""
        return replace(self, parameters=self.parameters[:, :trials], rates=self.rates[:trials])


@dataclass(frozen=True)
class Outcome:
    """The results of one run of an engine or a peer, for comparison."""

    updates: int  # useful ones: of each trial, those until its own end
    parameters: NDArray[Any]  # (parameters, trials) at the end of the trials
    steps: NDArray[Any]  # (trials,)


Run = Callable[[], Outcome]


def shards_run(workload: Workload, engine: str, workers: int) -> Callable[[], int]:
    """A run of an engine shard by shard, as a sweep does it; returns the updates made."""
    plan = Plan(read_sweep(workload.document, engine=engine))
    shards = list(plan.shards())

    def run() -> int:
        if workers == 1:
            return sum(_updates_of((plan, one)) for one in shards)
        # the workers survive from one turn to the next, so that only the first turn starts them
        parallel = joblib.Parallel(workers, batch_size=1, inner_max_num_threads=1)
        run_one = joblib.delayed(in_worker)
        tasks = (run_one(_updates_of, (plan, one), os.getpid()) for one in shards)
        return sum(parallel(tasks))

    return run


def _updates_of(task: tuple[Plan, Shard]) -> int:
    plan, shard = task
    with threadpoolctl.threadpool_limits(1):
        return int(train(plan.task(shard)).steps.sum())


def engine_run(workload: Workload, engine: str, measured: bool = False) -> Run:
    """A run of one of gdbatch's engines on one core, with the measures of the sweep or without."""
    task = workload.task(engine)
    measures = read_sweep(workload.document).record.measures if measured else ()

    def run() -> Outcome:
        results: Results = train(task, keep_parameters=True, measures=measures)
        assert results.final_parameters is not None
        return Outcome(int(results.steps.sum()), results.final_parameters, results.steps)

    return run


def workloads(scale: float = 1.0) -> list[Workload]:
    """All workloads; `scale` makes them shorter for a quick look."""
    fixed = max(64, int(512 * scale))
    return [
        *(_one_weight(8 * fixed, dtype) for dtype in ("float64", "float32")),
        _one_weight_until(fixed),
        *(_exclusive_or(2 * fixed, dtype) for dtype in ("float64", "float32")),
        _to_a_loss(2 * fixed),
        _many_samples(fixed // 2),
    ]


def _one_weight(steps: int, dtype: str) -> Workload:
    train_ = {"max_steps": steps, "dtype": dtype}
    rates = {"log10": [-2, 0], "num": 1024}
    document = _sweep(_ONE, train_, rates, 256, _RAND)
    return Workload(f"1→1 sigmoid, fixed steps, {dtype}", document, steps)


def _one_weight_until(rates: int) -> Workload:
    rule, most = ("prediction_error", 1e-3), 20_000
    train_ = {"max_steps": most, "stop": dict([rule])}
    document = _sweep(_ONE, train_, {"log10": [-1, 3], "num": rates}, 64, _RAND)
    name = "1→1 sigmoid until |p - t| ≤ 1e-3, float64"
    return Workload(name, document, most, *rule)


def _exclusive_or(steps: int, dtype: str) -> Workload:
    train_ = {"max_steps": steps, "dtype": dtype}
    document = _sweep(_XOR, train_, {"log10": [-2, 1], "num": 256}, 64, _BOTH_SIDES)
    return Workload(f"2→4→1 sigmoid with bias, 4 samples, {dtype}", document, steps)


def _to_a_loss(steps: int) -> Workload:
    problem = {**_TANH, "layers": [3, 8, 8, 1], **_samples(3, 32)}
    rule = ("loss", 0.02)
    rates, init = {"log10": [-3, 1], "num": 64}, {"kind": "normal", "scale": 0.5}
    document = _sweep(problem, {"max_steps": steps, "stop": dict([rule])}, rates, 16, init)
    name = "3→8→8→1 tanh, 32 samples, to a loss, float64"
    return Workload(name, document, steps, *rule)


def _many_samples(steps: int) -> Workload:
    problem = {**_TANH, "layers": [16, 16, 1], **_samples(16, 272)}
    rates, init = {"log10": [-3, -1], "num": 32}, {"kind": "normal", "scale": 0.25}
    document = _sweep(problem, {"max_steps": steps}, rates, 4, init)
    return Workload("16→16→1 tanh, 272 samples, float64", document, steps)


_ONE = {"layers": [1, 1], "inputs": [[0.1]], "targets": [[0.3]]}
_XOR = {
    "layers": [2, 4, 1],
    "bias": True,
    "inputs": [[0, 0], [0, 1], [1, 0], [1, 1]],
    "targets": [[0], [1], [1], [0]],
}
_TANH = {"activation": "tanh", "loss": "mean_squared_error"}
_RAND = {"kind": "uniform"}
_BOTH_SIDES = {"kind": "uniform", "low": -1.0, "high": 1.0}


def _sweep(
    problem: dict[str, Any], train_: dict[str, Any], rates: Any, seeds: int, init: Any
) -> dict[str, Any]:
    return {
        "name": "benchmark",
        "problem": {"kind": "network", **problem},
        "init": init,
        "optimizer": {"kind": "gradient_descent"},
        "train": train_,
        "axes": {"learning_rate": rates, "seed": {"count": seeds}},
    }


def _samples(inputs: int, count: int) -> dict[str, Any]:
    random = np.random.default_rng(1)
    points = random.standard_normal((count, inputs))
    values = np.sin(points.sum(axis=1, keepdims=True)) / 2
    return {"inputs": points.tolist(), "targets": values.tolist()}
