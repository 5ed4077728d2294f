"""Gradients, against finite differences, automatic differentiation and the reference trainer.

Every activation under every loss, at several depths, in both arithmetics of a network.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from autograd.extend import defvjp, primitive

from gdbatch import registry
from gdbatch.ingredients.problems.network.options import name_of as part_name
from gdbatch.ingredients.problems.network.problem import Network
from gdbatch.ingredients.problems.protocol import Evaluation
from tests.engine.helpers import (
    ACTIVATIONS,
    F32,
    FORMS,
    LOSSES,
    Array,
    activation_of,
    evaluated,
    names_of_layers,
    network,
    present,
    random_parameters,
    reference_of,
)

DEPTHS = {1: [2, 2], 2: [2, 3, 2], 3: [2, 3, 4, 2]}
LANES = 8
# Inputs, weights and targets are of order one, sums have at most 5 terms over 3 samples, and each
# product and activation is off by a few ulp of 2.2e-16: far less than 1e-13 in total.
ROUNDING = 1e-13

Case = tuple[str, str, list[int], bool]
# every activation under a mean of squares and under coupled outputs, and every loss under tanh
PAIRS = dict.fromkeys(
    [
        *itertools.product(ACTIVATIONS, ["mean_squared_error", "cross_entropy"]),
        *itertools.product(["tanh", "identity"], LOSSES),
    ]
)
CASES: list[Case] = [
    (activation, loss, layers, bool((place + depth) % 2))
    for place, (activation, loss) in enumerate(PAIRS)
    for depth, layers in DEPTHS.items()
]


def name_of(case: Case) -> str:
    activation, loss, layers, bias = case
    return f"{activation}-{loss}-{len(layers) - 1}" + "-bias" * bias


every_case = pytest.mark.parametrize("case", CASES, ids=name_of)
both_forms = pytest.mark.parametrize("form", FORMS)


def problem_of(case: Case, form: str, **options: Any) -> Network:
    activation, loss, layers, bias = case
    names = names_of_layers(activation, layers, loss)
    return network(layers, form=form, activation=names, loss=loss, bias=bias, **options)


def lanes_of(problem: Network, case: Case) -> Array:
    # exponentials of exponentials are of order one only for small weights
    scale = 0.2 if case[0] == "exponential" else 0.8
    return random_parameters(problem, LANES, scale, kink=1e-3)


# the same network, written for autograd ------------------------------------------------------

_erf = primitive(np.vectorize(math.erf))
defvjp(_erf, lambda ans, x: lambda g: g * 2 / math.pi**0.5 * anp.exp(-(x**2)))

FORMULAS: dict[str, Callable[[Any], Any]] = {
    "elu": lambda s: anp.where(s > 0, s, anp.expm1(anp.minimum(s, 0.0))),
    "exponential": anp.exp,
    "gelu": lambda s: s * (1 + _erf(s * 0.5**0.5)) / 2,
    "gelu_tanh": lambda s: s * (1 + anp.tanh((2 / math.pi) ** 0.5 * (s + 0.044715 * s**3))) / 2,
    "hard_tanh": lambda s: anp.clip(s, -1.0, 1.0),
    "identity": lambda s: s,
    "leaky_relu": lambda s: anp.where(s > 0, s, 0.01 * s),
    "mish": lambda s: s * anp.tanh(anp.log(1 + anp.exp(s))),
    "relu": lambda s: anp.where(s > 0, s, 0.0),
    "relu6": lambda s: anp.clip(s, 0.0, 6.0),
    "selu": lambda s: (
        1.0507009873554805
        * anp.where(s > 0, s, 1.6732632423543772 * anp.expm1(anp.minimum(s, 0.0)))
    ),
    "silu": lambda s: s * 0.5 * (1 + anp.tanh(s / 2)),
    "softsign": lambda s: s / (1 + anp.abs(s)),
    "sigmoid": lambda s: 0.5 * (1 + anp.tanh(s / 2)),
    "sin": anp.sin,
    "softmax": lambda s: anp.exp(s) / anp.sum(anp.exp(s), axis=1, keepdims=True),
    "softplus": lambda s: anp.log(1 + anp.exp(s)),
    "tanh": anp.tanh,
}

LOSS_FORMULAS: dict[str, Callable[[Any, Any], Any]] = {
    "squared_error": lambda p, t: anp.sum((p - t) ** 2),
    "mean_squared_error": lambda p, t: anp.mean((p - t) ** 2),
    "absolute_error": lambda p, t: anp.mean(anp.abs(p - t)),
    "hinge": lambda p, t: anp.mean(anp.maximum(0.0, 1 - t * p)),
    "huber": lambda p, t: anp.mean(
        anp.where(anp.abs(p - t) <= 1, 0.5 * (p - t) ** 2, anp.abs(p - t) - 0.5)
    ),
    "poisson": lambda p, t: anp.mean(p - t * anp.log(p)),
    "squared_hinge": lambda p, t: anp.mean(anp.maximum(0.0, 1 - t * p) ** 2),
    "cross_entropy": lambda p, t: -anp.mean(anp.sum(t * anp.log(p), axis=1)),
    "binary_cross_entropy": lambda p, t: -anp.mean(t * anp.log(p) + (1 - t) * anp.log(1 - p)),
}


def independent_loss(problem: Network) -> Callable[[Any], Any]:
    """The loss as matrix products over all samples, of one flat parameter vector."""

    def loss(flat: Any) -> Any:
        values, start = problem.layers.inputs, 0
        scales = list(problem.options.layer_scale or [])
        widths = itertools.pairwise(problem.layers.units)
        for (above, below), name in zip(widths, problem.options.activation_names(), strict=True):
            weights = flat[start : start + above * below].reshape((above, below))
            if scales:
                weights = weights * scales.pop(0)
            start += above * below
            sop = anp.dot(values, weights)
            if problem.options.bias:
                sop = sop + flat[start : start + below]
                start += below
            values = FORMULAS[name](sop)
        return LOSS_FORMULAS[part_name(problem.options.loss)](values, problem.layers.targets)

    return loss


SCALED = [("tanh", "squared_error", [2, 3, 2], True), ("identity", "squared_error", [2, 1], True),
          ("sigmoid", "binary_cross_entropy", [2, 3, 4, 1], False),
          ("relu", "mean_squared_error", [1, 1], False)]  # fmt: skip


# tests ---------------------------------------------------------------------------------------


def assert_close(found: Array, wanted: Any, tolerance: float) -> None:
    """Numbers of order one, or in units of the largest if that is larger."""
    wanted = np.asarray(wanted)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= tolerance * max(1.0, np.abs(wanted).max())


@both_forms
@every_case
def test_gradients_equal_finite_differences(case: Case, form: str) -> None:
    problem = problem_of(case, form)
    # central differences: an error of about 1e-10 from the third derivative, 1e-11 from rounding
    step = 1e-5
    for column in lanes_of(problem, case).T[:3]:
        moved = np.concatenate([np.eye(len(column)), -np.eye(len(column))]).T * step
        loss = evaluated(problem, column[:, None] + moved).loss
        assert loss is not None
        ahead, behind = np.split(loss, 2)
        gradient = present(evaluated(problem, column[:, None]).gradient)[:, 0]
        assert_close(gradient, (ahead - behind) / (2 * step), 3e-9)


@both_forms
@every_case
def test_gradients_and_losses_equal_autograd(case: Case, form: str) -> None:
    problem = problem_of(case, form)
    parameters = lanes_of(problem, case)
    out, loss = evaluated(problem, parameters), independent_loss(problem)
    gradient = autograd.grad(loss)
    wanted = np.array([gradient(column) for column in parameters.T]).T
    assert_close(present(out.gradient), wanted, ROUNDING)
    assert out.loss is not None
    assert_close(out.loss, [loss(column) for column in parameters.T], ROUNDING)


def assert_equals_reference(problem: Network, parameters: Array, out: Evaluation) -> None:
    """Everything an evaluation fills, lane by lane."""
    assert out.loss is not None
    assert out.predictions is not None
    assert out.prediction_error is not None
    reference = reference_of(problem)
    for lane, column in enumerate(parameters.T):
        loss, nested, predictions = reference.loss_and_gradient(reference.nested(column))
        assert_close(present(out.gradient)[:, lane], reference.flat(nested), ROUNDING)
        assert_close(out.loss[lane], loss, ROUNDING)
        assert_close(out.predictions[:, lane], predictions, ROUNDING)
        errors = np.abs(np.subtract(predictions, problem.targets))
        assert_close(out.prediction_error[lane], errors.max(), ROUNDING)


@both_forms
@every_case
def test_an_evaluation_equals_the_reference(case: Case, form: str) -> None:
    problem = problem_of(case, form)
    parameters = lanes_of(problem, case)
    assert_equals_reference(problem, parameters, evaluated(problem, parameters))


@both_forms
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("case", SCALED, ids=name_of)
def test_gradients_with_layer_scales(case: Case, form: str, samples: int) -> None:
    scales = [0.4, -1.7, 2.5][: len(case[2]) - 1]
    problem = problem_of(case, form, layer_scale=scales, samples=samples)
    parameters = lanes_of(problem, case)
    out, loss = evaluated(problem, parameters), independent_loss(problem)
    gradient = autograd.grad(loss)
    wanted = np.array([gradient(column) for column in parameters.T]).T
    assert_close(present(out.gradient), wanted, ROUNDING)
    assert_equals_reference(problem, parameters, out)
    plain = problem_of(case, form, samples=samples)
    factors = np.repeat(
        [1.0 if one.is_bias else scales[int(one.name[-1]) - 1] for one in problem.arrays],
        [one.size for one in problem.arrays],
    )
    multiplied = evaluated(plain, parameters * factors[:, None])
    assert out.loss is not None and multiplied.loss is not None
    assert_close(out.loss, multiplied.loss, ROUNDING)


@pytest.mark.parametrize("bias", [False, True])
def test_the_curvature_of_a_scaled_layer(bias: bool) -> None:
    scaled = network([2, 1], inputs=[[0.1, 0.4]], targets=[[0.3]], bias=bias, layer_scale=[2.0])
    doubled = network([2, 1], inputs=[[0.2, 0.8]], targets=[[0.3]], bias=bias)
    assert scaled.curvature == pytest.approx(doubled.curvature, rel=1e-14)


@both_forms
@pytest.mark.parametrize(
    "case",
    [one for one in CASES if registry.get("loss", one[1]).output_activation is None],
    ids=name_of,
)
def test_derivatives_at_the_prediction(case: Case, form: str) -> None:
    problem = problem_of(case, form, derivative_at="prediction")
    parameters = lanes_of(problem, case)
    out = evaluated(problem, parameters)
    assert_equals_reference(problem, parameters, out)
    true_gradient = present(evaluated(problem_of(case, form), parameters).gradient)
    activation, sops = activation_of(case[0]), np.linspace(-3, 3, 50)
    # of activations with straight pieces
    same = all(activation.derivative(activation.value(s)) == activation.derivative(s) for s in sops)
    assert bool(np.abs(present(out.gradient) - true_gradient).max() <= ROUNDING) is same


@both_forms
@every_case
def test_float32_equals_float64_to_rounding(case: Case, form: str) -> None:
    problem = problem_of(case, form)
    parameters = lanes_of(problem, case).astype(F32)
    narrow, wide = evaluated(problem, parameters, F32), evaluated(problem, parameters)
    for name in ("gradient", "loss", "predictions", "prediction_error"):
        found, wanted = getattr(narrow, name), getattr(wide, name)
        assert found.dtype == F32
        # the rounding above, with an ulp of 1.2e-7 in place of 2.2e-16
        assert_close(found, wanted, ROUNDING * 2**29)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("x", [0.0, 0.1, -2.0])
def test_one_weight_has_the_textbook_gradient(activation: str, x: float) -> None:
    problem = network([1, 1], inputs=[[x]], targets=[[0.3]], activation=activation)
    weights = np.array([[-2.0, -0.7, 0.2, 0.9, 3.0]])
    out, value = evaluated(problem, weights), FORMULAS[activation]
    slope = autograd.elementwise_grad(value)
    wanted = 2 * (value(weights * x) - 0.3) * slope(weights * x) * x
    assert_close(present(out.gradient), wanted, ROUNDING)


@both_forms
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("samples", [1, 4])
def test_predictions_are_ordered_by_sample(form: str, outputs: int, samples: int) -> None:
    problem = network([2, outputs], samples=samples, form=form, activation="identity", bias=True)
    parameters = random_parameters(problem, LANES)
    out = evaluated(problem, parameters)
    weights = parameters.reshape(3, outputs, LANES)
    wanted = np.einsum("si,iol->sol", np.c_[problem.layers.inputs, np.ones(samples)], weights)
    assert out.predictions is not None
    assert_close(out.predictions, wanted.reshape(-1, LANES), ROUNDING)
    assert problem.targets == problem.layers.targets.ravel().tolist()


@both_forms
def test_an_evaluator_fills_requested_arrays_from_current_parameters(form: str) -> None:
    problem = network([2, 3, 2], form=form, bias=True)
    start, other = random_parameters(problem, LANES), random_parameters(problem, LANES, seed=1)
    current, steps = start.copy(), np.zeros(LANES, np.int64)
    evaluator = problem.evaluator(LANES, current.dtype)
    lean = Evaluation(np.empty_like(current))
    full = Evaluation(np.empty_like(current), loss=np.empty(LANES))
    flat = Evaluation(None, loss=np.empty(LANES), prediction_error=np.empty(LANES))
    for parameters, out in itertools.product((start, other, start), (lean, full, flat)):
        np.copyto(current, parameters)
        evaluator.prepare(current, {}, steps, out)()
        wanted = evaluated(problem, parameters)
        assert np.array_equal(current, parameters)
        for name in ("gradient", "loss", "prediction_error"):
            found = getattr(out, name)
            assert found is None or np.array_equal(found, getattr(wanted, name))
        assert out.predictions is None
