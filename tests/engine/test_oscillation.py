"""Oscillation against slow progress, on maps with known orbits and in every engine."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from gdbatch import registry
from gdbatch.engine import Task, train
from gdbatch.ingredients.problems.minibatches import Batch
from gdbatch.outcomes import oscillates, oscillation_updates
from gdbatch.reference import train_reference
from gdbatch.training import Training
from tests.engine.helpers import (
    Array,
    bytes_of,
    network,
    outcomes,
    reference_of,
    single,
    some_of,
    started_at,
)
from tests.engine.test_theory import CUBIC
from tests.engine.test_theory import task_of as function_task
from tests.engine.updating import updates_of, with_updates

NEVER = {"gradient_norm": 1e-300}
engines = pytest.mark.parametrize("engine", ["numpy", "fused"])


# criterion -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("max_steps", "updates"), [(0, 0), (63, 0), (64, 16), (400, 100), (1024, 256), (10**9, 256)]
)
def test_the_last_quarter_is_examined_up_to_256_updates(max_steps: int, updates: int) -> None:
    assert oscillation_updates(max_steps) == updates


def test_falling_moves_or_losses_are_progress() -> None:
    falling, flat = np.arange(8.0, 0, -1), np.ones(8)
    once_level = np.array([8.0, 7, 6, 5, 5, 4, 3, 2])
    moves: Array = np.array([falling, flat, flat, once_level, flat]).T
    losses: Array = np.array([flat, falling, flat, flat, once_level]).T
    assert oscillates(np.ones(5, bool), moves, losses).tolist() == [False, False, True, True, True]
    assert not oscillates(np.zeros(5, bool), moves, losses).any()


@engines
def test_jumps_between_neighbouring_floats_at_a_minimum_are_rounding(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At w ≈ 0.3 the loss (0.7 w - 0.21)² cannot fall further, but the last bit may change."""
    problem = network([1, 1], inputs=[[0.7]], targets=[[0.21]], activation="identity")
    rates = np.linspace(0.5, 1.9, 200)  # stable below 2/0.98 = 2.04
    task = started_at(0.5, problem, Training(2000, stop=NEVER, engine=engine), rates)
    assert "oscillating" not in outcomes(train(task))
    monkeypatch.setattr("gdbatch.outcomes._ROUNDING", 0)
    assert "oscillating" in outcomes(train(task))


# theory --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "wanted"),
    [
        (1e-4, "unfinished"),  # slow and monotone
        (1.99, "unfinished"),  # alternates, but converges
        (2.2, "oscillating"),  # period 2
        (2.5, "oscillating"),  # period 4
        (2.7, "oscillating"),  # chaos
        (math.sqrt(8) + 0.005, "oscillating"),  # period 3
        (3.01, "diverged"),
    ],
)
def test_orbits_of_the_logistic_map(rate: float, wanted: str) -> None:
    """x³/3 - x²/2 by gradient descent is the logistic map with r = 1 + η."""
    task = function_task(CUBIC, [0.7], [rate], max_steps=2000, stop=NEVER)
    assert outcomes(train(task)) == [wanted]


@pytest.mark.parametrize("max_steps", [64, 300, 2000])
def test_a_quadratic_below_its_edge_is_unfinished(max_steps: int) -> None:
    quadratic = {"function": "quadratic", "eigenvalues": [1.0, 0.3]}
    rates = [0.5, 1.9, 1.99, 1.9999, 2.0]
    task = function_task(quadratic, [1.0, 1.0], rates, max_steps=max_steps, stop=NEVER)
    assert outcomes(train(task)) == ["unfinished"] * 4 + ["oscillating"]


@engines
def test_a_cycle_of_constant_loss_is_detected(engine: str) -> None:
    # w ← (1 - 2η) w: at η = 1 the loss never changes
    training = Training(400, stop=NEVER, engine=engine)
    found = train(started_at(1.0, single(), training, [0.01, 0.98, 1.0]))
    assert outcomes(found) == ["unfinished", "unfinished", "oscillating"]
    assert found.final_loss[2] == 1.0 and found.gradient_norm[2] == 2.0


def test_convergence_in_the_last_updates_takes_precedence() -> None:
    # |w| = 0.96^k reaches 1e-6 at step 339
    training = Training(400, stop={"prediction_error": 1e-6}, hold=50)
    found = train(started_at(1.0, single(), training, 0.98))
    assert (outcomes(found), found.steps.tolist()) == (["converged"], [339])


# sweeps without oscillation ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ({"stop": {}}, {}),
        ({"max_steps": 63}, {}),
        ({"batch": Batch(1)}, {}),
        ({}, {"warm_up": 3.0}),
        ({}, {"schedule": "exponential", "schedule_hyperparameters": {"decay": 1.0}}),
    ],
    ids=["no stop rule", "a short budget", "minibatches", "a warm-up", "a schedule"],
)
def test_other_sweeps_do_not_report_oscillation(
    options: dict[str, Any], changes: dict[str, Any]
) -> None:
    chosen: dict[str, Any] = {"max_steps": 400, "stop": NEVER, **options}
    training = Training(**chosen)
    task = with_updates(started_at(1.0, single(), training, 1.0), **changes)
    assert task.oscillation_updates == 0
    assert outcomes(train(task)) == ["unfinished" if training.stop else "completed"]


# blocks and engines --------------------------------------------------------------------------


def tutorial(engine: str, max_steps: int = 700) -> Task:
    """The tutorial's network from slow descent to cycles; its edge is near 2,268."""
    problem = network([1, 1], inputs=[[0.1]], targets=[[0.3]], activation="sigmoid")
    training = Training(max_steps, stop={"prediction_error": 1e-12}, hold=50, engine=engine)
    rates = np.concatenate([np.geomspace(0.1, 2000, 15), np.geomspace(2300, 9000, 25)])
    return started_at(np.linspace(0, 1, 40), problem, training, rates)


@engines
def test_an_outcome_depends_neither_on_the_slot_nor_on_the_width(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = tutorial(engine)
    together = bytes_of(train(task, keep_parameters=True))
    assert {"unfinished", "converged", "oscillating"} <= set(outcomes(train(task)))
    backwards = some_of(task, np.arange(40)[::-1])
    assert bytes_of(train(backwards, keep_parameters=True))[::-1] == together
    for row in (0, 20, 39):
        assert bytes_of(train(some_of(task, [row]), keep_parameters=True)) == [together[row]]
    monkeypatch.setattr(task.problem, "block_width", lambda dtype: 9)
    assert bytes_of(train(task, keep_parameters=True)) == together


def test_engines_and_reference_agree() -> None:
    ours, fused = (outcomes(train(tutorial(engine))) for engine in ("numpy", "fused"))
    assert ours == fused
    task = tutorial("numpy")
    problem: Any = task.problem
    for row in range(0, 40, 3):
        start = task.initial_parameters(np.array([row]))[:, 0]
        end = train_reference(reference_of(problem), start, updates_of(task, row), task.training)
        assert end.outcome == ours[row]


def test_oscillating_is_unstable_and_precedes_unfinished() -> None:
    known = registry.family("outcome")
    assert not known["oscillating"].is_stable
    order = sorted(known, key=lambda name: known[name].precedence)
    assert order.index("stalled") < order.index("oscillating") < order.index("unfinished")
