"""Measures of the final orbit of the parameters."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...registry import register
from .protocol import Chosen, Column, MeasureOptions, Now, PathMeasure, Values

PERIODS = (1, 2, 4, 8)
_POINTS = 2 * PERIODS[-1]  # of the orbit: two full periods


@register("measure", "period")
class Period(PathMeasure):
    """The period of the final orbit of the parameters: 1, 2, 4 or 8; null for any other.

    An orbit has period p if each of its last p points equals the point p steps earlier, within the
    tolerance. A fixed point has period 1.
    """

    class Options(MeasureOptions):
        kind: Literal["period"]
        tolerance: float = Field(
            1e-6,
            gt=0,
            description="Parameters w are equal if they differ by at most this × max(1, |w|).",
        )

        def columns(self) -> list[Column]:
            return [Column("period", whole=True)]

    def __init__(self, options: Options, n_parameters: int, lanes: int) -> None:
        self._tolerance = options.tolerance
        self._points = np.zeros((_POINTS, n_parameters, lanes))

    def update(self, now: Now) -> None:
        np.copyto(self._points[now.step % _POINTS], now.parameters)

    def compute(self, step: int, chosen: Chosen, missing: Values) -> list[Values]:
        period = np.full(len(missing), math.nan)
        for candidate in reversed(PERIODS):  # so that the smallest wins
            if step + 1 >= 2 * candidate:
                period[self._recurs(step, chosen, candidate)] = candidate
        return [period]

    def _recurs(self, step: int, chosen: Chosen, after: int) -> NDArray[np.bool_]:
        """Whether the last points equal those `after` steps earlier."""
        same = np.ones(self._points[0, 0, chosen].shape, bool)
        for back in range(after):
            point = self._points[(step - back) % _POINTS][:, chosen]
            before = self._points[(step - back - after) % _POINTS][:, chosen]
            within = self._tolerance * np.maximum(1.0, np.abs(point))
            same &= (np.abs(point - before) <= within).all(axis=0)
        return same
