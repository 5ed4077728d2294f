"""A measure: the largest loss."""

from typing import Any, Literal

import numpy as np

from gdbatch.ingredients.measures.protocol import (
    Chosen,
    Column,
    MeasureOptions,
    Now,
    PathMeasure,
    Values,
)
from gdbatch.registry import register


@register("measure", "outside_largest_loss")
class LargestLoss(PathMeasure):
    """The largest loss during training."""

    class Options(MeasureOptions):
        kind: Literal["outside_largest_loss"]

        def columns(self) -> list[Column]:
            return [Column("outside_largest_loss")]

    def __init__(self, options: Any, n_parameters: int, lanes: int) -> None:
        self.largest = np.full(lanes, -np.inf)

    def update(self, now: Now) -> None:
        np.fmax(self.largest, now.loss, out=self.largest)

    def compute(self, step: int, chosen: Chosen, missing: Values) -> list[Values]:
        return [self.largest[chosen]]
