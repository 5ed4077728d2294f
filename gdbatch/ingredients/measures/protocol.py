"""What a measure is: columns of `trials` that are computed for every trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..options import Floats, Options

Values = NDArray[np.float64]
Chosen = slice | NDArray[np.int64]


@dataclass(frozen=True)
class Column:
    """A column of `trials`; of whole numbers, one that is not there is empty, else NaN."""

    name: str
    whole: bool = False


class MeasureOptions(Options):
    """Options that all measures share."""

    kind: str

    def columns(self) -> list[Column]:
        """The columns it fills."""
        raise TypeError("a measure has columns")


@dataclass
class Now:
    """Lanes of a block, all after the same number of updates."""

    step: int
    loss: Values  # (lanes,); NaN where it is not finite, which only a trial's last may be
    finite: NDArray[np.bool_]
    parameters: Floats  # (parameters, lanes)


class PathMeasure:
    """A measure that looks at every step; made for a number of lanes, of which some may leave.

    Its arrays have the lanes on their last axis.
    """

    Options: ClassVar[type[MeasureOptions]]

    def __init__(self, options: Any, n_parameters: int, lanes: int) -> None:
        raise TypeError("a measure begins with what it keeps of each lane")

    def update(self, now: Now) -> None:
        """Take note of a step, without allocating."""
        raise TypeError("a measure looks at steps")

    def select(self, chosen: Chosen) -> None:
        """Go on with some of the lanes only, in the order of `chosen`."""
        for name, kept in vars(self).items():
            if isinstance(kept, np.ndarray):
                setattr(self, name, kept[..., chosen].copy())

    def compute(self, step: int, chosen: Chosen, missing: Values) -> list[Values]:
        """The columns of chosen lanes, whose last step was `step`.

        missing: the steps of the budget that they did not make since they diverged.
        """
        raise TypeError("a measure is read in the end")
