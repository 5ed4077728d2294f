"""`[map]`: two axes that are trained as a map, refined where neighbours differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field, model_validator

from ..errors import IngredientError, nearest
from ..ingredients.measures.protocol import MeasureOptions
from ..ingredients.options import Options
from .axis import Axis
from .diagnostics import Diagnostic
from .forms import Refine

_LARGEST_SQUARE = 32


class MapOptions(Options):
    """Train every few pixels of a map of two axes first, then those where neighbours differ."""

    axes: list[str] = Field(min_length=2, max_length=2, description="The two axes of the map.")
    coarse: int = Field(8, ge=2, le=_LARGEST_SQUARE, description="Every so many pixels at first.")
    by: str = Field(
        "outcome", description="What neighbours differ in: outcome, or a column of a measure."
    )

    @model_validator(mode="after")
    def _can_be_halved(self) -> MapOptions:
        if self.coarse & (self.coarse - 1):
            raise IngredientError(f"coarse = {self.coarse} is no power of two", "coarse")
        return self


@dataclass(frozen=True)
class MapAxes:
    """A validated map: its axes, the slower one first, and how it is refined."""

    axes: tuple[Axis, Axis]
    coarse: int
    by: str

    def resolved(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "axes": [axis.key for axis in self.axes],
            "coarse": self.coarse,
            "by": self.by,
        }


def read_map(
    options: MapOptions,
    dimensions: Sequence[tuple[Axis, ...]],
    measures: Sequence[MeasureOptions],
) -> tuple[MapAxes | None, list[Diagnostic]]:
    """The map of a sweep, or everything that is wrong with it."""
    diagnostics: list[Diagnostic] = []
    known = {name: axis for one in dimensions for axis in one for name in (axis.key, axis.column)}
    zipped = {axis.key for one in dimensions if len(one) > 1 for axis in one}
    for index, name in enumerate(options.axes):
        axis = known.get(name)
        message = ""
        if axis is None:
            columns = dict.fromkeys(axis.column for axis in known.values())
            message = f'the sweep has no axis "{name}"; {nearest(name, columns)}'
        elif axis.key == "seed" or not axis.per_lane:
            message = f"{name} cannot be: only numbers that may differ inside a block, no seeds"
        elif axis.key in zipped:
            message = f"{name} moves with others in a zip"
        if message:
            diagnostics.append((("map", "axes", index), message))
    if any(isinstance(axis.form, Refine) for axis in known.values()):
        diagnostics.append((("map",), "one axis is refined already; a sweep has one of the two"))
    kinds = ["outcome", *(one.name for each in measures for one in each.columns() if one.whole)]
    if options.by not in kinds:
        message = f"neighbours cannot differ in {options.by}, a column of whole numbers can: "
        diagnostics.append((("map", "by"), message + ", ".join(kinds)))
    if diagnostics:
        return None, diagnostics
    chosen = {known[name].key for name in options.axes}
    if len(chosen) < 2:
        return None, [(("map", "axes"), f"{options.axes[0]} is there twice")]
    slow, fast = (axis for one in dimensions for axis in one if axis.key in chosen)
    return MapAxes((slow, fast), options.coarse, options.by), []
