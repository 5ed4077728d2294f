"""Parametrizations: the published tables, and what follows from them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from gdbatch import registry
from gdbatch.engine import Task, engine_named, train
from gdbatch.ingredients.problems.network.options import NetworkOptions
from gdbatch.ingredients.problems.network.problem import Network
from gdbatch.reference import ReferenceUpdates, train_reference
from gdbatch.training import Training
from tests.engine.helpers import Array, bytes_of, reference_of, task_of
from tests.engine.test_measures import measure
from tests.engine.updating import OPTIMIZERS, valid_numbers, with_updates

BASE, RATIO = 3, 4
LIKE_SGD = ("gradient_descent", "momentum", "nesterov")
# by parametrization: the factors of inputs', hidden and outputs' weights, r wide relative to 1
R = RATIO
DEVIATIONS = {"ntk": (1, 1, 1), "mup": (1, R**-0.5, 1 / R)}
MULTIPLIERS = {"ntk": (1, R**-0.5, R**-0.5), "mup": (1, 1, 1)}
RATES = {
    ("ntk", 1): ((1, 1, 1), (1, 1, 1)),  # weights, biases
    ("ntk", 0): ((R**-0.5, 1 / R, R**-0.5), (R**-0.5, R**-0.5, 1)),
    ("mup", 1): ((R, 1, 1 / R), (R, R, 1)),
    ("mup", 0): ((1, 1 / R, 1 / R), (1, 1, 1)),
}

both = pytest.mark.parametrize("rule", ["ntk", "mup"])


def wide(rule: str, width: int = BASE * RATIO, **options: Any) -> Network:
    drawn: dict[str, Any] = {
        "kind": "network",
        "layers": ["inputs", "width", "width", "outputs"],
        "inputs": np.random.default_rng(3).uniform(-1.5, 1.5, (4, 2)).tolist(),
        "targets": np.random.default_rng(4).uniform(-1, 1, (4, 2)).tolist(),
        "activation": "tanh",
        "output_activation": "identity",
    }
    scales = {"width": width, "base_width": BASE, "parametrization": rule}
    return Network(NetworkOptions.model_validate(drawn | scales | options))


def trials(problem: Network, optimizer: str = "gradient_descent", **numbers: Any) -> Task:
    task = task_of(problem, Training(20), [0.02, 0.05], [0, 1], "lecun", scale=1.0, offset=0.0)
    options = registry.get("init", "lecun").Options(kind="lecun")
    initializer = registry.get("init", "lecun")(options, problem)
    return replace(with_updates(task, optimizer, **numbers), initializer=initializer)


def by_array(problem: Network, numbers: Array) -> tuple[list[Array], list[Array]]:
    """The numbers of each layer's weights, and of its biases."""
    parts = np.split(numbers, np.cumsum([one.size for one in problem.arrays])[:-1])
    pairs = list(zip(problem.arrays, parts, strict=True))
    weights = [part for one, part in pairs if not one.is_bias]
    return weights, [part for one, part in pairs if one.is_bias]


# the tables ----------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("power", [1, 0])
def test_learning_rates_follow_the_tables(rule: str, power: int) -> None:
    problem = wide(rule, bias=True)
    assert problem.scaling is not None
    factors = problem.scaling.rate_factors(power)  # type: ignore[arg-type]
    found = by_array(problem, np.ones(problem.n_parameters) if factors is None else factors)
    for parts, wanted in zip(found, RATES[rule, power], strict=True):
        for part, one in zip(parts, wanted, strict=True):
            assert np.allclose(part, one, rtol=1e-15)


@both
@pytest.mark.parametrize("init", ["xavier", "he", "lecun", "normal", "uniform", "orthogonal"])
def test_initial_weights_follow_the_tables(rule: str, init: str) -> None:
    """With the variances of the base network, whatever the initializer does with fans."""
    entry = registry.get("init", init)
    numbers: dict[str, Any] = {
        name: np.array(one) for name, one in valid_numbers("init", init).items()
    }
    sizes = []
    for width in (60, 60 * RATIO):
        problem = wide(rule, width, base_width=60)
        initializer = entry(entry.Options(kind=init), problem)
        start = initializer.start(initializer.draw(np.random.default_rng(0), 0)[:, None], numbers)
        sizes.append([np.sqrt(np.mean(part**2)) for part in by_array(problem, start)[0]])
    ratio = np.array(sizes[1]) / np.array(sizes[0])
    assert np.allclose(ratio, DEVIATIONS[rule], rtol=0.15)


