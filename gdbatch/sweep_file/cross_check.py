"""The fourth stage: checks the parts of a sweep together.

It checks every value of an axis with the first values of the others, combinations of structural
axes, equal values, and what is recorded.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ..errors import IngredientError, nearest
from ..ingredients.initializers.from_file import missing_set
from .axis import Axis
from .columns import column_diagnostics
from .diagnostics import Diagnostic, Diagnostics
from .forms import Listed
from .repeats import repeated_places
from .resolve import FoundAxes
from .sections import Sections, validate_sections
from .sweep import Sweep
from .text import as_written, shortened
from .toml_locations import Path

_MOST_CHECKED = 1000  # values of one axis, and structural combinations


def cross_check(sweep: Sweep, axes: FoundAxes, diagnostics: Diagnostics) -> None:
    """Check a sweep as a whole."""
    for dimension in sweep.dimensions:
        repeats = _check_repeats(sweep, dimension, axes, diagnostics)
        for axis in dimension:
            if axis.key == "seed":
                _check_seeds(sweep, axis, axes, diagnostics)
            else:
                seen: dict[str, int] | None = None if repeats or len(dimension) > 1 else {}
                _check_values(sweep, axis, dimension, seen, axes, diagnostics)
    if not diagnostics:
        _check_combinations(sweep, axes, diagnostics)
    if not diagnostics:
        diagnostics.extend(_record_diagnostics(sweep))


# values of axes --------------------------------------------------------------------------------


def _check_values(
    sweep: Sweep,
    axis: Axis,
    dimension: Sequence[Axis],
    seen: dict[str, int] | None,
    axes: FoundAxes,
    diagnostics: Diagnostics,
) -> None:
    """Check each value of a list, or the ends of another form, with the first of the other axes.

    seen: the index of the first value of each meaning, to find values of the same meaning.
    """
    for place, value in _values_to_check(axis):
        partners = {one.key: one.value(place) for one in dimension if one is not axis}
        sections = _check_one(sweep, {axis.key: value, **partners}, place, axes, diagnostics)
        if sections is None or axis.per_lane or seen is None:
            continue
        same = seen.setdefault(_as_plain_text(sections, axis), place)
        if same != place:
            message = f"is the same as value {same + 1} with all defaults filled in; {_ADVICE}"
            diagnostics.add(_place_of(axis, place, axes), message)


def _values_to_check(axis: Axis) -> Iterator[tuple[int, object]]:
    """The indices and values to check; of a long list that is not numbers, only the first."""
    ends, size = axis.form.ends(), axis.form.size
    if not isinstance(axis.form, Listed):
        yield from zip((0, size - 1), ends, strict=False)
    elif size <= _MOST_CHECKED:
        yield from enumerate(ends)
    elif axis.per_lane:  # of numbers, the least and the greatest
        numbers = np.array(ends, np.float64)
        for place in sorted({int(numbers.argmin()), int(numbers.argmax())}):
            yield place, ends[place]
    else:
        yield from itertools.islice(enumerate(ends), _MOST_CHECKED)


def _check_one(
    sweep: Sweep,
    values: Mapping[str, object],
    place: int,
    axes: FoundAxes,
    diagnostics: Diagnostics,
) -> Sections | None:
    """The sections with the given values of some axes; None if they are invalid.

    Errors are reported at the first of these axes; place: the index of its value.
    """
    sections, wrong = validate_sections(sweep.with_axes_at(values), sweep.context)
    blamed = next(iter(values))
    for path, message in wrong:
        placed = axes.placed(path, place)
        beginning = axes.places[blamed]
        if placed[: len(beginning)] != beginning:  # caused by this axis, found elsewhere
            shown = ", ".join(f"{name} = {as_written(value)}" for name, value in values.items())
            placed, message = beginning, f"with {shown}: {message}"
        diagnostics.add(placed, message)
    return sections


def _as_plain_text(sections: Sections, axis: Axis) -> str:
    options = getattr(sections, axis.key.partition(".")[0])
    return json.dumps(options.model_dump(mode="json"), sort_keys=True)


def _check_combinations(sweep: Sweep, axes: FoundAxes, diagnostics: Diagnostics) -> None:
    """Check the combinations of structural axes, up to a maximum number."""
    structural = [
        dimension for dimension in sweep.dimensions if not all(axis.per_lane for axis in dimension)
    ]
    if len(structural) < 2:
        return
    sizes = [range(dimension[0].form.size) for dimension in structural]
    for places in itertools.islice(itertools.product(*sizes), _MOST_CHECKED):
        values = {
            axis.key: axis.value(place)
            for dimension, place in zip(structural, places, strict=True)
            for axis in dimension
        }
        _check_one(sweep, values, places[0], axes, diagnostics)


def _check_seeds(sweep: Sweep, axis: Axis, axes: FoundAxes, diagnostics: Diagnostics) -> None:
    sets = sweep.first.make_initializer().sets
    for place, value in enumerate(axis.form.ends()):
        message = ""
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
            message = f"a seed is a whole number from 0 to 2⁶³ - 1, not {as_written(value)}"
        elif sets is not None and value >= sets:
            message = missing_set(sets, value)
        if message:
            diagnostics.add(_place_of(axis, place, axes), message)


def _place_of(axis: Axis, place: int, axes: FoundAxes) -> Path:
    path = axes.places[axis.key]
    return (*path, place) if isinstance(axis.form, Listed) else path


# equal values ----------------------------------------------------------------------------------

_ADVICE = "remove one: a repeated trial would count as two independent ones"


def _check_repeats(
    sweep: Sweep, dimension: Sequence[Axis], axes: FoundAxes, diagnostics: Diagnostics
) -> bool:
    """Report equal values, also after rounding to the least precise number type of the sweep."""
    dtypes = {str(sweep.first.train.dtype)}
    for axis in sweep.axes:
        if axis.key == "train.dtype":
            dtypes.update(map(str, axis.form.ends()))
    try:
        dtype: np.dtype[np.floating] = np.dtype(min(dtypes))  # "float32" before "float64"
        places = repeated_places(dimension, dtype)
    except (TypeError, OverflowError):  # an invalid value, which `_check_values` reports
        return False
    if places is None:
        return False
    first, second = places
    axis = dimension[0]
    path = _place_of(axis, second, axes)
    shown = [shortened(as_written(axis.value(place))) for place in places]
    numbers = f"values {first + 1:,} and {second + 1:,}"
    if len(dimension) > 1:
        path = axes.places[axis.key][:-1]
        message = f"{numbers} of this zip are equal"
    elif shown[0] == shown[1]:
        message = f"{numbers} are equal ({shown[0]})"
    else:
        message = f"{numbers} ({shown[0]} and {shown[1]}) are equal in {dtype}"
    diagnostics.add(path, f"{message}; {_ADVICE}")
    return True


# what is recorded ------------------------------------------------------------------------------


def _record_diagnostics(sweep: Sweep) -> list[Diagnostic]:
    """Errors in what a sweep records, and in the names of its columns."""
    diagnostics = column_diagnostics(sweep)
    columns = {axis.column: axis for axis in sweep.axes if axis is not sweep.refined}
    for name, values in (sweep.record.trials or {}).items():
        path = ("record", "trials", name)
        if sweep.refined is not None and name == sweep.refined.column:
            message = f"{name} is refined, so its values are not known; select by other axes"
            diagnostics.append((path, message))
        elif name not in columns:
            hint = nearest(name, columns)
            diagnostics.append((path, f'the sweep has no axis "{name}"; {hint}'))
        elif not values:
            diagnostics.append((path, "give at least one value"))
        for value in values if name in columns else ():
            try:
                columns[name].place_of(value)
            except IngredientError as error:
                diagnostics.append((path, error.message))
    return diagnostics
