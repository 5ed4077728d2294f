"""The engine of compiled kernels. Numba is imported only when something is trained."""

from __future__ import annotations

import importlib.util

import numpy as np

from ... import registry
from ...ingredients.activations.protocol import Activation
from ...ingredients.optimizers.protocol import Optimizer, OptimizerOptions
from ...ingredients.problems.layers import Layers
from ...ingredients.problems.protocol import Evaluator, Problem
from ...ingredients.schedules.protocol import ScheduleOptions
from ...registry import register
from ...training import Training
from ..lane_state import LaneState
from ..loop import LaneEngine
from ..stepping import SteppingBlock
from ..task import Task
from .rows import ROWS

_MOST_ACTIVATIONS = 3  # different ones per kernel


@register("engine", "fused")
class FusedEngine(LaneEngine):
    """Compiled kernels for networks: faster, but needs Numba."""

    longest_intervals = (256, 128)
    depends_on_simd = False

    def refusal(
        self,
        problem: Problem,
        optimizer: OptimizerOptions,
        schedule: ScheduleOptions,
        training: Training,
    ) -> str:
        if importlib.util.find_spec("numba") is None:
            return 'needs Numba: pip install "gdbatch[fused]"'
        layers, optimizers = problem.layers, registry.family("optimizer")
        if layers is None or optimizers[optimizer.kind].fused is None:
            known = [name for name, one in optimizers.items() if one.fused is not None]
            return f"trains only networks, with the optimizers {', '.join(known)}"
        return (
            _refusal_of_layers(layers)
            or _refusal_of_scaling(problem, optimizers[optimizer.kind])
            or _refusal_of_updates(optimizer, schedule)
            or _refusal_of_training(training)
        )

    def evaluator(self, problem: Problem, lanes: int, dtype: np.dtype[np.floating]) -> Evaluator:
        from .stepping import FusedEvaluator, layers_of

        return FusedEvaluator(layers_of(problem), lanes, dtype)

    def stepping_block(self, task: Task, lanes: LaneState, interval: int) -> SteppingBlock:
        from .stepping import FusedSteppingBlock

        return FusedSteppingBlock(task, self, lanes, interval)

    def find_events(
        self, task: Task, lanes: LaneState, interval: int
    ) -> tuple[LaneState | None, LaneState | None]:
        from .stepping import find_events

        if task.quantities:
            return lanes, None
        return find_events(task, lanes, interval)

    def is_prepared(self, task: Task) -> bool:
        from .stepping import is_compiled

        return is_compiled(task)

    def prepare(self, task: Task) -> None:
        from .stepping import compile_kernels

        compile_kernels(task, self)


def _refusal_of_layers(layers: Layers) -> str:
    if layers.factors is not None:
        return "does not support layer_scale, nor the multipliers of a parametrization"
    activations = {type(one) for one in layers.activations if isinstance(one, Activation)}
    if len(activations) > _MOST_ACTIVATIONS:
        return f"supports at most {_MOST_ACTIVATIONS} different activations"
    parts: list[type] = [*activations, type(layers.loss)]
    used = (*layers.activations, layers.loss)
    missing = [one.__name__ for one in parts if getattr(one, "fused", None) is None]
    missing += [type(one).__name__ for one in used if len(one.options.numbers) > 1]
    return f"has no compiled form of {missing[0]}" if missing else ""


def _refusal_of_scaling(problem: Problem, optimizer: type[Optimizer]) -> str:
    scaling, power = problem.scaling, optimizer.gradient_power
    if scaling is None or power is None or scaling.rate_factors(power) is None:
        return ""
    return "does not support learning rates by layer, which this parametrization needs"


def _refusal_of_updates(optimizer: OptimizerOptions, schedule: ScheduleOptions) -> str:
    is_constant = registry.get("schedule", schedule.kind).is_constant
    for key, is_plain in (
        ("schedule", is_constant and not schedule.warm_up),
        ("learning rates by layer", isinstance(optimizer.learning_rate, float)),
        ("clip_value", optimizer.clip_value is None),
        ("clip_norm", optimizer.clip_norm is None),
        ("weight_decay", not optimizer.weight_decay),
        ("l1", not optimizer.l1),
    ):
        if not is_plain:
            return f"does not support {key}"
    return ""


def _refusal_of_training(training: Training) -> str:
    if training.batch is not None:
        return "does not support minibatches"
    for name, (rule, _) in zip(training.stop, training.rules, strict=True):
        if rule.reads_quantities():
            continue
        if rule.fused_row not in ROWS or rule.direction != "≤":
            return f"has no compiled form of the stop rule {name}"
    return ""