@both
def test_multipliers_follow_the_tables_and_multiply_layer_scale(rule: str) -> None:
    scales = wide(rule, layer_scale=[2.0, 3.0, 0.5]).layers.scales
    assert scales is not None
    assert np.allclose(scales, np.array(MULTIPLIERS[rule]) * [2.0, 3.0, 0.5], rtol=1e-15)


@pytest.mark.parametrize("init", ["constant", "point"])
def test_given_weights_are_not_scaled(init: str) -> None:
    problem = wide("mup", 4, base_width=2)
    options = registry.get("init", init).Options
    one = {"value": 0.5} if init == "constant" else {"values": [0.5] * problem.n_parameters}
    initializer = registry.get("init", init)(options(kind=init, **one), problem)
    numbers = {name: np.array(0.5) for name in one} | {"biases": np.array(0.0)}
    assert (initializer.start(np.zeros((problem.n_parameters, 1)), numbers) == 0.5).all()


# what follows from them ----------------------------------------------------------------------


@both
@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_at_the_base_width_everything_is_standard_to_the_bit(rule: str, optimizer: str) -> None:
    found, standard = (
        train(trials(wide(one, BASE, bias=True), optimizer, weight_decay=0.01), None, True)
        for one in (rule, "standard")
    )
    assert bytes_of(found) == bytes_of(standard)


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_table_3_and_table_8_are_the_same_training(optimizer: str) -> None:
    """Table 8 has a multiplier 1/fan-in of the outputs, and other variances and rates there."""
    numbers: Any = {"epsilon": 1e-300} if optimizer == "adam" else {}
    one = trials(wide("mup"), optimizer, **numbers)
    problem = wide("standard", layer_scale=[1.0, 1.0, 1 / R])
    rates = (R, 1.0, R) if optimizer == "momentum" else (1.0, 1 / R, 1.0)
    tasks = with_updates(
        trials(problem), optimizer, learning_rate=tuple(0.02 * one for one in rates), **numbers
    )
    start = {**tasks.init_hyperparameters, "scale": (1.0, 1.0, math.sqrt(R))}
    other = replace(tasks, init_hyperparameters=start)
    losses = [train(task).final_loss[0] for task in (one, other)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)
    assert losses[0] < 0.9 * train(one).initial_loss[0]


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_training_equals_the_reference_with_the_rates_of_the_table(optimizer: str) -> None:
    problem = wide("mup", bias=True)
    task = trials(problem, optimizer)
    results = train(task, None, True)
    assert results.final_parameters is not None
    power = 1 if optimizer in LIKE_SGD else 0
    by_layer = zip(*RATES["mup", power], strict=True)
    sizes = [one.size for one in problem.arrays]
    factors = np.repeat([one for pair in by_layer for one in pair], sizes)
    hyperparameters: Any = task.optimizer_hyperparameters
    updates = ReferenceUpdates(
        list(0.02 * factors), task.optimizer, {**hyperparameters, "learning_rate": 0.02}
    )
    start = task.initial_parameters(np.arange(1))[:, 0]
    wanted = train_reference(reference_of(problem), start, updates, task.training)
    found = results.final_parameters[:, 0]
    assert np.abs(found - wanted.parameters).max() <= 1e-12 * np.abs(found).max()


def test_weights_decay_as_fast_at_every_width() -> None:
    numbers = trials(wide("mup", bias=True), weight_decay=0.01).fresh_lanes(np.arange(2))
    constants = trials(wide("mup", bias=True), weight_decay=0.01).constants("number")
    product = numbers["number.learning_rate"] * constants["weight_decay"]
    assert np.allclose(product, [0.02 * 0.01, 0.05 * 0.01], rtol=1e-15)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizers_know_how_updates_scale_with_the_gradient(optimizer: str) -> None:
    entry = registry.get("optimizer", optimizer)
    if entry.gradient_power is None:
        pytest.skip("its power is not known")
    numbers = valid_numbers("optimizer", optimizer)
    numbers |= {"epsilon": 1e-300} if "epsilon" in numbers else {}
    ends = []
    for size in (1.0, 1000.0):
        weight, state = np.float64(0), dict[str, Any]()
        for gradient in (0.3, -0.2, 0.5):
            weight = entry.update_one(weight, np.float64(size * gradient), 0.1, numbers, state)
        ends.append(weight)
    assert ends[1] == pytest.approx(ends[0] * 1000.0**entry.gradient_power, rel=1e-9)


# the coordinate check ------------------------------------------------------------------------

