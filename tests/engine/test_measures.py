"""Measures, against recorded trajectories and against theory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gdbatch import registry
from gdbatch.engine import Recording, Results, Task, train
from gdbatch.ingredients.measures.protocol import MeasureOptions
from gdbatch.ingredients.problems.quantities import QUANTITIES
from gdbatch.outcomes import has
from gdbatch.training import Training
from tests.engine.helpers import F32, F64, Array, network, outcomes, some_of, task_of
from tests.engine.test_theory import CUBIC
from tests.engine.test_theory import task_of as function_task

# of quantities: see test_quantities
MEASURES = sorted(set(registry.family("measure")) - set(QUANTITIES))
NEEDED: dict[str, dict[str, Any]] = {
    "loss_at": {"steps": [0, 3, 40, 150]},
    "coordinate_check": {"layers": [1, 2], "change": True},
}

MAY_BE_MISSING = {"loss_at", "period"}  # in trials that did not diverge

every_measure = pytest.mark.parametrize("name", MEASURES)


def measure(name: str, **options: Any) -> MeasureOptions:
    found: MeasureOptions = registry.get("measure", name).Options(
        kind=name, **NEEDED.get(name, {}) | options
    )
    return found


def crowd(dtype: np.dtype[Any] = F64, **changes: Any) -> Task:
    """Rates over five decades: some trials converge, others overflow in the same block."""
    training = Training(150, dtype, {"prediction_error": 0.1}, 3, divergence_factor=None)
    problem = network([2, 3, 1], activation=["tanh", "identity"], bias=True)
    rates = np.tile(np.geomspace(1e-3, 3e2, 20), 2)
    return task_of(problem, replace(training, **changes), rates, np.repeat([0, 1], 20))


def measured(task: Task, measures: Sequence[MeasureOptions], keep: bool = False) -> Results:
    return train(task, keep_parameters=keep, measures=measures)


def values_of(task: Task, name: str, **options: Any) -> list[Array]:
    return list(measured(task, [measure(name, **options)]).measures.values())


def losses_of(task: Task) -> tuple[Results, list[Array]]:
    """Results, and for each trial its finite losses from step 0 to the end."""
    recording = Recording(np.arange(len(task)), 1, ("loss",))
    results = train(task, recording)
    table = results.trajectories
    losses = [table["loss"][0, table["row"] == row] for row in range(len(task))]
    return results, [one[np.isfinite(one)] for one in losses]


# every measure -------------------------------------------------------------------------------


@every_measure
def test_a_measure_fills_its_columns_for_trials_that_did_not_diverge(name: str) -> None:
    task = crowd()
    results = measured(task, [measure(name)])
    assert list(results.measures) == [one.name for one in measure(name).columns()]
    assert {"converged", "diverged", "unfinished"} <= set(outcomes(results))
    for column in measure(name).columns():
        values = results.measures[column.name]
        assert values.shape == (len(task),)
        assert not column.whole or (values[~np.isnan(values)] % 1 == 0).all()
        if name not in MAY_BE_MISSING:
            assert np.isfinite(values[np.array(outcomes(results)) != "diverged"]).all()


@every_measure
@pytest.mark.parametrize("stop", [{"prediction_error": 0.1}, {}], ids=["stop", "no stop"])
@pytest.mark.parametrize("dtype", [F64, F32], ids=str)
def test_a_measure_depends_neither_on_the_slot_nor_on_the_width(
    name: str, dtype: np.dtype[Any], stop: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = crowd(dtype, stop=stop)
    wanted = [measure(name)]
    together = measured(task, wanted).measures
    backwards = measured(some_of(task, np.arange(len(task))[::-1]), wanted).measures
    alone = [measured(some_of(task, [row]), wanted).measures for row in (0, 15, 39)]
    monkeypatch.setattr(task.problem, "block_width", lambda dtype: 7)
    apart = measured(task, wanted).measures
    for column, values in together.items():
        assert values.tobytes() == apart[column].tobytes()
        assert values.tobytes() == backwards[column][::-1].tobytes()
        for row, one in zip((0, 15, 39), alone, strict=True):
            assert values[[row]].tobytes() == one[column].tobytes()


@every_measure
def test_observing_training_and_replaying_give_the_same_measure(name: str) -> None:
    watched = measured(crowd(stop={}), [measure(name)])
    afterwards = measured(crowd(stop={"prediction_error": 0.0}), [measure(name)])  # never holds
    assert {"diverged", "completed"} <= set(outcomes(watched))
    assert watched.steps.tolist() == afterwards.steps.tolist()
    for column, values in watched.measures.items():
        assert values.tobytes() == afterwards.measures[column].tobytes()


@every_measure
@pytest.mark.parametrize("stop", [{"prediction_error": 0.1}, {}], ids=["stop", "no stop"])
def test_a_measure_does_not_change_the_results(name: str, stop: dict[str, float]) -> None:
    task = crowd(stop=stop)
    plain, with_measure = train(task), measured(task, [measure(name)])
    for column in ("outcome", "steps", "initial_loss", "final_loss", "gradient_norm"):
        assert getattr(plain, column).tobytes() == getattr(with_measure, column).tobytes()
    assert with_measure.final_parameters is None
    assert plain.measures == {}


@every_measure
def test_a_measure_without_updates(name: str) -> None:
    for values in values_of(crowd(max_steps=0, stop={}, hold=1), name):
        assert values.shape == (40,)


# losses --------------------------------------------------------------------------------------


def test_the_best_loss_is_the_first_smallest() -> None:
    results, losses = losses_of(crowd())
    best, step = values_of(crowd(), "best_loss")
    assert best.tolist() == [one.min() for one in losses]
    assert step.tolist() == [one.argmin() for one in losses]
    assert (step < results.steps).any()


def test_losses_at_steps_are_those_recorded_and_nan_after_the_end() -> None:
    _, losses = losses_of(crowd())
    for step, values in zip([0, 3, 40, 150], values_of(crowd(), "loss_at"), strict=True):
        wanted = [one[step] if step < len(one) else math.nan for one in losses]
        assert np.array_equal(values, wanted, equal_nan=True)


@pytest.mark.parametrize("last", [1, 7, 1000])
def test_the_mean_loss_averages_the_last_finite_losses(last: int) -> None:
    _, losses = losses_of(crowd())
    (means,) = values_of(crowd(), "mean_loss", last=last)
    assert np.allclose(means, [one[-last:].mean() for one in losses], rtol=1e-14)


@pytest.mark.parametrize("last", [1, 20])
def test_trained_compares_the_last_losses_with_the_first(last: int) -> None:
    results, losses = losses_of(crowd())
    (trained,) = values_of(crowd(), "trained", last=last)
    lasted = ~has("is_divergence", results.outcome)
    below = np.array([one[-last:].mean() < one[0] for one in losses])
    assert trained.tolist() == (lasted & below).tolist()
    assert 5 < trained.sum() < len(trained) - 5


def test_relative_losses_are_summed_over_all_steps() -> None:
    _, losses = losses_of(crowd())
    total, inverse = values_of(crowd(), "relative_losses")
    assert np.allclose(total, [(one / one[0]).sum() for one in losses], rtol=1e-13)
    assert np.allclose(inverse, [(one[0] / one).sum() for one in losses], rtol=1e-13)


def test_limited_relative_losses_match_published_maps() -> None:
    results, losses = losses_of(crowd())
    total, inverse = values_of(crowd(), "relative_losses", largest=1e6)
    for row, one in enumerate(losses):
        relative = one / one[0]
        if outcomes(results)[row] == "diverged":
            relative = np.append(relative, np.full(151 - len(one), np.inf))
        relative = np.minimum(relative, 1e6)
        assert total[row] == pytest.approx(relative.sum(), rel=1e-12)
        assert inverse[row] == pytest.approx((1 / relative).sum(), rel=1e-12)


def test_loss_increases_are_counted() -> None:
    _, losses = losses_of(crowd())
    (counts,) = values_of(crowd(), "loss_increases")
    assert counts.tolist() == [(np.diff(one) > 0).sum() for one in losses]
    assert counts.max() > 3 and counts.min() == 0


# orbits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (0.5, 1), (1.95, 1), (2.2, 2), (2.5, 4), (2.55, 8), (2.566, math.nan),
        (math.sqrt(8) + 0.005, math.nan), (2.99, math.nan), (3.01, math.nan),
    ],
)  # fmt: skip
def test_the_period_of_the_logistic_map(rate: float, expected: float) -> None:
    """It doubles at r = 1 + rate = 3, 1 + √6, 3.54409, 3.56441; period 3 from 1 + √8."""
    task = function_task(CUBIC, [0.7], [rate], max_steps=5000)
    (period,) = values_of(task, "period")
    assert np.array_equal(period, [expected], equal_nan=True)


def test_the_period_covers_all_parameters() -> None:
    quadratic = {"function": "quadratic", "eigenvalues": [1.0, 0.5, 0.0]}
    task = function_task(quadratic, [1.0, 1.0, 1.0], [0.5, 2.0, 4.0], max_steps=100)
    (period,) = values_of(task, "period")
    assert np.array_equal(period, [1, 2, math.nan], equal_nan=True)


def test_a_period_is_recognised_after_two_cycles() -> None:
    quadratic = {"function": "quadratic", "eigenvalues": [1.0]}
    for steps, expected in ((2, math.nan), (3, 2)):
        task = function_task(quadratic, [1.0], [2.0], max_steps=steps)
        (period,) = values_of(task, "period")
        assert np.array_equal(period, [expected], equal_nan=True)
