"""Measures of where a trial begins and where it ends, whatever was on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np

from ...numerics.lanczos import Hessian, largest_eigenvalue
from ...registry import register
from .protocol import Column, MeasureOptions, Values


@dataclass
class Place:
    """Where the lanes of a block stand, in float64."""

    parameters: Values  # (parameters, lanes)
    hessian: Hessian  # of the loss there
    rates: Values  # learning rates of the next update, to broadcast to the parameters
    direction: Values  # a random one, (parameters, lanes), the same in every lane


class PointOptions(MeasureOptions):
    """Options that all measures of points share."""


class PointMeasure(Protocol):
    """A measure that needs to see the beginning and the end only."""

    Options: ClassVar[type[PointOptions]]

    @staticmethod
    def compute(options: Any, start: Place, end: Place) -> list[Values]:
        """Its columns, (lanes,) each."""


@register("measure", "parameter_norm")
class ParameterNorm:
    """√Σw² of the final parameters."""

    class Options(PointOptions):
        kind: Literal["parameter_norm"]

        def columns(self) -> list[Column]:
            return [Column("parameter_norm")]

    @staticmethod
    def compute(options: Options, start: Place, end: Place) -> list[Values]:
        return [np.sqrt(np.einsum("pl,pl->l", end.parameters, end.parameters))]


@register("measure", "sharpness")
class Sharpness:
    """The largest eigenvalue of the loss's Hessian, where a trial begins and where it ends."""

    class Options(PointOptions):
        kind: Literal["sharpness"]

        def columns(self) -> list[Column]:
            return [Column("initial_sharpness"), Column("final_sharpness")]

    @staticmethod
    def compute(options: Options, start: Place, end: Place) -> list[Values]:
        return [largest_eigenvalue(one.hessian.product, one.direction) for one in (start, end)]


@register("measure", "rate_times_sharpness")
class RateTimesSharpness:
    """Learning rate × sharpness, at the beginning and the end: 2 is the edge of stability.

    With a rate η a parameter, the largest eigenvalue of η^½ H η^½; with a schedule, the rate of
    the first update and of the one that would come next.
    """

    class Options(PointOptions):
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
