"""Finds equal values on an axis: a repeated trial would count as two independent ones.

Lists are searched completely. The values of a grid are monotone, so equal ones are neighbours; they
are searched for where they would occur first: at the ends, and just above powers of two, where the
spacing of floats is largest relative to the values.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from .axis import Axis
from .forms import Listed, Refine

_WINDOW = 2048  # neighbours compared in one search


def repeated_places(axes: Sequence[Axis], dtype: np.dtype[np.floating]) -> tuple[int, int] | None:
    """Two indices at which axes that move together have equal values; None if there are none.

    Numbers in which the lanes of a block may differ are compared after rounding to `dtype`.
    """
    if any(axis.form.is_drawn or isinstance(axis.form, Refine) for axis in axes):
        return None
    size = axes[0].form.size
    if any(isinstance(axis.form, Listed) for axis in axes):
        return _first_repeat([_keys(axis, np.arange(size), dtype) for axis in axes])
    starts = {0, max(0, size - _WINDOW)}
    for axis in axes:
        starts |= set(_above_powers_of_two(axis))
    for start in sorted(starts):
        places = np.arange(start, min(start + _WINDOW, size))
        found = _first_repeat([_keys(axis, places, dtype) for axis in axes])
        if found is not None:
            return start + found[0], start + found[1]
    return None


def _keys(
    axis: Axis, places: NDArray[np.int64], dtype: np.dtype[np.floating]
) -> Sequence[Hashable]:
    """Hashable keys that are equal where the values are."""
    values = axis.values(places)
    if axis.per_lane and axis.key != "seed":
        with np.errstate(over="ignore", under="ignore"):
            keys: Sequence[Hashable] = np.asarray(values, np.float64).astype(dtype).tolist()
        return keys
    plain = values if isinstance(values, list) else values.tolist()
    return [_hashable(value) for value in plain]


def _hashable(value: object) -> Hashable:
    if isinstance(value, list):
        return tuple(_hashable(one) for one in value)
    if isinstance(value, dict):
        return frozenset((key, _hashable(one)) for key, one in value.items())
    return isinstance(value, bool), value if isinstance(value, Hashable) else str(value)


def _first_repeat(columns: list[Sequence[Hashable]]) -> tuple[int, int] | None:
    seen: dict[Hashable, int] = {}
    for place, key in enumerate(zip(*columns, strict=True)):
        first = seen.setdefault(key, place)
        if first != place:
            return first, place
    return None


def _above_powers_of_two(axis: Axis) -> list[int]:
    """The indices of the first values above a few powers of two, and where to start before them."""
    size = axis.form.size
    low, high = sorted((_number(axis, 0), _number(axis, size - 1)))
    largest = max(abs(low), abs(high))
    if not 0 < largest < math.inf:
        return []
    rises = _number(axis, size - 1) >= _number(axis, 0)
    places = []
    exponent = math.frexp(largest)[1] - 1
    for power in (2.0**exponent, 2.0 ** (exponent - 1), -(2.0**exponent)):
        if low < power < high:
            sign = 1 if rises else -1
            place = bisect.bisect_left(
                range(size), sign * power, key=lambda one: sign * _number(axis, one)
            )
            places += [max(0, place - _WINDOW), place]
    return places


def _number(axis: Axis, place: int) -> float:
    return float(np.asarray(axis.values(np.array([place])))[0])
