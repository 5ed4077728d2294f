"""Interface of learning-rate schedules."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...numerics.elementary import Scalar
from ..options import Floats, LaneNumber, Options

Factors = NDArray[np.float64]
Hyperparameters = Mapping[str, Floats]


class ScheduleOptions(Options):
    """Options that all schedules share."""

    kind: str
    warm_up: LaneNumber = Field(
        0.0,
        ge=0,
        description="Steps of a linear warm-up, after which the schedule begins.",
    )


class Schedule(ABC):
    """The factor of the learning rate at each step t after the warm-up; used as a class."""

    Options: ClassVar[type[ScheduleOptions]]
    is_constant: ClassVar[bool] = False  # whether the factor is always 1

    @staticmethod
    @abstractmethod
    def fill(step: Factors, hyperparameters: Hyperparameters, factor: Factors) -> None:
        """Fill `factor` at `step`, both (lanes,), without allocating; may overwrite `step`."""

    @staticmethod
    @abstractmethod
    def factor_at(step: float, hyperparameters: Mapping[str, Scalar]) -> Scalar:
        """The factor at one step: the equation, for the reference trainer."""
