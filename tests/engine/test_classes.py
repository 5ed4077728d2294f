"""Classes: weights of samples and classes, smoothed labels, and accuracy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import autograd
import numpy as np
import pytest

from gdbatch.engine.fused.stepping import FusedEvaluator
from gdbatch.errors import SweepFileError
from gdbatch.ingredients.problems.network.problem import Network
from gdbatch.ingredients.problems.protocol import ChosenSamples, Evaluation
from gdbatch.sweep_file import read_sweep
from tests.documents import document
from tests.engine.helpers import (
    F32,
    F64,
    FORMS,
    Array,
    evaluated,
    network,
    present,
    random_parameters,
)
from tests.engine.test_gradients import (
    ROUNDING,
    assert_close,
    assert_equals_reference,
    independent_loss,
)

ONE_HOT: list[list[float]] = [[1.0, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]]
EVERY_FORM = pytest.mark.parametrize("form", FORMS)


def classifier(loss: str = "cross_entropy", **options: Any) -> Network:
    return network([2, 4, 3], samples=5, targets=ONE_HOT, loss=loss, bias=True,
                   activation="tanh", **options)  # fmt: skip


def weighted(problem: Network, weights: Array) -> Network:
    """The problem with weights of its samples, as a data file may give them."""
    problem.options._samples = replace(problem.options.samples, weights=weights / weights.mean())
    return Network(problem.options)


def formed(problem: Network, form: str) -> Network:
    """The problem in one arithmetic."""
    problem.evaluator = lambda *given: FORMS[form](problem.layers, *given)  # type: ignore[method-assign]
    return problem


# weights -------------------------------------------------------------------------------------


@EVERY_FORM
@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy", "squared_error"])
@pytest.mark.parametrize("layers", [[2, 4, 3], [2, 3]], ids=str)
def test_weights_multiply_the_terms_of_their_samples(
    layers: list[int], loss: str, form: str
) -> None:
    plain = network(layers, samples=5, targets=ONE_HOT, loss=loss, activation="tanh", bias=True)
    problem = formed(weighted(plain, np.array([0.5, 2.0, 0.0, 1.0, 3.0])), form)
    weights = present(problem.layers.weights)
    assert weights.mean() == pytest.approx(1)
    parameters = random_parameters(problem, 8)
    out = evaluated(problem, parameters)
    assert_equals_reference(problem, parameters, out)
    alone = [
        independent_loss(
            network(layers, inputs=[x], targets=[t], loss=loss, activation="tanh", bias=True)
        )
        for x, t in zip(plain.layers.inputs.tolist(), ONE_HOT, strict=True)
    ]

    def loss_of(column: Any) -> Any:
        total = sum(w * one(column) for w, one in zip(weights, alone, strict=True))
        return total if loss == "squared_error" else total / len(weights)

    wanted = np.array([autograd.grad(loss_of)(column) for column in parameters.T]).T
    assert_close(present(out.gradient), wanted, ROUNDING)
    assert_close(present(out.loss), [loss_of(column) for column in parameters.T], ROUNDING)
    direction = np.random.default_rng(1).normal(size=parameters.shape)
    hessian = autograd.hessian(loss_of)
    products = [hessian(p) @ d for p, d in zip(parameters.T[:2], direction.T, strict=False)]
    found = problem.hessian(parameters, {}).product(direction)
    assert_close(found[:, :2], np.array(products).T, 10 * ROUNDING)


@EVERY_FORM
def test_a_minibatch_takes_the_weights_of_its_samples(form: str) -> None:
    problem = weighted(classifier(), np.array([0.5, 2.0, 0.25, 1.0, 3.0]))
    chosen = np.array([[0, 1], [3, 2], [4, 4]])
    parameters = random_parameters(problem, 2)
    out = Evaluation(np.empty_like(parameters), np.empty(2), None, None, np.empty(2))
    evaluator = FORMS[form](problem.layers, 2, F64, ChosenSamples(chosen))
    evaluator.prepare(parameters, {}, np.zeros(2, np.int64), out)()
    for lane, samples in enumerate(chosen.T):
        part = replace(
            problem.layers,
            inputs=problem.layers.inputs[samples],
            targets=problem.layers.targets[samples],
            weights=present(problem.layers.weights)[samples],
        )
        alone = Evaluation(np.empty((len(parameters), 1)), np.empty(1), None, None, np.empty(1))
        one = FORMS[form](part, 1, F64)
        one.prepare(parameters[:, lane : lane + 1].copy(), {}, np.zeros(1, np.int64), alone)()
        for found, wanted in zip(vars(out).values(), vars(alone).values(), strict=True):
            if found is not None:
                assert_close(found[..., lane], wanted[..., 0], ROUNDING)


def test_the_fused_engine_takes_weights() -> None:
    options: dict[str, Any] = {"samples": 2, "targets": ONE_HOT[:2], "loss": "cross_entropy"}
    problem = weighted(network([1, 3], **options), np.array([0.5, 2.0]))
    parameters = random_parameters(problem, 20)
    wanted, shares = evaluated(problem, parameters), accuracy(problem, parameters)
    out = Evaluation(np.empty_like(parameters), np.empty(20), accuracy=np.empty(20))
    fused = FusedEvaluator(problem.layers, 20, F64)
    fused.prepare(parameters, {}, np.zeros(20, np.int64), out)()
    assert_close(present(out.gradient), wanted.gradient, ROUNDING)
    assert_close(present(out.loss), wanted.loss, ROUNDING)
    assert np.array_equal(present(out.accuracy), shares)


def test_balanced_classes_weigh_the_same() -> None:
    weights = present(classifier(class_weight="balanced").layers.weights)
    assert weights == pytest.approx([5 / 3, 5 / 9, 5 / 9, 5 / 3, 5 / 9])  # scikit-learn's formula
    by_hand = present(classifier(class_weight=[3.0, 1.0, 3.0]).layers.weights)
    assert by_hand == pytest.approx(weights)
    binary = network([2, 1], samples=4, loss="binary_cross_entropy", class_weight="balanced",
                     targets=[[1.0], [0.0], [0.0], [0.0]])  # fmt: skip
    assert present(binary.layers.weights) == pytest.approx([2, 2 / 3, 2 / 3, 2 / 3])


def test_class_weights_multiply_the_weights_of_samples() -> None:
    problem = weighted(classifier(class_weight=[1.0, 2.0, 4.0]), np.array([1.0, 1, 3, 1, 1]))
    found = present(problem.layers.weights)
    assert found / found[0] == pytest.approx([1, 2, 6, 4, 2])
    assert found.mean() == pytest.approx(1)


def test_labels_are_smoothed() -> None:
    smooth = classifier(label_smoothing=0.3).layers.targets
    assert smooth == pytest.approx(0.7 * np.array(ONE_HOT) + 0.1)
    binary = network([2, 1], samples=2, loss="binary_cross_entropy", targets=[[1.0], [0.0]],
                     label_smoothing=0.2)  # fmt: skip
    assert binary.layers.targets.ravel() == pytest.approx([0.9, 0.1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_weight": [1.0, 2.0]}, "problem.class_weight: there are 3 classes, but 2 weights"),
        ({"class_weight": [0.0, 0.0, 0.0]}, "all weights are 0"),
        ({"class_weight": [1.0, 2.0, -1.0]}, "0 or more"),
        ({"class_weight": "even"}, 'must be "balanced" or a list'),
        ({"label_smoothing": 1.0}, "below 1"),
        ({"label_smoothing": 0.1, "loss": "squared_error"}, "squared_error has no classes; label"),
        (
            {"class_weight": [1.0], "loss": "binary_cross_entropy", "layers": [1, 1],
             "targets": [[1.0]]},
            "there are 2 classes .a single output decides between two classes., but 1 weights",
        ),
    ],
)  # fmt: skip
def test_wrong_weights_are_refused(changes: dict[str, Any], message: str) -> None:
    problem = {
        "kind": "network",
        "layers": [1, 3],
        "loss": "cross_entropy",
        "inputs": [[0.1]],
        "targets": [[1.0, 0.0, 0.0]],
    }
    with pytest.raises(SweepFileError, match=message):
        read_sweep(document(problem=problem | changes))


# accuracy ------------------------------------------------------------------------------------


def accuracy(problem: Network, parameters: Array, dtype: np.dtype[Any] = F64) -> Array:
    lanes = parameters.shape[1]
    out = Evaluation(None, accuracy=np.empty(lanes, dtype))
    parameters = np.ascontiguousarray(parameters, dtype)
    problem.evaluator(lanes, dtype).prepare(parameters, {}, np.zeros(lanes, np.int64), out)()
    return present(out.accuracy)


@EVERY_FORM
@pytest.mark.parametrize("dtype", [F64, F32], ids=str)
@pytest.mark.parametrize("weights", [None, np.array([0.5, 2.0, 0.0, 1.0, 3.0])], ids=str)
def test_accuracy_is_the_share_of_right_classes(
    weights: Array | None, dtype: np.dtype[Any], form: str
) -> None:
    problem = classifier() if weights is None else weighted(classifier(), weights)
    parameters = random_parameters(problem, 30, scale=3.0)
    parameters[:, 0] = 0.0  # all classes are equally probable: the first is chosen
    found = accuracy(formed(problem, form), parameters, dtype)
    predictions = present(evaluated(problem, parameters, dtype).predictions).reshape(5, 3, -1)
    right = predictions.argmax(axis=1) == np.argmax(ONE_HOT, axis=1)[:, None]
    assert found == pytest.approx(np.average(right, axis=0, weights=weights), rel=1e-6)
    assert len({*found.tolist()}) > 2


@EVERY_FORM
def test_a_single_output_is_the_second_class_from_one_half_on(form: str) -> None:
    problem = network([1, 1], form=form, loss="binary_cross_entropy", activation="sigmoid",
                      inputs=[[1.0], [-1.0], [0.0]], targets=[[1.0], [0.0], [1.0]])  # fmt: skip
    assert accuracy(problem, np.array([[2.0, -2.0, 0.0]])) == pytest.approx([1, 1 / 3, 2 / 3])


@EVERY_FORM
def test_there_is_no_accuracy_without_classes(form: str) -> None:
    for problem in (
        network([2, 3], form=form),
        network([2, 2], form=form, loss="binary_cross_entropy", targets=[[1.0, 1.0]] * 3),
    ):
        assert np.isnan(accuracy(problem, random_parameters(problem, 3))).all()
