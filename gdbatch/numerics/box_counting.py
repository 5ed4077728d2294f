"""The boundary in a boolean map, its box-counting dimension and its densest part."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_MIN_ACROSS = 8  # boxes along a side, at least; larger boxes would only see the whole map


def boundary(values: Mask) -> Mask:
    """Which 2×2 blocks of a map contain both values; one row and column fewer than the map."""
    blocks = np.stack([values[:-1, :-1], values[1:, :-1], values[:-1, 1:], values[1:, 1:]])
    return np.asarray(blocks.any(axis=0) & ~blocks.all(axis=0))


def box_count(marked: Mask, size: int) -> int:
    """The number of size × size boxes, side by side from the corner, that contain a mark.

    >>> box_count(np.eye(4, dtype=bool), 2)
    2
    """
    rows, columns = (range(0, length, size) for length in marked.shape)
    some = np.logical_or.reduceat(np.logical_or.reduceat(marked, rows, axis=0), columns, axis=1)
    return int(some.sum())


def box_dimension(marked: Mask) -> float:
    """The least-squares slope of log(boxes with a mark) against -log(size); NaN without marks.

    Sizes are 2, 4, … up to an eighth of the map, whose sides should be powers of two from 32 on.

    >>> round(box_dimension(np.ones((64, 64), bool)), 6)
    2.0
    """
    if not marked.any():
        return float("nan")
    powers = np.arange(1, int(np.log2(min(marked.shape) // _MIN_ACROSS)) + 1)
    counts = [box_count(marked, 2**power) for power in powers.tolist()]
    return -float(np.polyfit(powers, np.log2(counts), 1)[0])


def densest_window(marked: Mask, part: int) -> tuple[slice, slice]:
    """The window of 1/`part` of each side with the most marks; the first if there are several."""
    height, width = (length // part for length in marked.shape)
    total: NDArray[np.int64] = np.zeros(np.add(marked.shape, 1), np.int64)
    total[1:, 1:] = marked.cumsum(axis=0).cumsum(axis=1)
    inside = (
        total[height:, width:] - total[:-height, width:]
        - total[height:, :-width] + total[:-height, :-width]
    )  # fmt: skip
    row, column = np.unravel_index(inside.argmax(), inside.shape)
    return slice(int(row), int(row) + height), slice(int(column), int(column) + width)
