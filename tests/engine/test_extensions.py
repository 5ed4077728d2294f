"""Engines, stop rules and outcomes of plug-ins work without any other change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gdbatch import outcomes as known_outcomes
from gdbatch import registry
from gdbatch.engine import Recording, Results, Task, engine_named, train
from gdbatch.engine.protocol import Engine
from gdbatch.ingredients.measures.protocol import MeasureOptions
from gdbatch.ingredients.problems.network.problem import Network
from gdbatch.outcomes import Check, Mask, Outcome
from gdbatch.reference import train_reference
from gdbatch.stopping import Floats, Observed, StopRule
from gdbatch.training import Training
from tests.engine.helpers import network, outcomes, reference_of, single, started_at, task_of
from tests.engine.test_measures import measure
from tests.engine.updating import updates_of

engines = pytest.mark.parametrize("engine", ["numpy", "fused"])


@pytest.fixture
def register() -> Iterator[Callable[[str, str, Any], None]]:
    """Registers a component for the duration of a test."""
    added = []

    def forget() -> None:
        known_outcomes.by_precedence.cache_clear()
        known_outcomes.names.cache_clear()
        known_outcomes._facts.cache_clear()
        engine_named.cache_clear()

    def add(family: str, name: str, entry: Any) -> None:
        registry.family(family)
        registry.register(family, name)(entry)
        added.append((family, name))
        forget()

    yield add
    for family, name in added:
        del registry._entries[family][name]
    forget()


# an engine -----------------------------------------------------------------------------------


class ReferenceEngine(Engine):
    """The reference trainer, one trial after another."""

    def refusal(self, problem: Any, optimizer: Any, schedule: Any, training: Training) -> str:
        return "" if isinstance(problem, Network) else "trains only networks"

    def train(self, task: Task, results: Results, measures: Sequence[MeasureOptions] = ()) -> None:
        codes = {name: code for code, name in enumerate(known_outcomes.names())}
        problem: Any = task.problem
        for row in range(len(task)):
            start = task.initial_parameters(np.array([row]))[:, 0]
            reference = reference_of(problem, task.training.dtype.type)
            end = train_reference(reference, start, updates_of(task, row), task.training)
            results.outcome[row], results.steps[row] = codes[end.outcome], end.steps
            results.initial_loss[row], results.final_loss[row] = end.initial_loss, end.final_loss
            results.gradient_norm[row] = end.gradient_norm
            if results.final_parameters is not None:
                results.final_parameters[:, row] = end.parameters


def test_a_plugin_engine_trains_measures_and_records(
    register: Callable[[str, str, Any], None],
) -> None:
    register("engine", "outside_reference", ReferenceEngine)
    training = Training(90, stop={"loss": 0.02}, hold=2)
    task = task_of(network([2, 3, 1], bias=True), training, np.geomspace(0.05, 5, 9), np.arange(9))
    recording = Recording(np.arange(9), 10, ("loss", "parameters"))
    wanted = [measure("best_loss"), measure("sharpness")]
    ours, theirs = (
        train(replace(task, training=replace(training, engine=engine)), recording, True, wanted)
        for engine in ("numpy", "outside_reference")
    )
    assert outcomes(ours) == outcomes(theirs)
    assert ours.steps.tolist() == theirs.steps.tolist()
    for name in ("best_loss", "sharpness"):
        for column in (one for one in ours.measures if one.startswith(name)):
            assert np.allclose(ours.measures[column], theirs.measures[column], rtol=1e-9)
    assert ours.trajectories["step"].tolist() == theirs.trajectories["step"].tolist()


# stop rules ----------------------------------------------------------------------------------


class LossReduction(StopRule):
    """The factor by which the loss has decreased."""

    direction = "≥"
    reads = ("loss", "initial_loss")
    description = "initial loss / loss ≥"

    @staticmethod
    def value(observed: Observed) -> Floats:
        return observed.initial_loss / observed.loss


class LargestParameter(StopRule):
    """The largest parameter; NaN if it is negative."""

    reads = ("parameters",)
    description = "max |θ| ≤"

    @staticmethod
    def value(observed: Observed) -> Floats:
        largest = observed.parameters.max(axis=0)
        return np.where(largest < 0, np.nan, largest)


@pytest.mark.parametrize("hold", [1, 3, 70])
def test_a_rule_may_have_any_direction_and_quantity(
    register: Callable[[str, str, Any], None], hold: int
) -> None:
    register("stop_rule", "outside_loss_reduction", LossReduction)
    register("stop_rule", "outside_largest_parameter", LargestParameter)
    # w = 0.9^k: loss 0.81^k falls to a 1000th at 33, w to 0.01 at 44
    for stop, steps in (
        ({"outside_loss_reduction": 1000.0}, 33),
        ({"outside_largest_parameter": 0.01}, 44),
        ({"outside_largest_parameter": 0.01, "outside_loss_reduction": 1000.0}, 44),
    ):
        training = Training(1000, stop=stop, hold=hold)
        task = started_at([1.0, 2.0], single(), training, [0.05, 1e-9])
        found = train(task)
        assert outcomes(found) == ["converged", "unfinished"]
        assert found.steps[0] == steps
        end = train_reference(reference_of(single()), [1.0], updates_of(task, 0), training)
        assert (end.outcome, end.steps) == ("converged", steps)


def test_nan_does_not_hide_an_event(
    register: Callable[[str, str, Any], None],
) -> None:
    """w = (-0.9)^k is negative at every other check, where the rule's value is NaN."""
    register("stop_rule", "outside_largest_parameter", LargestParameter)
    training = Training(1000, stop={"outside_largest_parameter": 0.01})
    found = train(started_at(1.0, single(), training, 0.95))
    assert (outcomes(found), found.steps.tolist()) == (["converged"], [44])


def test_the_fused_engine_refuses_unknown_rules(
    register: Callable[[str, str, Any], None],
) -> None:
    register("stop_rule", "outside_loss_reduction", LossReduction)
    descent = registry.get("optimizer", "gradient_descent").Options(
        kind="gradient_descent", learning_rate=1.0
    )
    constant = registry.get("schedule", "constant").Options()
    training = Training(10, stop={"loss": 1.0, "outside_loss_reduction": 9.0})
    refusal = engine_named("fused").refusal(single(), descent, constant, training)
    assert refusal == "has no compiled form of the stop rule outside_loss_reduction"


# outcomes ------------------------------------------------------------------------------------


class Nearly(Outcome):
    """The budget ended with a hundredth of the initial loss."""

    precedence, colour = 0, "#999999"  # before any other

    @staticmethod
    def applies(check: Check) -> Mask:
        return check.is_at_end & (check.loss <= check.initial_loss / 100)


@engines
@pytest.mark.parametrize("stop", [{}, {"loss": 1e-12}])
def test_an_outcome_can_refine_the_end_of_the_budget(
    register: Callable[[str, str, Any], None], stop: dict[str, float], engine: str
) -> None:
    register("outcome", "outside_nearly", Nearly)
    # the loss falls by 0.81^100 = 7e-10 and by 0.998^200 = 0.67
    training = Training(100, stop=stop, engine=engine)
    task = started_at(1.0, single(), training, [0.05, 1e-3])
    rest = "unfinished" if stop else "completed"
    found = train(task)
    assert outcomes(found) == ["outside_nearly", rest]
    assert found.steps.tolist() == [100, 100]
    assert known_outcomes.stable(found.outcome, found.initial_loss, found.final_loss).all()
    end = train_reference(reference_of(single()), [1.0], updates_of(task, 0), training)
    assert end.outcome == "outside_nearly"
