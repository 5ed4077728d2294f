"""Interface of engines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from ..ingredients.measures.protocol import MeasureOptions
from ..ingredients.optimizers.protocol import OptimizerOptions
from ..ingredients.problems.protocol import Evaluator, Problem
from ..ingredients.schedules.protocol import ScheduleOptions
from ..training import Training
from .results import Results
from .task import Task


class Engine(ABC):
    """Trains tasks; stateless, and registered as a class.

    An engine that steps many lanes at once can extend `loop.LaneEngine`.
    """

    depends_on_simd: ClassVar[bool] = True  # whether NumPy's SIMD level affects the last digits

    def refusal(
        self,
        problem: Problem,
        optimizer: OptimizerOptions,
        schedule: ScheduleOptions,
        training: Training,
    ) -> str:
        """Why the engine cannot train this, as the end of a sentence; "" if it can."""
        return ""

    @abstractmethod
    def train(self, task: Task, results: Results, measures: Sequence[MeasureOptions] = ()) -> None:
        """Train every trial to its end and fill `results`, one row per trial.

        measures: those that read every step. An engine may fill their columns in
        `results.measures`; the others are computed by replaying the trials.
        """

    def evaluator(self, problem: Problem, lanes: int, dtype: np.dtype[np.floating]) -> Evaluator:
        """The problem's evaluator for blocks of `lanes` lanes; replays use it too."""
        return problem.evaluator(lanes, dtype)

    def is_prepared(self, task: Task) -> bool:
        """Whether this process can train the task without `prepare`."""
        return True

    def prepare(self, task: Task) -> None:  # noqa: B027  nothing by default
        """Do work that every worker would otherwise repeat, such as compiling."""
