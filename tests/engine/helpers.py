"""Helpers: networks, tasks and reference networks that describe the same trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gdbatch import registry
from gdbatch.engine import Results, Task
from gdbatch.engine.fused.stepping import FusedEvaluator
from gdbatch.ingredients.activations.protocol import Activation
from gdbatch.ingredients.losses.protocol import CoupledLoss
from gdbatch.ingredients.options import Number
from gdbatch.ingredients.problems.minibatches import keys_of
from gdbatch.ingredients.problems.network.elementwise import ElementwiseEvaluator
from gdbatch.ingredients.problems.network.options import NetworkOptions, part_of
from gdbatch.ingredients.problems.network.problem import Network
from gdbatch.ingredients.problems.network.products import ProductsEvaluator
from gdbatch.ingredients.problems.protocol import Evaluation
from gdbatch.outcomes import names
from gdbatch.reference import ReferenceNetwork
from gdbatch.training import Training

F32, F64 = np.dtype(np.float32), np.dtype(np.float64)
ACTIVATIONS = sorted(
    name for name, one in registry.family("activation").items() if issubclass(one, Activation)
)
LOSSES = sorted(registry.family("loss"))
FORMS: dict[str, Any] = {"elementwise": ElementwiseEvaluator, "products": ProductsEvaluator}

Array = NDArray[Any]


def activation_of(name: str) -> Any:
    """An activation with its default options."""
    return part_of("activation", name)


def loss_of(name: str) -> Any:
    """A loss with its default options."""
    return part_of("loss", name)


# problems ------------------------------------------------------------------------------------


def network(
    layers: list[int], *, samples: int = 3, data: int = 0, form: str | None = None, **options: Any
) -> Network:
    """A network on random samples, inputs of order one and targets from 0.1 to 0.9.

    `form` overrides the arithmetic that the problem would choose by its size.
    """
    random = np.random.default_rng([7, data])
    drawn: dict[str, Any] = {
        "inputs": random.uniform(-1.5, 1.5, (samples, layers[0])).tolist(),
        "targets": random.uniform(0.1, 0.9, (samples, layers[-1])),
    }
    loss = part_of("loss", options.get("loss", "squared_error"))
    if isinstance(loss, CoupledLoss):
        drawn["targets"] /= drawn["targets"].sum(axis=1, keepdims=True)
    if loss.needs_hard_labels:
        drawn["targets"] = np.where(drawn["targets"] > 0.5, *loss.target_range[::-1])
    drawn["targets"] = drawn["targets"].tolist()
    problem = Network(NetworkOptions(kind="network", layers=[*layers], **(drawn | options)))
    if form is not None:
        evaluator: Any = FusedEvaluator if form == "fused" else FORMS[form]
        problem.evaluator = partial(evaluator, problem.layers)  # type: ignore[method-assign]
    return problem


def names_of_layers(activation: str, layers: list[int], loss: str) -> list[str]:
    """One activation for all layers, except outputs that the loss needs."""
    return with_outputs([activation] * (len(layers) - 1), loss)


def with_outputs(names: list[str], loss: str) -> list[str]:
    """Activations, the last of which is the one that the loss needs, if any."""
    needed = registry.get("loss", loss).output_activation
    return names if needed is None else [*names[:-1], registry.name_of("activation", needed)]


def single(activation: str = "identity", x: float = 1.0, target: float = 0.0) -> Network:
    """One weight, one sample: with the identity and x = 1 its loss is (w - target)²."""
    return network([1, 1], inputs=[[x]], targets=[[target]], activation=activation)


def reference_of(problem: Network, dtype: Any = np.float64) -> ReferenceNetwork:
    """The same network for the reference trainer."""
    return ReferenceNetwork(
        list(problem.layers.units),
        list(problem.layers.activations),
        problem.layers.loss,
        problem.layers.inputs.tolist(),
        problem.layers.targets.tolist(),
        problem.layers.bias,
        problem.layers.derivative_at_prediction,
        dtype,
        list(problem.layers.scales) if problem.layers.scales else None,
        None if problem.layers.weights is None else problem.layers.weights.tolist(),
    )


def random_parameters(
    problem: Network, lanes: int, scale: float = 0.8, seed: int = 0, kink: float = 0.0
) -> Array:
    """Parameters (parameters, lanes) with no sum of products nearer to a kink than `kink`."""
    random = np.random.default_rng([11, seed])
    if not kink:
        return random.normal(0, scale, (problem.n_parameters, lanes))
    reference, columns = reference_of(problem), list[Array]()
    while len(columns) < lanes:
        column = random.normal(0, scale, problem.n_parameters)
        nested = reference.nested(column)
        distances = [
            abs(s - place)
            for x in reference.inputs
            for layer, row in enumerate(reference.forward(nested, x)[0])
            for s in row
            for place in getattr(problem.layers.activations[layer], "kinks", ())
        ]
        if min(distances, default=1.0) >= kink:
            columns.append(column)
    return np.array(columns).T


def present(array: Array | None) -> Array:
    """An array that an evaluation was asked to fill."""
    assert array is not None
    return array


def evaluated(problem: Network, parameters: Array, dtype: np.dtype[Any] = F64) -> Evaluation:
    """A complete evaluation of the problem at parameters (parameters, lanes)."""
    parameters = np.ascontiguousarray(parameters, dtype)
    lanes = parameters.shape[1]
    predictions = np.empty((problem.n_predictions, lanes), dtype)
    out = Evaluation(
        np.empty_like(parameters), np.empty(lanes, dtype), predictions, np.empty(lanes, dtype)
    )
    problem.evaluator(lanes, dtype).prepare(parameters, {}, np.zeros(lanes, np.int64), out)()
    return out


# trials --------------------------------------------------------------------------------------


def task_of(
    problem: Network,
    training: Training,
    learning_rates: Any,
    seeds: Any = 0,
    init: str = "normal",
    **numbers: Number,
) -> Task:
    """One trial per learning rate; by default with normal weights of scale 0.8."""
    rates = np.atleast_1d(np.asarray(learning_rates, np.float64))
    entry = registry.get("init", init)
    if init == "normal":
        numbers = {"mean": 0.0, "scale": 0.8} | numbers
    return Task(
        problem,
        entry(entry.Options.model_construct(kind=init), problem),
        registry.get("optimizer", "gradient_descent"),
        training,
        np.broadcast_to(np.asarray(seeds, np.int64), rates.shape).copy(),
        {"biases": 0.0} | numbers,
        {"learning_rate": rates},
    )


def started_at(weights: Any, problem: Network, training: Training, learning_rates: Any) -> Task:
    """One trial per learning rate; all weights of a trial start at the given number."""
    rates = np.atleast_1d(np.asarray(learning_rates, np.float64))
    starts = np.broadcast_to(np.asarray(weights, np.float64), rates.shape)
    return task_of(problem, training, rates, init="constant", value=starts.copy())


def some_of(task: Task, rows: Any) -> Task:
    """A task of only some trials, in the order of `rows`."""

    def taken(numbers: Mapping[str, Number]) -> dict[str, Number]:
        return {
            name: number[..., rows] if isinstance(number, np.ndarray) else number
            for name, number in numbers.items()
        }

    return replace(
        task,
        seeds=task.seeds[rows],
        init_hyperparameters=taken(task.init_hyperparameters),
        optimizer_hyperparameters=taken(task.optimizer_hyperparameters),
        schedule_hyperparameters=taken(task.schedule_hyperparameters),
    )


def batch_key_of(task: Task, row: int) -> int:
    """The key that determines a trial's minibatches."""
    return int(keys_of(task.entropy, task.seeds[[row]])[0])


def outcomes(results: Results) -> list[str]:
    """The name of each trial's outcome."""
    return [names()[code] for code in results.outcome]


def bytes_of(results: Results) -> list[tuple[bytes, ...]]:
    """The results of each trial, as bytes."""
    columns: list[Array] = [results.outcome, results.steps, results.initial_loss]
    columns += [results.final_loss, results.gradient_norm]
    assert results.final_parameters is not None
    return [
        (*(column[row].tobytes() for column in columns), results.final_parameters[:, row].tobytes())
        for row in range(len(results.steps))
    ]
