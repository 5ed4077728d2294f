"""An axis of a sweep: what varies, in which form, and how its values stand in a column."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import IngredientError, nearest
from ..random_streams import generator
from .axes import AxisForm, Index
from .diagnostics import shortened


@dataclass(frozen=True)
class Axis:
    """One thing that varies."""

    key: str  # "seed", or the dotted key of a value: "optimizer.learning_rate"
    column: str  # its column in the result tables
    form: AxisForm
    per_lane: bool  # whether the arrays carry it; else it splits the plan into groups
    entropy: int

    def values(self, index: Index) -> Any:
        """Values at some places of the axis: an array, or a list."""
        return self.form.values(index, lambda: generator(self.entropy, f"axis {self.key}"))

    def column_values(self, index: Index) -> Any:
        """The same as they stand in a column: numbers, bools, or text where there are lists."""
        values = self.values(index)
        if isinstance(values, np.ndarray):
            return values.astype(float) if self.per_lane and self.key != "seed" else values
        if any(isinstance(value, list | dict) for value in self.form.ends()):
            return [as_text(value) for value in values]
        as_float = self.per_lane and self.key != "seed"
        return np.array(values, dtype=np.float64) if as_float else values

    def place_of(self, wanted: Any) -> int:
        """Where a value stands on the axis; raises IngredientError with the nearest one."""
        if isinstance(wanted, int | float) and not abs(wanted) < 2**63:
            raise IngredientError(f"{shortened(str(wanted))} is no value of {self.column}")
        candidates = self._candidates(wanted)
        values = self.column_values(candidates)
        numeric = np.asarray(values).dtype.kind in "iuf"
        if isinstance(wanted, int | float) and numeric:
            place = int(np.argmin(np.abs(np.asarray(values) - wanted)))
            same = math.isclose(values[place], wanted, rel_tol=1e-9)
        else:
            texts = [str(value) for value in values]
            text = as_text(wanted)
            place = texts.index(text) if text in texts else 0
            same = texts[place] == text
        if not same:
            hint = f"the nearest is {values[place]}" if numeric else nearest(str(wanted), texts)
            raise IngredientError(f"{wanted} is no value of {self.column}; {hint}")
        return int(candidates[place])

    def _candidates(self, wanted: Any) -> Index:
        """Places worth a look for a value: all, or on a monotone axis those beside it."""
        size = self.form.size
        if not self.form.monotone or not isinstance(wanted, int | float):
            return np.arange(size)
        ends = self.values(np.array([0, size - 1]))
        sign = 1 if ends[1] >= ends[0] else -1
        place = bisect.bisect_left(
            range(size), sign * wanted, key=lambda one: sign * self.values(np.array([one]))[0]
        )
        return np.unique(np.clip([place - 1, place], 0, size - 1))


def as_text(value: Any) -> str:
    """A list as text: `3-2-1`."""
    if isinstance(value, list):
        return "-".join(as_text(one) for one in value)
    if isinstance(value, dict):
        return ",".join(f"{key}={as_text(one)}" for key, one in value.items())
    return str(value)
