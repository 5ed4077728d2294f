"""Sharpness: products with the Hessian and its largest eigenvalue, against autodiff and theory."""

from __future__ import annotations

import math
from typing import Any

import autograd
import numpy as np
import pytest

from gdbatch.engine import train
from gdbatch.engine.curvature import hessian_at
from gdbatch.engine.lane_state import LaneState
from gdbatch.numerics.lanczos import largest_eigenvalue
from gdbatch.training import Training
from tests.documents import plan_of
from tests.engine.helpers import ACTIVATIONS, F32, Array, activation_of, network, present, task_of
from tests.engine.test_functions import Case as FunctionCase
from tests.engine.test_functions import evaluated as function_at
from tests.engine.test_functions import every_case as every_function
from tests.engine.test_functions import example, points
from tests.engine.test_gradients import (
    SCALED,
    Case,
    every_case,
    independent_loss,
    lanes_of,
    problem_of,
)
from tests.engine.test_measures import measure
from tests.engine.test_theory import task_of as function_task


def measured(task: Any, name: str, **options: Any) -> list[Array]:
    return list(train(task, measures=[measure(name, **options)]).measures.values())


def no_data(lanes: int) -> LaneState:
    return LaneState({"row": np.arange(lanes), "step": np.zeros(lanes, np.int64)})


# products with the Hessian -------------------------------------------------------------------


def assert_autodiff_agrees(problem: Any, parameters: Array) -> None:
    hessian = autograd.hessian(independent_loss(problem))
    direction = np.random.default_rng(3).normal(size=parameters.shape)
    found = problem.hessian(parameters, {}).product(direction)
    for lane in range(3):
        wanted = hessian(parameters[:, lane]) @ direction[:, lane]
        assert np.allclose(found[:, lane], wanted, rtol=0, atol=1e-12 * max(1, abs(wanted).max()))


@pytest.mark.filterwarnings("ignore:Output seems independent")  # the gradient of a line
@every_case
def test_network_hessian_products_match_autodiff(case: Case) -> None:
    problem = problem_of(case, "elementwise")
    assert_autodiff_agrees(problem, lanes_of(problem, case))


@pytest.mark.parametrize("case", SCALED, ids=str)
def test_network_hessian_products_include_layer_scales(case: Case) -> None:
    scales = [0.7, 1.3, 0.4][: len(case[2]) - 1]
    problem = problem_of(case, "elementwise", layer_scale=scales)
    assert_autodiff_agrees(problem, lanes_of(problem, case))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_second_derivatives_match_differences(name: str) -> None:
    activation = activation_of(name)
    # no kink is among them; exp(30) differs by more than a double holds
    sop = np.concatenate([np.linspace(-30, 30, 122), [-700.0, 700.0]])
    sop = sop[:80] if name == "exponential" else sop
    step = 1e-5
    wanted = [
        (activation.derivative(s + step) - activation.derivative(s - step)) / (2 * step)
        for s in sop
    ]
    assert np.allclose(activation.second_derivative(sop), wanted, rtol=1e-6, atol=1e-9)


@every_function
def test_function_hessian_products_are_accurate(case: FunctionCase) -> None:
    """Against differences of the gradient along each variable; products are symmetric."""
    problem = example(case)
    x = points(problem, 8) / 2
    hessian = hessian_at(problem, no_data(8), x)
    columns = []
    for place in range(problem.n_parameters):
        unit = np.zeros_like(x)
        unit[place] = 1.0
        columns.append(hessian.product(unit))
        ahead = present(function_at(problem, x + 1e-4 * unit).gradient)
        behind = present(function_at(problem, x - 1e-4 * unit).gradient)
        wanted = (ahead - behind) / 2e-4
        assert np.allclose(columns[-1], wanted, rtol=1e-5, atol=1e-5 * max(1, abs(wanted).max()))
    whole = np.array(columns)
    tolerance = 1e-8 * max(1.0, np.abs(whole).max())
    assert np.allclose(whole, whole.swapaxes(0, 1), rtol=0, atol=tolerance)


# eigenvalues ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spectrum",
    [
        [3.0], [-2.0], [0.0, 0.0], [5.0, 5.0, 5.0, 1.0], [-9.0, -1.0, -0.5],
        [1e-9, 1e-12], np.linspace(-100, 7, 33).tolist(), np.geomspace(1e-3, 1e3, 200).tolist(),
        [2.0] * 40, [-1.0] * 39 + [-0.5],
    ],
    ids=lambda one: f"{len(one)} to {max(one)}",
)  # fmt: skip
def test_the_largest_eigenvalue_is_found(spectrum: list[float]) -> None:
    size, lanes = len(spectrum), 9
    random = np.random.default_rng(size)
    turned = np.linalg.qr(random.normal(size=(lanes, size, size)))[0]
    matrices = turned * np.array(spectrum) @ turned.swapaxes(1, 2)
    start = np.repeat(random.normal(size=(size, 1)), lanes, axis=1)
    found = largest_eigenvalue(lambda v: np.einsum("lij,jl->il", matrices, v), start)
    tolerance = 1e-9 * np.abs(spectrum).max()
    assert np.allclose(found, max(spectrum), rtol=0, atol=tolerance)


