"""Held-out data: exact checks, best values and early stopping, in every engine."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gdbatch.engine import Results, Task, train
from gdbatch.ingredients.problems.minibatches import Batch
from gdbatch.ingredients.problems.network.problem import Network
from gdbatch.ingredients.problems.preparation import Samples
from gdbatch.ingredients.problems.quantities import QUANTITIES
from gdbatch.outcomes import names
from gdbatch.reference import ReferenceResult, train_reference
from gdbatch.training import Training
from tests.engine.helpers import (
    Array,
    batch_key_of,
    bytes_of,
    network,
    outcomes,
    reference_of,
    some_of,
    started_at,
    task_of,
)

engines = pytest.mark.parametrize("engine", ["numpy", "fused"])
HELD_OUT = 4  # samples


def with_held_out(problem: Network, inputs: Array, targets: Array) -> Network:
    """The problem with samples for validation."""
    problem.held_out = Network(problem.options, Samples(inputs, targets))
    return problem


def classifier_like(samples: int = 3) -> Network:
    """A small sigmoid network whose validation loss rises again when it overfits."""
    random = np.random.default_rng(5)
    problem = network([2, 4, 1], samples=samples, bias=True)
    inputs = random.uniform(-1.5, 1.5, (HELD_OUT, 2))
    return with_held_out(problem, inputs, random.uniform(0.1, 0.9, (HELD_OUT, 1)))


def tracked(task: Task, training: Training) -> Task:
    return replace(task, training=training, quantities=("validation_loss",))


def of_reference(task: Task, row: int) -> ReferenceResult:
    """The same trial by the reference trainer."""
    problem: Any = task.problem
    dtype = task.training.dtype.type
    numbers = task.optimizer_hyperparameters["learning_rate"]
    start = task.initial_parameters(np.array([row]))[:, 0]
    rate: Any = np.broadcast_to(np.asarray(numbers), len(task))[row]
    key = batch_key_of(task, row)
    held_out = reference_of(problem.held_out, dtype)
    network = reference_of(problem, dtype)
    return train_reference(network, start, float(rate), task.training, key, held_out)


def assert_equals_reference(task: Task, results: Results) -> None:
    """`steps`, outcome and the steps of the best values exactly, values to rounding."""
    for row in range(len(task)):
        expected = of_reference(task, row)
        assert names()[results.outcome[row]] == expected.outcome
        assert results.steps[row] == expected.steps
        for name in task.quantities:
            best, step = expected.best[name]
            assert results.measures[QUANTITIES[name].best_step][row] == step
            found = results.measures[QUANTITIES[name].best][row]
            np.testing.assert_allclose(found, best, rtol=1e-10)


# theory ----------------------------------------------------------------------------------------


@engines
@pytest.mark.parametrize("every", [1, 3, 50])
def test_patience_counts_evaluations_from_the_best_one(engine: str, every: int) -> None:
    """w falls to 1 as 1 + 0.98^t; the held-out loss is least where it passes 1.5, at t = 34.3."""
    problem = network([1, 1], inputs=[[1.0]], targets=[[1.0]], activation="identity")
    with_held_out(problem, np.ones((1, 1)), np.array([[1.5]]))
    training = Training(1000, engine=engine, every=every, patience=2)
    results = train(tracked(started_at(2.0, problem, training, 0.01), training))
    passes = math.log(0.5) / math.log(0.98)
    candidates = np.arange(0, 200, every)
    best = candidates[np.argmin(np.abs(0.98**candidates - 0.5))]
    assert abs(best - passes) <= every
    assert outcomes(results) == ["early_stopped"]
    assert results.measures["best_validation_step"].tolist() == [best]
    assert results.steps.tolist() == [best + 2 * every]
    expected = (0.98 ** int(best) - 0.5) ** 2
    np.testing.assert_allclose(results.measures["best_validation_loss"], [expected], rtol=1e-10)


@engines
def test_rules_on_held_out_data_are_checked_only_when_it_is_evaluated(engine: str) -> None:
    problem = network([1, 1], inputs=[[1.0]], targets=[[1.0]], activation="identity")
    with_held_out(problem, np.ones((1, 1)), np.array([[1.0]]))
    training = Training(1000, engine=engine, every=7, stop={"validation_loss": 0.25}, hold=3)
    results = train(tracked(started_at(2.0, problem, training, 0.01), training))
    first = math.ceil(math.log(0.5) / math.log(0.98) / 7) * 7  # 0.98^t ≤ 0.5
    assert outcomes(results) == ["converged"]
    assert results.steps.tolist() == [first] == [35]
    np.testing.assert_allclose(results.final_loss, [0.98 ** (2 * first)])
    # the best value is that at `steps`, although later checks of the streak were better
    assert results.measures["best_validation_step"].tolist() == [first]


# against the reference ---------------------------------------------------------------------------


@engines
@pytest.mark.parametrize(
    "settings",
    [
        {"every": 10, "patience": 3},
        {"every": 1, "patience": 5, "stop": {"loss": 2e-3}},
        {"every": 25, "patience": 4, "stop": {"validation_loss": 0.05, "loss": 0.1}, "hold": 2},
        {"every": 150, "stop": {"validation_loss": 0.3405}},
    ],
    ids=["patience", "patience and a loss", "patience and rules", "longer than an interval"],
)
def test_trials_equal_the_reference(engine: str, settings: dict[str, Any]) -> None:
    problem = classifier_like()
    training = Training(400, engine=engine, **settings)
    rates = np.geomspace(0.05, 5, 12)
    task = tracked(task_of(problem, training, rates, np.arange(12) % 4), training)
    results = train(task)
    assert len({*outcomes(results)}) >= 2
    assert_equals_reference(task, results)


@pytest.mark.parametrize(
    "settings",
    [
        {"every": 5, "stop": {"accuracy": 0.75}, "hold": 3},
        {"every": 2, "patience": 6, "patience_on": "validation_accuracy"},
        {"every": 4, "stop": {"validation_accuracy": 0.7, "accuracy": 0.75}},
    ],
    ids=["accuracy", "patience", "both"],
)
@pytest.mark.parametrize("batch", [None, Batch(3, tracked="batch")], ids=["full", "batch"])
def test_trials_of_classifiers_equal_the_reference(
    settings: dict[str, Any], batch: Batch | None
) -> None:
    random = np.random.default_rng(3)
    centres = np.array([[1.0, 0.0], [-1.0, 0.5], [0.0, -1.0]])

    def drawn(count: int) -> tuple[Array, Array]:
        classes = np.arange(count) % 3
        return centres[classes] + random.normal(0, 0.7, (count, 2)), np.eye(3)[classes]

    inputs, targets = drawn(9)
    problem = network([2, 3], inputs=inputs.tolist(), targets=targets.tolist(),
                      loss="cross_entropy", activation="softmax")  # fmt: skip
    with_held_out(problem, *drawn(6))
    training = Training(120, batch=batch, **settings)
    task = task_of(problem, training, np.geomspace(0.01, 10, 10), np.arange(10) % 3)
    task = replace(task, quantities=tuple(QUANTITIES))
    results = train(task)
    assert len({*results.steps}) >= 3
    assert_equals_reference(task, results)


def test_trials_on_minibatches_equal_the_reference() -> None:
    problem = classifier_like(samples=7)
    training = Training(200, every=3, patience=4, batch=Batch(2, tracked="batch"))
    task = tracked(task_of(problem, training, np.geomspace(0.1, 3, 8), np.arange(8) % 3), training)
    results = train(task)
    assert "early_stopped" in outcomes(results)
    assert_equals_reference(task, results)


# lanes -------------------------------------------------------------------------------------------


@engines
def test_a_trial_ends_as_if_it_ran_alone(engine: str) -> None:
    problem = classifier_like()
    training = Training(3000, engine=engine, every=20, patience=2, stop={"loss": 1e-3})
    rates = np.geomspace(0.05, 20, 300)
    task = tracked(task_of(problem, training, rates, np.arange(300) % 7), training)
    together = train(task, keep_parameters=True)
    assert len({*outcomes(together)}) >= 2
    rows = np.arange(0, 300, 37)
    chosen = together.take(rows)
    alone = [train(some_of(task, [row]), keep_parameters=True) for row in rows]
    assert bytes_of(chosen) == [bytes_of(one)[0] for one in alone]
    for name, values in chosen.measures.items():
        assert values.tobytes() == np.concatenate([one.measures[name] for one in alone]).tobytes()
