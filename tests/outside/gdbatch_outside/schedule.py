"""A schedule: the inverse square root."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from gdbatch.ingredients.schedules.protocol import (
    Factors,
    Hyperparameters,
    Schedule,
    ScheduleOptions,
)
from gdbatch.numerics.elementary import Scalar
from gdbatch.registry import register


@register("schedule", "outside_inverse_root")
class InverseRoot(Schedule):
    """1/√(1 + t)."""

    class Options(ScheduleOptions):
        kind: Literal["outside_inverse_root"]

    @staticmethod
    def fill(step: Factors, hyperparameters: Hyperparameters, factor: Factors) -> None:
        np.add(step, 1, factor)
        np.sqrt(factor, factor)
        np.divide(1, factor, factor)

    @staticmethod
    def factor_at(step: float, hyperparameters: Mapping[str, Scalar]) -> Scalar:
        return 1 / np.sqrt(1 + step)
