"""The engines by name: what evaluates, what runs windows, what looks closer at an alarm.

Each is imported when it is first used, since the fused one brings Numba.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .. import registry
from ..ingredients.optimizers.protocol import OptimizerOptions
from ..ingredients.problems.protocol import Evaluator, Problem
from ..ingredients.schedules.protocol import ScheduleOptions
from ..training import Training

if TYPE_CHECKING:
    from .lane_state import LaneState
    from .stepping import SteppingBlock
    from .task import Task

_MOST_ACTIVATIONS = 3  # different ones that a fused kernel is made for


class Engine(Protocol):
    """What the loop needs of an engine."""

    # updates a window, without a stop rule and with one; measured
    longest_window: tuple[int, int]

    def refusal(
        self,
        problem: Problem,
        optimizer: OptimizerOptions,
        schedule: ScheduleOptions,
        training: Training,
    ) -> str:
        """Why it cannot train this, or nothing."""

    def evaluator(self, problem: Problem, lanes: int, dtype: np.dtype[Any]) -> Evaluator:
        """The problem made ready for blocks of `lanes` lanes."""

    def stepping_block(self, task: Task, lanes: LaneState) -> SteppingBlock:
        """Lanes ready to run windows of updates."""

    def find_events(
        self, task: Task, lanes: LaneState
    ) -> tuple[LaneState | None, LaneState | None]:
        """Lanes to be inspected, and lanes in which nothing happened after all."""

    def is_prepared(self, task: Task) -> bool:
        """Whether `prepare` has nothing left to do."""

    def prepare(self, task: Task) -> None:
        """Do once what would else hold up every worker."""


class NumpyEngine:
    """NumPy on all lanes at once; trains whatever there is."""

    longest_window = (128, 64)

    def refusal(
        self,
        problem: Problem,
        optimizer: OptimizerOptions,
        schedule: ScheduleOptions,
        training: Training,
    ) -> str:
        """Nothing."""
        return ""

    def evaluator(self, problem: Problem, lanes: int, dtype: np.dtype[Any]) -> Evaluator:
        """The problem's own."""
        return problem.evaluator(lanes, dtype)

    def stepping_block(self, task: Task, lanes: LaneState) -> SteppingBlock:
        """Lanes ready to run windows of updates."""
        from .numpy.stepping import NumpySteppingBlock

        return NumpySteppingBlock(task, lanes)

    def find_events(
        self, task: Task, lanes: LaneState
    ) -> tuple[LaneState | None, LaneState | None]:
        """All lanes to be inspected, which makes updates as fast as anything here could."""
        return lanes, None

    def is_prepared(self, task: Task) -> bool:
        """Always."""
        return True

    def prepare(self, task: Task) -> None:
        """There is nothing to do."""


class FusedEngine:
    """Compiled kernels for networks under gradient descent; needs Numba."""

    longest_window = (256, 128)

    def refusal(
        self,
        problem: Problem,
        optimizer: OptimizerOptions,
        schedule: ScheduleOptions,
        training: Training,
    ) -> str:
        """Why it cannot train this, or nothing."""
        if importlib.util.find_spec("numba") is None:
            return 'needs Numba: pip install "gdbatch[fused]"'
        layers = problem.layers
        optimizers = registry.family("optimizer")
        if layers is None or optimizers[optimizer.kind].fused is None:
            known = [name for name, one in optimizers.items() if one.fused is not None]
            return "trains networks by " + ", ".join(known) + " only"
        parts: list[Any] = [*layers.activations, layers.loss]
        for part in parts:
            if part.fused is None:
                return f"has no compiled form of {part.__name__}"
        is_constant = registry.get("schedule", schedule.kind).is_constant
        for key, is_plain in (
            ("schedule", is_constant and not schedule.warm_up),
            ("learning rates by layer", isinstance(optimizer.learning_rate, float)),
            ("clip_value", optimizer.clip_value is None),
            ("clip_norm", optimizer.clip_norm is None),
            ("weight_decay", not optimizer.weight_decay),
            ("minibatches", training.batch is None),
        ):
            if not is_plain:
                return f"takes no {key}"
        if layers.factors is not None:
            return "takes no layer_scale"
        if len(set(layers.activations)) > _MOST_ACTIVATIONS:
            return f"takes at most {_MOST_ACTIVATIONS} different activations"
        return ""

    def evaluator(self, problem: Problem, lanes: int, dtype: np.dtype[Any]) -> Evaluator:
        """A kernel in place of the problem's own."""
        from .fused.engine import FusedEvaluator, layers_of

        return FusedEvaluator(layers_of(problem), lanes, dtype)

    def stepping_block(self, task: Task, lanes: LaneState) -> SteppingBlock:
        """Lanes ready to run windows of updates."""
        from .fused.engine import FusedSteppingBlock

        return FusedSteppingBlock(task, lanes)

    def find_events(
        self, task: Task, lanes: LaneState
    ) -> tuple[LaneState | None, LaneState | None]:
        """Lanes brought to where something happens, and those in which nothing does."""
        from .fused.engine import find_events

        return find_events(task, lanes)

    def is_prepared(self, task: Task) -> bool:
        """Whether the kernels are in memory."""
        from .fused.engine import is_compiled

        return is_compiled(task)

    def prepare(self, task: Task) -> None:
        """Compile the kernels, or load them from disk."""
        from .fused.engine import compile_kernels

        compile_kernels(task)


ENGINES: dict[str, Engine] = {"numpy": NumpyEngine(), "fused": FusedEngine()}
