"""What the engine and the reference trainer need of a learning-rate schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..options import Floats, LaneNumber, Options

Factors = NDArray[np.float64]
Hyperparameters = Mapping[str, Floats]


class ScheduleOptions(Options):
    """Options that all schedules share."""

    kind: str
    warm_up: LaneNumber = Field(
        0.0,
        ge=0,
        description="Steps in front, in which the rate grows evenly to where it begins.",
    )


class Schedule(Protocol):
    """What the engine and the reference trainer need of a schedule."""

    Options: ClassVar[type[ScheduleOptions]]

    @staticmethod
    def fill(step: Factors, hyperparameters: Hyperparameters, factor: Factors) -> None:
        """Fill `factor` at `step`, which may be used up, both (lanes,); without allocating."""

    @staticmethod
    def factor_at(step: Any, hyperparameters: Mapping[str, Any]) -> Any:
        """The same for one step, as the equation says it."""
