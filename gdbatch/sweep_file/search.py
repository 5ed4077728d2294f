"""The search that a sweep file chooses, by its own table or by a refined axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .. import registry
from ..errors import IngredientError
from ..ingredients.measures.protocol import MeasureOptions
from ..ingredients.options import Options
from ..search import Search, SearchAxis, TableSearch
from ..search.bisection import Bisection
from ..search.grid import Grid
from .axis import Axis
from .diagnostics import Diagnostics
from .forms import Refine

Dimensions = Sequence[tuple[Axis, ...]]


def table_searches() -> dict[str, type[TableSearch]]:
    """The searches with their own table, by the table's name."""
    searches = registry.family("search").values()
    return {one.table: one for one in searches if issubclass(one, TableSearch)}


def search_of(
    tables: Mapping[str, Options],
    dimensions: Dimensions,
    measures: Sequence[MeasureOptions],
    diagnostics: Diagnostics,
) -> Search:
    """The search of a sweep; `tables` holds the tables of searches, of which one is allowed."""
    axes = [axis for dimension in dimensions for axis in dimension]
    refined = next((axis for axis in axes if isinstance(axis.form, Refine)), None)
    search: Search = Grid() if refined is None else _bisection(refined)
    asking = "" if refined is None else "one axis is refined"
    zipped = {axis.key for dimension in dimensions if len(dimension) > 1 for axis in dimension}
    shown = [_search_axis(axis, zipped) for axis in axes]
    for name, options in tables.items():
        if asking:
            diagnostics.add((name,), f"{asking} already, and a sweep can have only one search")
        asking = f"[{name}] is given"
        try:
            search = table_searches()[name].of(options, shown, measures)
        except IngredientError as error:
            diagnostics.add((name, *error.key), error.message)
    return search


def _bisection(axis: Axis) -> Bisection:
    form = axis.form
    assert isinstance(form, Refine)
    low, high = form.refine
    return Bisection(axis.key, axis.column, low, high, form.size, form.middle)


def _search_axis(axis: Axis, zipped: set[str]) -> SearchAxis:
    is_free = axis.per_lane and axis.key != "seed" and axis.key not in zipped
    return SearchAxis(axis.key, axis.column, axis.form.size, is_free)
