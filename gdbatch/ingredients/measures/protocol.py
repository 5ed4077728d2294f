"""Interface of measures, the optional columns of `trials`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...numerics.lanczos import Hessian
from ..options import Floats, Options
from ..problems.protocol import Problem

Values = NDArray[np.float64]
Chosen = slice | NDArray[np.int64]


@dataclass(frozen=True)
class Column:
    """A column of `trials`. A missing value is null in a column of integers, else NaN."""

    name: str
    whole: bool = False  # integers


class MeasureOptions(Options, ABC):
    """Options that all measures share."""

    kind: str

    @abstractmethod
    def columns(self) -> list[Column]:
        """The columns that the measure fills."""

    def resolved_for(self, problem: Problem) -> MeasureOptions:
        """The options with the defaults that depend on the problem."""
        return self

    def lacking(self, problem: Problem) -> str:
        """What a problem needs to be measured, "" if nothing."""
        return ""


@dataclass
class Now:
    """The lanes of a block, all after the same number of updates."""

    step: int
    loss: Values  # (lanes,); NaN where it is not finite, which ends the trial
    finite: NDArray[np.bool_]
    parameters: Floats  # (parameters, lanes)
    problem: Problem


class PathMeasure(ABC):
    """A measure that observes every step of the trials, from 0 to the last.

    An instance measures a block of lanes, some of which may leave. Array attributes have the lanes
    on their last axis.
    """

    Options: ClassVar[type[MeasureOptions]]

    @abstractmethod
    def __init__(self, options: Any, n_parameters: int, lanes: int) -> None:
        """Allocate the state of all lanes."""

    @abstractmethod
    def update(self, now: Now) -> None:
        """Observe one step, without allocating memory."""

    def select(self, chosen: Chosen) -> None:
        """Keep only the chosen lanes, in that order."""
        for name, kept in vars(self).items():
            if isinstance(kept, np.ndarray):
                setattr(self, name, kept[..., chosen].copy())

    @abstractmethod
    def compute(self, step: int, chosen: Chosen, missing: Values) -> list[Values]:
        """The columns for the chosen lanes, whose last step was `step`.

        missing: for lanes that diverged, the number of steps left in the budget; otherwise 0.
        """


class QuantityMeasure:
    """One of `QUANTITIES` at the end of a trial and, with `best`, its best value and its step.

    The engine evaluates them; used as a class.
    """

    Options: ClassVar[type[MeasureOptions]]


@dataclass
class Place:
    """A point in parameter space for each lane of a block, in float64."""

    parameters: Values  # (parameters, lanes)
    hessian: Hessian  # of the loss there
    rates: Values  # learning rates of the next update; broadcasts to the parameters
    direction: Values  # random, (parameters, lanes), the same in every lane


class PointMeasure(ABC):
    """A measure of the start and end of a trial; used as a class."""

    Options: ClassVar[type[MeasureOptions]]

    @staticmethod
    @abstractmethod
    def compute(options: Any, start: Place, end: Place) -> list[Values]:
        """The columns, (lanes,) each."""
