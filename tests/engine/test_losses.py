"""Losses: bounds, derivatives, curvature and accuracy.

Event detection skips losses that cannot exceed the limit, so bounds must hold.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdbatch import registry
from gdbatch.ingredients.activations.protocol import Activation
from gdbatch.ingredients.losses.protocol import Loss
from tests.engine.helpers import (
    ACTIVATIONS,
    F32,
    F64,
    FORMS,
    LOSSES,
    activation_of,
    evaluated,
    loss_of,
    names_of_layers,
    network,
    random_parameters,
    reference_of,
)

WITH_ANY_OUTPUTS = [name for name in LOSSES if registry.get("loss", name).output_activation is None]
SQUARED = ["mean_squared_error", "squared_error"]
SEPARATE = [name for name in LOSSES if issubclass(registry.get("loss", name), Loss)]


@pytest.mark.parametrize("loss", SEPARATE)
@pytest.mark.parametrize("count", [1, 3])
def test_slopes_are_the_derivatives_of_terms(loss: str, count: int) -> None:
    one = loss_of(loss)
    value = one.output_activation().value if one.output_activation else lambda sop: sop
    for sop in (-2.0, 0.3, 1.5):
        for target in (-1.0, 1.0) if one.needs_hard_labels else (0.0, 0.4, 1.0):

            def term(s: float, t: float = target) -> Any:
                number = np.float64(s)
                return one.scale(count) * one.term(value(number), number, np.float64(t))

            prediction, t = value(np.float64(sop)), np.float64(target)
            # with h = 1e-5 a central difference is off by h² and by 1e-16/h
            slope = (term(sop + 1e-5) - term(sop - 1e-5)) / 2e-5
            found = one.factor(count) * one.slope(prediction, np.float64(sop), t)
            assert slope == pytest.approx(found, abs=1e-9)
            arrays = [np.array([x]) for x in (prediction - t, sop, t, 0.0)]
            one.slopes(*arrays)
            assert one.factor(count) * arrays[0] == pytest.approx(found, abs=1e-15)


@pytest.mark.parametrize("dtype", [F64, F32], ids=str)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("target", [0.0, 1.0])
@pytest.mark.parametrize("samples", [1, 3])
def test_cross_entropy_is_accurate_when_it_is_small(
    dtype: np.dtype[Any], form: str, target: float, samples: int
) -> None:
    problem = network(
        [1, 1],
        form=form,
        loss="binary_cross_entropy",
        inputs=[[1.0]] * samples,
        targets=[[target]] * samples,
    )
    # for good predictions the loss is about exp(-|s|): from 0.05 down to 1e-13
    size = np.arange(3.0, 31.0, dtype=dtype)
    found = evaluated(problem, (size if target else -size)[None], dtype).loss
    wanted = np.log1p(np.exp(-size.astype(np.float64)))
    # a dozen rounded operations
    assert found == pytest.approx(wanted, rel=12 * float(np.finfo(dtype).eps), abs=0)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(ACTIVATIONS),
    st.sampled_from(LOSSES),
    st.sampled_from([0.1, 1.0, 30.0, 1e3, 1e200]),
    st.integers(0, 1000),
)
def test_no_loss_exceeds_the_bound(activation: str, loss: str, scale: float, data: int) -> None:
    layers = [2, 2, 2]
    names = names_of_layers(activation, layers, loss)
    problem = network(layers, samples=2, data=data, activation=names, loss=loss, bias=True)
    with np.errstate(over="ignore", invalid="ignore"):
        found = evaluated(problem, random_parameters(problem, 16, scale, data)).loss
    assert found is not None
    largest = found[np.isfinite(found)].max(initial=0)
    assert largest <= problem.loss_bound * (1 + 1e-14)  # a sum of four terms, rounded


@pytest.mark.parametrize("loss", SQUARED)
def test_a_bounded_output_reaches_the_bound_of_its_loss(loss: str) -> None:
    problem = network([1, 1], inputs=[[1.0]], targets=[[0.2]], loss=loss, activation="sigmoid")
    found = evaluated(problem, np.array([[-60.0, 60.0]])).loss
    assert found is not None
    # the sigmoid of 60 is 1, give or take its last bit
    assert problem.loss_bound == pytest.approx(0.64, rel=1e-15)
    assert found.max() == pytest.approx(0.64, rel=1e-15)


INVERTIBLE = [
    name
    for name in ACTIVATIONS
    if registry.get("activation", name).inverse is not Activation.inverse
]
CURVED = [
    *itertools.product(INVERTIBLE, [*SQUARED, "huber"], ["sop", "prediction"]),
    ("sigmoid", "binary_cross_entropy", "sop"),
    ("exponential", "poisson", "sop"),
]


@pytest.mark.parametrize(("activation", "loss", "derivative_at"), CURVED)
@pytest.mark.parametrize("bias", [False, True])
def test_the_curvature_is_the_largest_eigenvalue_of_the_updates_jacobian(
    activation: str, loss: str, derivative_at: str, bias: bool
) -> None:
    # targets that every activation can meet
    options: dict[str, Any] = {
        "activation": activation,
        "loss": loss,
        "derivative_at": derivative_at,
    }
    problem = network([2, 2], bias=bias, inputs=[[0.6, -0.4]], targets=[[0.3, 0.7]], **options)
    inputs = np.array([0.6, -0.4] + [1.0] * bias)
    inverse = activation_of(activation).inverse
    sops = [inverse(target) for target in (0.3, 0.7)]
    solution = np.outer(inputs, sops).ravel() / (inputs @ inputs)
    reference = reference_of(problem)

    def gradient(parameters: Any) -> Any:
        return np.array(
            reference.flat(reference.loss_and_gradient(reference.nested(parameters))[1])
        )

    assert np.abs(gradient(solution)).max() < 1e-14
    step = 1e-5 * np.eye(len(solution))
    columns = [(gradient(solution + one) - gradient(solution - one)) / 2e-5 for one in step]
    largest = np.linalg.eigvals(np.array(columns).T).real.max()
    # the central difference is accurate to 1e-10, its eigenvalues nearly so
    assert problem.curvature == pytest.approx(largest, rel=1e-8)


@pytest.mark.parametrize("loss", ["absolute_error", "hinge", "squared_hinge"])
def test_the_curvature_of_a_loss_without_a_parabola_is_unknown(loss: str) -> None:
    assert network([1, 1], samples=1, loss=loss, activation="identity").curvature is None


def test_options_of_losses_and_activations() -> None:
    """Far from its target the Huber loss grows by delta; leaky_relu has its slope below 0."""
    huber = registry.get("loss", "huber").Options(kind="huber", delta=0.25)
    leaky = registry.get("activation", "leaky_relu").Options(kind="leaky_relu", slope=0.5)
    problem = network([1, 1], inputs=[[1.0]], targets=[[0.0]], loss=huber, activation=leaky)
    out = evaluated(problem, np.array([[10.0, -10.0, 0.1, -0.1]]))
    assert out.loss == pytest.approx([0.25 * 9.875, 0.25 * 4.875, 0.005, 0.00125])
    assert out.gradient == pytest.approx(np.array([[0.25, -0.125, 0.1, -0.025]]))


def test_the_curvature_is_unknown_where_the_outputs_cannot_meet_the_targets() -> None:
    assert network([1, 1], samples=2).curvature is None
    assert network([1, 2, 1], samples=1).curvature is None
    assert network([1, 1], inputs=[[1.0]], targets=[[1.5]]).curvature is None
    assert network([1, 1], inputs=[[1.0]], targets=[[-1.0]], activation="relu").curvature is None


def test_an_overflowing_curvature_is_unknown() -> None:
    assert network([1, 1], inputs=[[1e200]], targets=[[0.5]]).curvature is None
    huge = network([1, 1], inputs=[[1.0]], targets=[[0.5]], layer_scale=[1e308])
    assert huge.curvature is None
