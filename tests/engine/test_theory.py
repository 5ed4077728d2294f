"""Closed-form results about gradient descent on functions, against complete training runs.

The functions' docstrings cite the sources.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import autograd
import numpy as np
import pytest

from gdbatch import registry
from gdbatch.engine import Recording, Results, Task, train
from gdbatch.plan import Plan
from gdbatch.reference import train_reference
from gdbatch.sweep_file import read_sweep
from gdbatch.sweep_file.shipped import shipped_sweeps
from gdbatch.training import Training
from tests.documents import plan_of
from tests.engine.helpers import Array, outcomes
from tests.engine.test_functions import FORMULAS, Case, every_case, problem_of


def task_of(
    function: dict[str, Any],
    start: Any,
    rates: Any,
    *,
    seeds: int = 1,
    **train: Any,
) -> Task:
    """One trial per rate and seed, from a point or an [init] table."""
    init = start if isinstance(start, dict) else {"kind": "point", "values": start}
    plan = plan_of(
        problem={"kind": "function", **function},
        init=init,
        train={"max_steps": 1000, **train},
        axes={"learning_rate": list(rates), "seed": {"count": seeds}},
    )
    return plan.task_of(0, np.arange(plan.trials))


def orbit(function: dict[str, Any], start: Any, rate: float, after: int, length: int) -> Array:
    """The points of one trial from step `after` on, (length, variables)."""
    task = task_of(function, start, [rate], max_steps=after + length - 1)
    recorded = train(task, Recording(np.arange(1), 1, ("parameters",))).trajectories
    points: Array = recorded["parameters"].T[after:]
    return points


def period(function: dict[str, Any], start: Any, rate: float) -> int | None:
    """The period of the orbit after many steps: 1, 2, 3, 4, 8, or None."""
    points = orbit(function, start, rate, 3000, 9)
    for length in (1, 2, 3, 4, 8):
        if np.abs(points[length] - points[0]).max() < 1e-6:
            return length
    return None


# quadratics ----------------------------------------------------------------------------------

SPECTRA = [[1.0], [0.3, 1.0, 7.0], [0.05, 40.0]]


@pytest.mark.parametrize("spectrum", SPECTRA, ids=str)
def test_a_quadratic_converges_below_2_over_its_largest_eigenvalue(spectrum: list[float]) -> None:
    edge = 2 / max(spectrum)
    rates = edge * np.array([0.1, 0.3, 0.7, 0.99, 0.999, 1.001, 1.01, 1.5, 3.0])
    quadratic = {"function": "quadratic", "eigenvalues": spectrum}
    start = [1.0] * len(spectrum)
    task = task_of(quadratic, start, rates, max_steps=200_000, stop={"gradient_norm": 1e-9})
    assert outcomes(train(task)) == ["converged"] * 5 + ["diverged"] * 4
    assert task.problem.curvature == max(spectrum)


@pytest.mark.parametrize("spectrum", SPECTRA, ids=str)
@pytest.mark.parametrize("share", [0.1, 0.6, 1.3, 1.9])
def test_an_update_multiplies_by_1_minus_rate_times_eigenvalue(
    spectrum: list[float], share: float
) -> None:
    rate, start = share / max(spectrum), np.linspace(1, 2, len(spectrum)).tolist()
    quadratic = {"function": "quadratic", "eigenvalues": spectrum}
    points = orbit(quadratic, start, rate, 0, 20)
    factors = 1 - rate * np.array(spectrum)
    assert np.allclose(points, start * factors ** np.arange(20)[:, None], rtol=1e-13)


def test_the_best_rate_of_a_quadratic_and_its_factor() -> None:
    smallest, largest = 1.0, 10.0
    best = 2 / (smallest + largest)
    rates = best * np.array([0.9, 0.99, 1.0, 1.01, 1.05])
    quadratic = {"function": "quadratic", "eigenvalues": [smallest, largest]}
    stop = {"gradient_norm": 1e-100}
    results = train(task_of(quadratic, [1, 1], rates, max_steps=2000, stop=stop))
    assert int(np.argmin(results.steps)) == 2
    condition = largest / smallest
    factor = (condition - 1) / (condition + 1)
    # the gradient is λ factorᵏ in both directions, so its norm begins at √(1 + λ²)
    needed = math.log(1e-100 / math.hypot(smallest, largest)) / math.log(factor)
    assert results.steps[2] == math.ceil(needed)


@pytest.mark.parametrize("start", [1e-6, 0.03])
@pytest.mark.parametrize("rate", [1e-2, 0.4, 3.0])
def test_a_saddle_is_escaped_at_the_predicted_step(start: float, rate: float) -> None:
    radius = 10.0
    limits: dict[str, Any] = {"max_steps": 10_000, "divergence": {"loss": radius**2 / 2}}
    results = train(task_of({"function": "saddle"}, [0.0, start], [rate], **limits))
    assert outcomes(results) == ["diverged"]
    assert results.steps[0] == math.ceil(math.log(radius / start) / math.log(1 + rate))


# products ------------------------------------------------------------------------------------


def critical_rates(starts: Array, y: float) -> Array:
    """η* of Liang and Montúfar for each column of starts (u and v, trials)."""
    u, v = np.split(starts, 2)
    size, inner = (starts**2).sum(axis=0), (u * v).sum(axis=0)
    return np.asarray(np.minimum(1 / abs(y), 8 / (size + np.sqrt(size**2 - 16 * y * (inner - y)))))


def trained_at(task: Task, rates: Array) -> Results:
    return train(replace(task, optimizer_hyperparameters={"learning_rate": rates}))


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("y", [1.0, 0.5, -0.7])
def test_products_converge_below_the_critical_rate_of_their_start(y: float, size: int) -> None:
    task = task_of(
        {"function": "product", "y": y, "size": size},
        {"kind": "normal"},
        [1.0],
        seeds=300,
        max_steps=60_000,
        stop={"loss": 1e-12, "hold": 1000},  # a chaotic orbit may cross the minimum by chance
    )
    critical = critical_rates(task.initial_parameters(np.arange(300)), y)
    assert set(outcomes(trained_at(task, 0.995 * critical))) == {"converged"}
    assert "converged" not in outcomes(trained_at(task, 1.005 * critical))


def test_the_catapult_converges_up_to_4_over_the_initial_curvature() -> None:
    task = task_of(
        {"function": "product", "y": 0.0, "size": 1000, "scale": 1000**-0.5},
        {"kind": "normal"},
        [1.0],
        seeds=20,
        max_steps=5000,
        stop={"loss": 1e-10},
    )
    starts = task.initial_parameters(np.arange(20))
    curvature = (starts**2).sum(axis=0) / 1000
    for factor, expected in ((1.9, "converged"), (3.95, "converged"), (4.05, "diverged")):
        assert set(outcomes(trained_at(task, factor / curvature))) == {expected}


# maps ----------------------------------------------------------------------------------------

CUBIC = {"function": "cubic"}


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (1.9, 1), (1.98, 1), (2.02, 2), (math.sqrt(6) - 0.01, 2), (math.sqrt(6) + 0.01, 4),
        (math.sqrt(8) + 0.005, 3),
    ],
)  # fmt: skip
def test_the_cubic_doubles_its_period_as_the_logistic_map_does(rate: float, expected: int) -> None:
    assert period(CUBIC, [0.7], rate) == expected


def test_the_cubic_is_the_logistic_map() -> None:
    rate = 2.9
    points = orbit(CUBIC, [0.7], rate, 0, 12)[:, 0] * rate / (1 + rate)
    mapped = (1 + rate) * points[:-1] * (1 - points[:-1])
    assert np.allclose(mapped, points[1:], rtol=1e-12)


def test_the_cubic_diverges_above_3() -> None:
    task = task_of(CUBIC, [0.7], [2.99, 3.01], max_steps=100_000)
    assert outcomes(train(task)) == ["completed", "diverged"]


@pytest.mark.parametrize("mu", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(
    ("stretch", "expected"),
    [(0.98, 1), (1.02, 2), (math.sqrt(5) - 1.01, 2), (math.sqrt(5) - 0.99, 4)],
)
def test_the_double_well_doubles_its_period(mu: float, stretch: float, expected: int) -> None:
    well = {"function": "double_well", "mu": mu}
    assert period(well, [0.9 * math.sqrt(mu)], stretch / mu) == expected


@pytest.mark.parametrize("mu", [0.5, 2.0])
def test_the_double_well_visits_both_wells_then_diverges_above_2(mu: float) -> None:
    well, hop = {"function": "double_well", "mu": mu}, 3 * math.sqrt(3) / 2 - 1
    for stretch, hops in ((hop - 0.01, False), (hop + 0.01, True)):
        points = orbit(well, [0.9 * math.sqrt(mu)], stretch / mu, 0, 3000)
        assert (points.min() < 0) == hops
    rates = np.array([1.98, 2.05]) / mu
    start = [0.3 * math.sqrt(mu)]
    results = train(task_of(well, start, rates, max_steps=100_000))
    assert outcomes(results) == ["completed", "diverged"]


# the plain loop ------------------------------------------------------------------------------


@dataclass
class ReferenceFunction:
    """A function with the interface of a reference network, its gradient by autograd."""

    name: str
    options: Any
    dtype: Any = np.float64
    targets: Any = ((0.0,),)

    def nested(self, parameters: Any) -> Any:
        return np.array(parameters)

    def flat(self, nested: Any) -> Any:
        return list(nested)

    def loss_and_gradient(self, x: Any) -> tuple[Any, Any, Any]:
        def value(x: Any) -> Any:
            return FORMULAS[self.name](self.options, x)

        return value(x), autograd.grad(value)(x), [np.nan]


@pytest.mark.parametrize(
    ("name", "start", "rates"),
    [
        ("rosenbrock", [0.9, 0.7], [1e-4, 2e-3, 0.1]),
        ("beale", [1.0, 0.2], [1e-3, 2e-2, 1.0]),
        ("himmelblau", [0.5, 0.5], [1e-3, 1e-2, 0.4]),
        ("rastrigin", [0.3, -0.2], [1e-4, 1e-3, 0.7]),
        ("chain", [0.5, 0.8, 1.2], [1e-2, 0.2, 5.0]),
    ],
)
def test_training_equals_the_plain_loop(name: str, start: list[float], rates: list[float]) -> None:
    training = Training(3000, stop={"gradient_norm": 1e-2}, hold=2)
    task = replace(task_of({"function": name}, start, rates), training=training)
    results = train(task, keep_parameters=True)
    reference: Any = ReferenceFunction(name, problem_of(name).options)
    assert results.final_parameters is not None
    for row, rate in enumerate(rates):
        wanted = train_reference(reference, start, rate, training)
        assert outcomes(results)[row] == wanted.outcome
        if wanted.outcome == "diverged" or name == "rastrigin":
            continue  # rounding may decide
        assert results.steps[row] == wanted.steps
        found = results.final_parameters[:, row]
        assert np.allclose(found, wanted.parameters, rtol=1e-12, atol=1e-12)
    assert "converged" in outcomes(results) or name == "rastrigin"


@every_case
def test_every_function_goes_downhill_in_blocks_of_any_width(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, options = case[0], registry.get("function", case[0]).examples[case[1]]
    init = {"kind": "normal", "scale": 0.3}
    task = task_of({"function": name, **options}, init, [1e-4, 1e-3], seeds=9, max_steps=200)
    together = train(task, keep_parameters=True)
    monkeypatch.setattr(task.problem, "block_width", lambda dtype: 5)
    apart = train(task, keep_parameters=True)
    assert together.final_parameters is not None
    assert apart.final_parameters is not None
    assert len(together.final_parameters) == task.problem.n_parameters
    assert np.array_equal(together.final_parameters, apart.final_parameters)
    assert (together.final_loss < together.initial_loss).all()


# shipped sweeps --------------------------------------------------------------------------------


def edges(name: str) -> dict[tuple[Any, ...], tuple[float, float]]:
    """The last rate at which all seeds converge and the next rate, by the values of other axes."""
    plan = Plan(read_sweep(shipped_sweeps()[name]))
    ends: dict[tuple[Any, ...], dict[float, bool]] = {}
    for shard in plan.shards():
        columns = plan.columns(np.arange(shard.start, shard.stop))
        rates, _ = columns.pop("learning_rate"), columns.pop("seed", None)
        ended = outcomes(train(plan.task(shard)))
        for row, (rate, outcome) in enumerate(zip(rates.tolist(), ended, strict=True)):
            here = ends.setdefault(tuple(column[row] for column in columns.values()), {})
            here[rate] = here.get(rate, True) and outcome == "converged"
    found = {}
    for key, converged in ends.items():
        in_order = sorted(converged)
        first = next(place for place, rate in enumerate(in_order) if not converged[rate])
        assert not any(converged[rate] for rate in in_order[first:])
        found[key] = (in_order[first - 1], in_order[first])
    return found


def test_the_shipped_quadratic_has_its_edge_where_theory_says() -> None:
    ((low, high),) = edges("quadratic_stability").values()
    assert (low, high) == pytest.approx((0.198, 0.2), rel=1e-12)


def test_the_shipped_products_have_their_edges_where_theory_says() -> None:
    found = edges("critical_rates")
    assert len(found) == 6
    for (y,), (low, high) in found.items():
        critical = critical_rates(np.array([[2.0], [1.0]]), y)[0]
        assert low < critical <= high * (1 + 1e-12)  # which at y = 1 is 1, a rate of the axis
