"""Losses: bounds, derivatives, curvature and accuracy.

Event detection skips losses that cannot exceed the limit, so bounds must hold.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdbatch import registry
from gdbatch.ingredients.losses.protocol import Loss
from tests.engine.helpers import (
    ACTIVATIONS,
    F32,
    F64,
    FORMS,
    LOSSES,
    evaluated,
    names_of_layers,
    network,
    random_parameters,
    reference_of,
)

SQUARED = [name for name in LOSSES if registry.get("loss", name).output_activation is None]
SEPARATE = [name for name in LOSSES if issubclass(registry.get("loss", name), Loss)]


@pytest.mark.parametrize("loss", SEPARATE)
@pytest.mark.parametrize("count", [1, 3])
def test_the_factor_matches_the_derivative_of_a_term(loss: str, count: int) -> None:
    one = registry.get("loss", loss)
    for sop in (-2.0, 0.3, 1.5):
        for target in (0.0, 0.4, 1.0):

            def term(s: float, t: float = target) -> Any:
                prediction = 1 / (1 + np.exp(-s)) if one.output_activation else s
                return one.scale(count) * one.term(np.float64(prediction), np.float64(s), t)

            prediction = 1 / (1 + math.exp(-sop)) if one.output_activation else sop
            # with h = 1e-5 a central difference is off by h² and by 1e-16/h
            slope = (term(sop + 1e-5) - term(sop - 1e-5)) / 2e-5
            assert slope == pytest.approx(one.factor(count) * (prediction - target), abs=1e-9)


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


CURVED = [
    *itertools.product(ACTIVATIONS, SQUARED, ["sop", "prediction"]),
    ("sigmoid", "binary_cross_entropy", "sop"),
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
    inverse = registry.get("activation", activation).inverse
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


def test_the_curvature_is_unknown_where_the_outputs_cannot_meet_the_targets() -> None:
    assert network([1, 1], samples=2).curvature is None
    assert network([1, 2, 1], samples=1).curvature is None
    assert network([1, 1], inputs=[[1.0]], targets=[[1.5]]).curvature is None
    assert network([1, 1], inputs=[[1.0]], targets=[[-1.0]], activation="relu").curvature is None


def test_an_overflowing_curvature_is_unknown() -> None:
    assert network([1, 1], inputs=[[1e200]], targets=[[0.5]]).curvature is None
    huge = network([1, 1], inputs=[[1.0]], targets=[[0.5]], layer_scale=[1e308])
    assert huge.curvature is None
