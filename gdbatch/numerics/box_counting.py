"""The boundary in a map of truth values, its box-counting dimension, and where to look closer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_LEAST_ACROSS = 8  # boxes of the largest size along a side: larger ones see only the whole


def boundary(values: Mask) -> Mask:
    """Which 2×2 blocks of a map have values of both kinds; one row and column fewer."""
    blocks = np.stack([values[:-1, :-1], values[1:, :-1], values[:-1, 1:], values[1:, 1:]])
    return np.asarray(blocks.any(axis=0) & ~blocks.all(axis=0))


def box_count(marked: Mask, size: int) -> int:
    """How many boxes of size × size, side by side from the corner, have a mark in them."""
    rows, columns = (range(0, length, size) for length in marked.shape)
    some = np.logical_or.reduceat(np.logical_or.reduceat(marked, rows, axis=0), columns, axis=1)
    return int(some.sum())


def box_dimension(marked: Mask) -> float:
    """The slope of log(boxes with a mark) over -log(size), by least squares; NaN without marks.

    Sizes are 2, 4, … up to an eighth of the map; its side should be 32 or more, a power of two.
    """
    if not marked.any():
        return float("nan")
    powers = np.arange(1, int(np.log2(min(marked.shape) // _LEAST_ACROSS)) + 1)
    counts = [box_count(marked, 2**power) for power in powers.tolist()]
    return -float(np.polyfit(powers, np.log2(counts), 1)[0])


def densest_window(marked: Mask, part: int) -> tuple[slice, slice]:
    """The window of one `part`-th of either side that has most marks; of equals the first."""
    height, width = (length // part for length in marked.shape)
    total: NDArray[Any] = np.zeros(np.add(marked.shape, 1), np.int64)
    total[1:, 1:] = marked.cumsum(axis=0).cumsum(axis=1)
    inside = (
        total[height:, width:] - total[:-height, width:]
        - total[height:, :-width] + total[:-height, :-width]
    )  # fmt: skip
    row, column = np.unravel_index(inside.argmax(), inside.shape)
    return slice(int(row), int(row) + height), slice(int(column), int(column) + width)