# exponents of the width in the changes of sums of products by one update: of the first layer, of
# the second, of the outputs
EXPONENTS = {
    ("standard", "gradient_descent"): (-0.5, 0.5, 1.0),
    ("ntk", "gradient_descent"): (-0.5, -0.5, 0.0),
    ("mup", "gradient_descent"): (0.0, 0.0, 0.0),
    ("standard", "adam"): (0.0, 1.0, 1.5),  # updates are aligned with the output weights
    ("ntk", "adam"): (-0.5, -0.5, 0.0),
    ("mup", "adam"): (0.0, 0.0, 0.0),
}


@pytest.mark.parametrize(("rule", "optimizer"), EXPONENTS)
def test_updates_change_layers_as_theory_says(rule: str, optimizer: str) -> None:
    random, changes = np.random.default_rng(5), list[Array]()
    drawn = {"inputs": random.normal(size=(16, 8)), "targets": random.normal(size=(16, 1))}
    given: Any = {name: one.tolist() for name, one in drawn.items()}
    check = measure("coordinate_check", steps=[1], change=True, layers=[1, 2, 3])
    for width in (64, 256):
        problem = wide(rule, width, base_width=16, **given)
        task = trials(problem, optimizer)
        rates = np.full(12, 0.02 if optimizer == "gradient_descent" else 0.0002)
        numbers = {**task.optimizer_hyperparameters, "learning_rate": rates}
        task = replace(task, seeds=np.arange(12), optimizer_hyperparameters=numbers)
        measured = train(replace(task, training=Training(1)), measures=[check]).measures
        changes.append(np.array([np.median(one) for one in measured.values()]))
    exponents = np.log(changes[1] / changes[0]) / np.log(4)
    for found, wanted in zip(exponents, EXPONENTS[rule, optimizer], strict=True):
        assert abs(found - wanted) < 0.12, exponents


def test_the_check_is_the_root_mean_square_of_the_references_sums() -> None:
    problem = wide("ntk", bias=True)
    task = trials(problem, "momentum")
    reference = reference_of(problem)
    sizes = []
    for steps in (0, 3):
        short = replace(task, training=Training(steps))
        found = train(
            short, None, True, [measure("coordinate_check", layers=[1, 2, 3], change=False)]
        )
        assert found.final_parameters is not None
        nested = reference.nested(found.final_parameters[:, 1])
        sops = [reference.forward(nested, sample)[0] for sample in reference.inputs]
        sizes.append([np.array([one[layer] for one in sops]) for layer in range(3)])
        wanted = [np.sqrt(np.mean(one**2)) for one in sizes[-1]]
        assert [one[1] for one in found.measures.values()] == pytest.approx(wanted, rel=1e-12)
    changes = [measure("coordinate_check", layers=[1, 2, 3], steps=[0, 3], change=True)]
    measured = train(task, measures=changes).measures
    assert list(measured)[:2] == ["preactivation_change_1_at_0", "preactivation_change_1_at_3"]
    wanted = [np.sqrt(np.mean((b - a) ** 2)) for a, b in zip(*sizes, strict=True)]
    found_changes = [one[1] for name, one in measured.items() if name.endswith("3")]
    assert found_changes == pytest.approx(wanted, rel=1e-9)


# refusals ------------------------------------------------------------------------------------


def test_fused_refuses_rates_and_multipliers_but_not_the_base_width() -> None:
    engine = engine_named("fused")
    schedule = registry.get("schedule", "constant").Options(kind="constant")
    optimizer = registry.get("optimizer", "gradient_descent").Options(
        kind="gradient_descent", learning_rate=0.1
    )
    found = [
        engine.refusal(problem, optimizer, schedule, Training(10))
        for problem in (wide("mup"), wide("ntk"), wide("mup", BASE))
    ]
    assert "learning rates by layer" in found[0] or "Numba" in found[0]
    assert "multipliers" in found[1] or "Numba" in found[1]
    assert found[2] == "" or "Numba" in found[2]


@pytest.mark.parametrize(
    ("given", "key", "words"),
    [
        ({"base_width": None}, "parametrization", "needs base_width"),
        ({"layers": [2, 3, 2], "width": None}, "base_width", "is not used"),
        ({"parametrization": "mop"}, "parametrization", 'did you mean "mup"'),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], key: str, words: str) -> None:
    options = wide("mup").options.model_dump() | given
    with pytest.raises(ValidationError) as caught:
        wide("mup").Options.model_validate(options)
    error = caught.value.errors()[0]["ctx"]["error"]
    assert error.key[0] == key
    assert words in str(error)
