"""Measures of the start and end of a trial."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ...numerics.lanczos import largest_eigenvalue
from ...registry import register
from .protocol import Column, MeasureOptions, Place, PointMeasure, Values


@register("measure", "parameter_norm")
class ParameterNorm(PointMeasure):
    """The Euclidean norm of the final parameters."""

    class Options(MeasureOptions):
        kind: Literal["parameter_norm"]

        def columns(self) -> list[Column]:
            return [Column("parameter_norm")]

    @staticmethod
    def compute(options: Options, start: Place, end: Place) -> list[Values]:
        return [np.sqrt(np.einsum("pl,pl->l", end.parameters, end.parameters))]


@register("measure", "sharpness")
class Sharpness(PointMeasure):
    """The largest eigenvalue of the Hessian of the loss, at the start and end of a trial."""

    class Options(MeasureOptions):
        kind: Literal["sharpness"]

        def columns(self) -> list[Column]:
            return [Column("initial_sharpness"), Column("final_sharpness")]

    @staticmethod
    def compute(options: Options, start: Place, end: Place) -> list[Values]:
        return [largest_eigenvalue(one.hessian.product, one.direction) for one in (start, end)]


@register("measure", "rate_times_sharpness")
class RateTimesSharpness(PointMeasure):
    """Learning rate × sharpness at the start and end of a trial; 2 is the edge of stability.

    If learning rates η differ between parameters, it is the largest eigenvalue of η^½ H η^½. With a
    schedule, η is that of the first update, and of the update that would follow the last (Cohen et
    al. 2021).
    """

    class Options(MeasureOptions):
        kind: Literal["rate_times_sharpness"]

        def columns(self) -> list[Column]:
            return [
                Column("initial_rate_times_sharpness"),
                Column("final_rate_times_sharpness"),
            ]

    @staticmethod
    def compute(options: Options, start: Place, end: Place) -> list[Values]:
        return [_with_rates(one) for one in (start, end)]


def _with_rates(place: Place) -> Values:
    product, root = place.hessian.product, np.sqrt(place.rates)
    return largest_eigenvalue(lambda vector: root * product(root * vector), place.direction)
