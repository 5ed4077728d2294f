"""An axis of a sweep: the key that varies, its values, and their column."""

from __future__ import annotations

import bisect
import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import IngredientError, nearest
from ..random_streams import generator
from .forms import AxisForm, Index, Values
from .text import as_text, shortened

Column = NDArray[np.float64] | NDArray[np.int64] | list[object] | list[str]


@dataclass(frozen=True)
class Axis:
    """One key of a sweep and the values it takes."""

    key: str  # "seed", or the dotted key of a value: "optimizer.learning_rate"
    column: str  # its column in the result tables
    form: AxisForm
    per_lane: bool  # whether the lanes of a block may differ in it; else it makes groups
    entropy: int
    labels: tuple[str, ...] | None = None  # column entries of values that are tables
    written: str = ""  # the key in the sweep file: `axes.learning_rate`

    def values(self, index: Index) -> Values:
        """The values at some indices, as an array or a list."""
        return self.form.values(index, lambda: generator(self.entropy, f"axis {self.key}"))

    def value(self, place: int) -> object:
        """One value, in plain Python types."""
        values = self.values(np.array([place]))
        return values[0] if isinstance(values, list) else values.tolist()[0]

    def column_values(self, index: Index) -> Column:
        """The column entries at some indices: numbers, booleans, or text for lists and tables."""
        if self.labels is not None:
            return [self.labels[place] for place in index]
        values = self.values(index)
        if self.per_lane and self.key != "seed":
            return np.asarray(values, dtype=np.float64)
        if self._needs_text and isinstance(values, list):
            return [as_text(value) for value in values]
        return values

    @functools.cached_property
    def _needs_text(self) -> bool:
        return any(isinstance(value, list | dict) for value in self.form.ends())

    def resolved(self) -> dict[str, object]:
        """Everything that determines the values and the column, as plain data."""
        labels = {} if self.labels is None else {"labels": list(self.labels)}
        return {"key": self.key, **self.form.model_dump(mode="json"), **labels}

    def preview(self) -> str:
        """The first, the second and the last value, as text."""
        size = self.form.size
        places = sorted({0, min(1, size - 1), size - 1})
        shown = [_shown(one) for one in self.column_values(np.array(places))]
        if size > 3:
            shown.insert(2, "…")
        return ", ".join(shown) + (f" ({size:,} values)" if size > 3 else "")

    def place_of(self, wanted: object) -> int:
        """The index of a value; raises IngredientError, naming the nearest one, if it is absent."""
        if isinstance(wanted, int | float) and not abs(wanted) < 2**63:
            raise IngredientError(f"{shortened(str(wanted))} is not a value of {self.column}")
        candidates = self._candidates(wanted)
        values = self.column_values(candidates)
        numbers = np.asarray(values)
        numeric = numbers.dtype.kind in "iuf"
        if isinstance(wanted, int | float) and numeric:
            place = int(np.argmin(np.abs(numbers - wanted)))
            same = math.isclose(numbers[place], wanted, rel_tol=1e-9)
        else:
            texts = [str(value) for value in values]
            text = as_text(wanted)
            place = texts.index(text) if text in texts else 0
            same = texts[place] == text
        if not same:
            hint = f"the nearest is {values[place]}" if numeric else nearest(str(wanted), texts)
            raise IngredientError(f"{wanted} is not a value of {self.column}; {hint}")
        return int(candidates[place])

    def _candidates(self, wanted: object) -> Index:
        """The indices where a value may be: all, or the two around it on a monotone axis."""
        size = self.form.size
        if not self.form.is_monotone or not isinstance(wanted, int | float):
            return np.arange(size)
        sign = 1 if self._number(size - 1) >= self._number(0) else -1
        place = bisect.bisect_left(
            range(size), sign * wanted, key=lambda one: sign * self._number(one)
        )
        return np.unique(np.clip([place - 1, place], 0, size - 1))

    def _number(self, place: int) -> float:
        return float(np.asarray(self.values(np.array([place])))[0])


def _shown(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else shortened(str(value))
