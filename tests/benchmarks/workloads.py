"""What is measured: each workload is a sweep, so that every engine trains it by the usual way.

The peers of a workload get the same starts, rates, samples and rules as arrays.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import joblib
import numpy as np
import threadpoolctl
from numpy.typing import NDArray

from gdbatch.engine.assignment import Assignment, Results
from gdbatch.engine.loop import train
from gdbatch.executors import in_worker
from gdbatch.plan import Plan, Shard
from gdbatch.sweep_file import read_sweep


@dataclass(frozen=True)
class Workload:
    """One row of the table: a sweep, and how its length is told."""

    name: str
    document: dict[str, Any]
    steps: int  # of every trial, or the most of one that stops by a rule
    until: str = ""  # the stop rule, or "" for a fixed number of steps
    tolerance: float = 0.0

    def assignment(self, engine: str = "numpy") -> Assignment:
        """All trials of the sweep, in one assignment."""
        plan = Plan(read_sweep(self.document, engine=engine))
        assert plan.groups == 1
        return plan.assignment_of(0, np.arange(plan.trials))

    def repeated(self, times: int) -> Workload:
        """The workload with so many times the seeds."""
        document = copy.deepcopy(self.document)
        document["axes"]["seed"]["count"] *= times
        return replace(self, document=document)

    def case(self) -> Case:
        """The same as plain arrays, for peers."""
        assignment = self.assignment()
        dtype = assignment.training.dtype
        problem: Any = assignment.problem
        parameters = assignment.initial_parameters(np.arange(len(assignment))).astype(dtype)
        rates = np.asarray(assignment.optimizer_numbers["learning_rate"]).astype(dtype)
        return Case(
            parameters,
            rates,
            problem.inputs.astype(dtype),
            problem.target_rows.astype(dtype),
            list(problem.layers),
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
        """Weights (inputs, units) a layer, biases as a last row."""
        return [
            (above + self.bias, below)
            for above, below in zip(self.layers[:-1], self.layers[1:], strict=True)
        ]

    def some(self, trials: int) -> Case:
        """The case with its first trials only, for a peer that is slow."""
        return replace(self, parameters=self.parameters[:, :trials], rates=self.rates[:trials])


@dataclass(frozen=True)
class Outcome:
    """What one run of an engine or a peer gave, for its numbers to be compared."""

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
        # the workers stay from one turn to the next, so that only the first one starts them
        parallel = joblib.Parallel(workers, batch_size=1, inner_max_num_threads=1)
        return sum(parallel(joblib.delayed(in_worker)(_updates_of, (plan, one)) for one in shards))

    return run


def _updates_of(task: tuple[Plan, Shard]) -> int:
    plan, shard = task
    with threadpoolctl.threadpool_limits(1):
        return int(train(plan.assignment(shard)).steps.sum())


def engine_run(workload: Workload, engine: str, measured: bool = False) -> Run:
    """A run of one of gdbatch's engines on one core, with the measures of the sweep or without."""
    assignment = workload.assignment(engine)
    measures = read_sweep(workload.document).record.measures if measured else ()

    def run() -> Outcome:
        results: Results = train(assignment, keep_parameters=True, measures=measures)
        assert results.final_parameters is not None
        return Outcome(int(results.steps.sum()), results.final_parameters, results.steps)

    return run


def _sweep(
    problem: dict[str, Any], train_: dict[str, Any], rates: Any, seeds: int, init: Any
) -> Any:
    return {
        "name": "benchmark",
        "problem": {"kind": "network", **problem},
        "init": init,
        "optimizer": {"kind": "gradient_descent"},
        "train": train_,
        "axes": {"learning_rate": rates, "seed": {"count": seeds}},
    }


_ONE = {"layers": [1, 1], "inputs": [[0.1]], "targets": [[0.3]]}
_XOR = {
    "layers": [2, 4, 1],
    "bias": True,
    "inputs": [[0, 0], [0, 1], [1, 0], [1, 1]],
    "targets": [[0], [1], [1], [0]],
}
_RAND = {"kind": "uniform"}
_BOTH_SIDES = {"kind": "uniform", "low": -1.0, "high": 1.0}


def _samples(inputs: int, count: int) -> dict[str, Any]:
    random = np.random.default_rng(1)
    points = random.standard_normal((count, inputs))
    values = np.sin(points.sum(axis=1, keepdims=True)) / 2
    return {"inputs": points.tolist(), "targets": values.tolist()}


def workloads(scale: float = 1.0) -> list[Workload]:
    """All workloads; `scale` makes them shorter for a quick look."""
    fixed, rows = max(64, int(512 * scale)), max(64, int(512 * scale))
    found = []
    for dtype in ("float64", "float32"):
        found.append(
            Workload(
                f"1→1 sigmoid, fixed steps, {dtype}",
                _sweep(
                    _ONE,
                    {"max_steps": 8 * fixed, "dtype": dtype},
                    {"log10": [-2, 0], "num": 1024},
                    256,
                    _RAND,
                ),
                8 * fixed,
            )
        )
    found.append(
        Workload(
            "1→1 sigmoid until |p - t| ≤ 1e-3, float64",
            _sweep(
                _ONE,
                {"max_steps": 20_000, "stop": {"prediction_error": 1e-3}},
                {"log10": [-1, 3], "num": rows},
                64,
                _RAND,
            ),
            20_000,
            "prediction_error",
            1e-3,
        )
    )
    for dtype in ("float64", "float32"):
        found.append(
            Workload(
                f"2→4→1 sigmoid with bias, 4 samples, {dtype}",
                _sweep(
                    _XOR,
                    {"max_steps": 2 * fixed, "dtype": dtype},
                    {"log10": [-2, 1], "num": 256},
                    64,
                    _BOTH_SIDES,
                ),
                2 * fixed,
            )
        )
    found.append(
        Workload(
            "3→8→8→1 tanh, 32 samples, to a loss, float64",
            _sweep(
                {
                    "layers": [3, 8, 8, 1],
                    "activation": "tanh",
                    "loss": "mean_squared_error",
                    **_samples(3, 32),
                },
                {"max_steps": 2 * fixed, "stop": {"loss": 0.02}},
                {"log10": [-3, 1], "num": 64},
                16,
                {"kind": "normal", "scale": 0.5},
            ),
            2 * fixed,
            "loss",
            0.02,
        )
    )
    found.append(
        Workload(
            "16→16→1 tanh, 272 samples, float64",
            _sweep(
                {
                    "layers": [16, 16, 1],
                    "activation": "tanh",
                    "loss": "mean_squared_error",
                    **_samples(16, 272),
                },
                {"max_steps": fixed // 2},
                {"log10": [-3, -1], "num": 32},
                4,
                {"kind": "normal", "scale": 0.25},
            ),
            fixed // 2,
        )
    )
    return found
