"""An engine: the reference trainer, one trial at a time. Slow, but easy to read."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gdbatch import outcomes
from gdbatch.engine import Engine, Results, Task
from gdbatch.ingredients.measures.protocol import MeasureOptions
from gdbatch.ingredients.optimizers.protocol import OptimizerOptions
from gdbatch.ingredients.options import Number
from gdbatch.ingredients.problems.network.problem import Network
from gdbatch.ingredients.problems.parameters import layer_indices
from gdbatch.ingredients.problems.protocol import Problem
from gdbatch.ingredients.schedules.protocol import ScheduleOptions
from gdbatch.reference import ReferenceNetwork, ReferenceUpdates, train_reference
from gdbatch.registry import register
from gdbatch.training import Training


@register("engine", "outside_plain")
class Plain(Engine):
    """The reference trainer, one trial at a time."""

    def refusal(
        self,
        problem: Problem,
        optimizer: OptimizerOptions,
        schedule: ScheduleOptions,
        training: Training,
    ) -> str:
        if not isinstance(problem, Network):
            return "trains networks only"
        return "knows no minibatches" if training.batch else ""

    def train(self, task: Task, results: Results, measures: Sequence[MeasureOptions] = ()) -> None:
        network, names = _network(task), outcomes.names()
        starts = task.initial_parameters(np.arange(len(task)))
        for row in range(len(task)):
            end = train_reference(network, starts[:, row], _updates(task, row), task.training)
            results.outcome[row] = names.index(end.outcome)
            results.steps[row] = end.steps
            results.initial_loss[row] = end.initial_loss
            results.final_loss[row] = end.final_loss
            results.gradient_norm[row] = end.gradient_norm
            if results.final_parameters is not None:
                results.final_parameters[:, row] = end.parameters


def _network(task: Task) -> ReferenceNetwork:
    assert isinstance(task.problem, Network)
    options, layers = task.problem.options, task.problem.layers
    return ReferenceNetwork(
        list(layers.units),
        list(layers.activations),
        layers.loss,
        layers.inputs.tolist(),
        layers.targets.tolist(),
        layers.bias,
        layers.derivative_at_prediction,
        task.training.dtype.type,
        options.layer_scale,
    )


def _updates(task: Task, row: int) -> ReferenceUpdates:
    dtype = task.training.dtype.type
    numbers = _of_row(task.optimizer_hyperparameters, row, dtype)
    layer = layer_indices(task.problem.arrays)
    rates = np.broadcast_to(numbers.pop("learning_rate"), layer.max() + 1)
    updates = ReferenceUpdates(list(rates[layer]), task.optimizer, numbers, task.decoupled)
    if task.decayed == "weights":
        updates.decayed = [not one for one in task.problem.is_bias]
    if task.rate_varies:
        updates.schedule = task.schedule
        updates.schedule_hyperparameters = _of_row(task.schedule_hyperparameters, row, np.float64)
    return updates


def _of_row(numbers: Mapping[str, Number], row: int, dtype: Any) -> dict[str, Any]:
    """The hyperparameters of one trial."""
    arrays = {name: np.asarray(number) for name, number in numbers.items()}
    return {
        name: dtype(array[..., row] if isinstance(numbers[name], np.ndarray) else array)
        for name, array in arrays.items()
    }
