"""Constants as arrays, with which ufuncs are faster than with Python numbers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ...numerics.buffers import new_buffer
from ..options import Floats


def constant(float64: float, float32: float | None = None) -> dict[str, Floats]:
    """A number as a zero-dimensional array, by the dtype's character."""
    return {
        "d": np.array(float64, np.float64),
        "f": np.array(float64 if float32 is None else float32, np.float32),
    }


ZERO = constant(0.0)
ONE = constant(1.0)
# the largest exponents whose exp is finite and has a normal reciprocal
EXPONENT_LIMIT = constant(700.0, 87.0)


def along(numbers: dict[str, Floats], sop: Floats) -> Floats:
    """A constant, repeated along the last axis of `sop`.

    `np.minimum` and `np.maximum` take three times as long with a number as with an array.
    """
    return _row(float(numbers[sop.dtype.char]), sop.dtype.char, sop.shape[-1])


def filled(number: float, sop: Floats) -> Floats:
    """Like `along`, for a number that is an option."""
    return _row(number, sop.dtype.char, sop.shape[-1])


def fill_positive(numbers: Floats, out: Floats) -> None:
    """Fill `out`, which may be `numbers`, with 1 where numbers ≥ 0 are positive, else 0; NaN stays.

    `np.sign` takes ten times as long on numbers without a pattern, since it branches.
    """
    np.ceil(numbers, out)
    np.minimum(out, along(ONE, out), out=out)


@lru_cache(maxsize=64)
def _row(number: float, kind: str, length: int) -> Floats:
    row: Floats = new_buffer(length, np.dtype(kind))
    row.fill(number)
    row.flags.writeable = False
    return row
