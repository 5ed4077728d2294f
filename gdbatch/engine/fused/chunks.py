"""Copies lanes into the chunk that a kernel works on, and back."""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from .vectors import BITS, load, spread, store, use_wide_vectors


@register_jitable
def load_chunk(start: Any, array: Any, rows: Any) -> None:
    """Copy lanes from `start` on into a chunk, padded with copies of the last lane."""
    use_wide_vectors()
    last = array.shape[1] - 1
    width = BITS // (8 * rows.itemsize)
    whole = min(rows.shape[1], array.shape[1] - start) // width
    for row in range(array.shape[0]):
        for vector in range(whole):
            store(rows, row, vector, load(array, row, start // width + vector))
        for lane in range(whole * width, rows.shape[1]):
            rows[row, lane] = array[row, min(start + lane, last)]


@register_jitable
def store_chunk(start: Any, rows: Any, array: Any) -> None:
    """Copy a chunk back, without the padding."""
    use_wide_vectors()
    width = BITS // (8 * rows.itemsize)
    here = min(rows.shape[1], array.shape[1] - start)
    for row in range(array.shape[0]):
        for vector in range(here // width):
            store(array, row, start // width + vector, load(rows, row, vector))
        for lane in range(here - here % width, here):
            array[row, start + lane] = rows[row, lane]


@register_jitable
def store_samples(start: Any, net: Any, rows: Any, together: Any, array: Any) -> None:
    """Copy the values of several samples back, to (samples·rows, lanes)."""
    width = net.lanes // net.vectors
    for row in range(array.shape[0]):
        sample, unit = row // rows.shape[0], row % rows.shape[0]
        for lane in range(min(net.lanes, array.shape[1] - start)):
            vector, place = lane // width, lane % width
            array[row, start + lane] = rows[unit, (vector * together + sample) * width + place]


@register_jitable
def fill(rows: Any, number: Any) -> None:
    """Fill rows with a number; a plain array assignment takes seconds to compile."""
    use_wide_vectors()
    for row in range(rows.shape[0]):
        for vector in range(rows.shape[1] * rows.itemsize * 8 // BITS):
            store(rows, row, vector, spread(rows.dtype.type(number)))


@register_jitable
def copy(rows: Any, others: Any) -> None:
    """Copy rows."""
    use_wide_vectors()
    for row in range(rows.shape[0]):
        for vector in range(rows.shape[1] * rows.itemsize * 8 // BITS):
            store(rows, row, vector, load(others, row, vector))