def test_a_lane_that_is_not_finite_does_not_affect_others() -> None:
    factors = np.array([1.0, np.nan, 3.0, np.inf, 5.0, 6.0, 7.0, 8.0])
    with np.errstate(invalid="ignore"):
        found = largest_eigenvalue(lambda v: factors * v, np.ones((3, 8)))
    wanted = np.where(np.isfinite(factors), factors, np.nan)
    assert np.allclose(found, wanted, equal_nan=True)


# sharpness of trials -------------------------------------------------------------------------


def test_the_sharpness_of_a_quadratic_is_its_largest_eigenvalue() -> None:
    quadratic = {"function": "quadratic", "eigenvalues": [0.3, 7.0, 1.0]}
    rates = [0.01, 0.1, 0.28]
    task = function_task(quadratic, [1.0, 2.0, 3.0], rates, max_steps=20)
    for values in measured(task, "sharpness"):
        assert np.allclose(values, 7.0, rtol=1e-9)
    for values in measured(task, "rate_times_sharpness"):
        assert np.allclose(values, 7.0 * np.array(rates), rtol=1e-9)


def test_the_sharpness_of_a_network_is_that_of_its_whole_hessian() -> None:
    problem = network([2, 4, 1], activation=["tanh", "identity"], bias=True, samples=5)
    task = task_of(problem, Training(200), [0.01, 0.05, 0.1], [0, 1, 2])
    ends = train(task, keep_parameters=True).final_parameters
    assert ends is not None
    hessian = autograd.hessian(independent_loss(problem))
    starts = task.initial_parameters(np.arange(3))
    for values, places in zip(measured(task, "sharpness"), (starts, ends), strict=True):
        wanted = [np.linalg.eigvalsh(hessian(place))[-1] for place in places.T]
        assert np.allclose(values, wanted, rtol=1e-11)


def test_the_sharpness_of_a_float32_trial_is_measured_in_float64() -> None:
    problem = network([2, 4, 1], samples=5)
    coarse = task_of(problem, Training(0, F32), [0.1], [0])
    (start, end) = measured(coarse, "sharpness")
    hessian = autograd.hessian(independent_loss(problem))
    at = coarse.initial_parameters(np.arange(1)).astype(np.float32).astype(np.float64)
    assert start == end == pytest.approx(np.linalg.eigvalsh(hessian(at[:, 0]))[-1], rel=1e-11)


def test_rate_times_sharpness_at_the_minimum_of_the_cubic() -> None:
    """Below a rate of 2, the cubic converges to its minimum, whose sharpness is 1."""
    task = function_task({"function": "cubic"}, [0.7], [1.9, 1.99], max_steps=5000)
    _, final = measured(task, "rate_times_sharpness")
    assert np.allclose(final, [1.9, 1.99], rtol=1e-6)


def test_rates_by_layer_weight_the_sharpness() -> None:
    rates = [0.2, 0.03]
    plan = plan_of(
        {"problem.layers": [1, 2, 1], "optimizer.learning_rate": rates}, axes={"seed": {"count": 2}}
    )
    task = plan.task_of(0, np.arange(2))
    start, _ = measured(task, "rate_times_sharpness")
    hessian = autograd.hessian(independent_loss(task.problem))  # type: ignore[arg-type]
    root = np.sqrt(np.repeat(rates, 2))
    for trial, place in enumerate(task.initial_parameters(np.arange(2)).T):
        weighed = root[:, None] * hessian(place) * root
        assert start[trial] == pytest.approx(np.linalg.eigvalsh(weighed)[-1], rel=1e-11)


def test_rate_times_sharpness_follows_the_schedule() -> None:
    plan = plan_of(
        problem={"kind": "function", "function": "quadratic", "eigenvalues": [2.0]},
        init={"kind": "point", "values": [1.0]},
        schedule={"kind": "exponential", "decay": 0.5},
        train={"max_steps": 3},
        axes={"learning_rate": [0.1, 0.4]},
    )
    start, end = measured(plan.task_of(0, np.arange(2)), "rate_times_sharpness")
    assert np.allclose(start, [0.2, 0.8])
    assert np.allclose(end, [0.2 / 8, 0.8 / 8])


def test_the_parameter_norm_is_of_the_final_parameters() -> None:
    quadratic = {"function": "quadratic", "eigenvalues": [1.0, 1.0]}
    task = function_task(quadratic, [3.0, 4.0], [0.5, 3.0], max_steps=2)
    (norm,) = measured(task, "parameter_norm")
    assert norm.tolist() == [1.25, 20.0]
    assert math.isclose(norm[0], 5 * 0.5**2)
