"""`[map]`, and the search that a sweep file asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import Field, model_validator

from ..errors import IngredientError, nearest
from ..ingredients.measures.protocol import MeasureOptions
from ..ingredients.options import Options
from ..search.adaptive_map import AdaptiveMap
from ..search.bisection import Bisection
from ..search.grid import Grid
from ..search.protocol import Search
from .axis import Axis
from .diagnostics import Diagnostic
from .forms import Refine
from .text import shortened

_LARGEST_SQUARE = 32

Dimensions = Sequence[tuple[Axis, ...]]


class MapOptions(Options):
    """Train every few pixels of a map of two axes first, then those where neighbours differ."""

    axes: list[str] = Field(min_length=2, max_length=2, description="The two axes of the map.")
    coarse: int = Field(
        8, ge=2, le=_LARGEST_SQUARE, description="Distance of the pixels that are trained first."
    )
    by: str = Field(
        "outcome", description="What neighbours differ in: outcome, or a column of a measure."
    )

    @model_validator(mode="after")
    def _can_be_halved(self) -> MapOptions:
        if self.coarse & (self.coarse - 1):
            raise IngredientError(f"coarse = {self.coarse} must be a power of two", "coarse")
        return self


def search_of(options: MapOptions | None, dimensions: Dimensions) -> Search:
    """The search of a sweep; `options` are those of its map, which `map_diagnostics` accepts."""
    axes = [axis for dimension in dimensions for axis in dimension]
    if options is not None:
        slow, fast = (axis for axis in axes if {axis.key, axis.column} & {*options.axes})
        keys, columns = (slow.key, fast.key), (slow.column, fast.column)
        sizes = slow.form.size, fast.form.size
        return AdaptiveMap(keys, columns, *sizes, options.coarse, options.by)
    for axis in axes:
        form = axis.form
        if isinstance(form, Refine):
            low, high = form.refine
            return Bisection(axis.key, axis.column, low, high, form.size, form.middle)
    return Grid()


def map_diagnostics(
    options: MapOptions, dimensions: Dimensions, measures: Sequence[MeasureOptions]
) -> Iterator[Diagnostic]:
    """What is wrong with the map of a sweep."""
    axes = [axis for dimension in dimensions for axis in dimension]
    known = {name: axis for axis in axes for name in (axis.key, axis.column)}
    zipped = {axis.key for dimension in dimensions if len(dimension) > 1 for axis in dimension}
    for index, name in enumerate(options.axes):
        axis = known.get(name)
        message = ""
        if axis is None:
            hint = nearest(name, dict.fromkeys(axis.column for axis in axes))
            message = f'the sweep has no axis "{shortened(name)}"; {hint}'
        elif axis.key == "seed" or not axis.per_lane:
            message = f"{name} cannot be an axis of a map: only a number that can differ within "
            message += "a block, and not a seed"
        elif axis.key in zipped:
            message = f"{name} is part of a zip, so it cannot be an axis of a map"
        if message:
            yield ("map", "axes", index), message
    if known.get(options.axes[0]) == known.get(options.axes[1]) is not None:
        yield ("map", "axes"), f"{options.axes[0]} is given twice"
    if any(isinstance(axis.form, Refine) for axis in axes):
        yield ("map",), "one axis is refined; a sweep has either a refined axis or a map"
    kinds = ["outcome", *(one.name for each in measures for one in each.columns() if one.whole)]
    if options.by not in kinds:
        message = f"neighbours cannot differ in {shortened(options.by)}; allowed are outcome and "
        yield ("map", "by"), f"{message}columns of whole numbers: {', '.join(kinds)}"
