"""What an engine is: it trains tasks, and says what it cannot train."""

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
    """Trains tasks. An engine has no state; it is registered as a class.

    One that steps many lanes at once can build on `loop.LaneEngine`.
    """

    depends_on_simd: ClassVar[bool] = True  # last digits, on the vector instructions of NumPy

    def refusal(
        self,
        problem: Problem,
        optimizer: OptimizerOptions,
        schedule: ScheduleOptions,
        training: Training,
    ) -> str:
        """Why the engine cannot train this, as the end of a sentence, or ""."""
        return ""

    @abstractmethod
    def train(self, task: Task, results: Results, measures: Sequence[MeasureOptions] = ()) -> None:
        """Train every trial to its end and fill `results`, one row per trial.

        measures: those that read every step. An engine may fill their columns in
        `results.measures`; those it leaves out are computed by training the trials again.
        """

    def evaluator(self, problem: Problem, lanes: int, dtype: np.dtype[np.floating]) -> Evaluator:
        """The problem prepared for blocks of `lanes` lanes, where trials are trained again."""
        return problem.evaluator(lanes, dtype)

    def is_prepared(self, task: Task) -> bool:
        """Whether `prepare` has nothing left to do in this process."""
        return True

    def prepare(self, task: Task) -> None:  # noqa: B027  nothing by default
        """Do what would otherwise be done in every worker, such as compiling."""
