"""What the options of all ingredients share: strict keys, and numbers that may differ by lane.

Touch it only when every ingredient is meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo

Floats = NDArray[np.floating[Any]]


class PerLane:
    """Marks an option that the arrays carry: as an axis, it varies inside a block."""


LaneNumber = Annotated[float, Field(allow_inf_nan=False), PerLane()]
# of each number in the list by itself: "init.values.0"
LaneNumbers = Annotated[list[Annotated[float, Field(allow_inf_nan=False)]], PerLane()]


# a number of an ingredient: the same in every lane, or one a lane, (lanes,); where the sweep file
# has a list, a tuple, or (numbers, lanes)
Number = float | tuple[float, ...] | NDArray[np.float64]


def as_array(number: float | tuple[float, ...]) -> NDArray[np.float64]:
    """A number that is the same in every lane: without axes, or (numbers, 1)."""
    array = np.array(number, np.float64)
    return array[:, None] if array.ndim else array


class Options(BaseModel):
    """Options of an ingredient, as they stand in the sweep file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @classmethod
    def lane_keys(cls) -> tuple[str, ...]:
        """Names of the options that may differ from lane to lane inside one block."""
        return tuple(
            name
            for name, field in cls.model_fields.items()
            if any(isinstance(mark, PerLane) for mark in field.metadata)
        )

    def constants(self) -> dict[str, NDArray[np.float64]]:
        """The numbers that may differ from lane to lane, where they do not."""
        given = {name: getattr(self, name) for name in self.lane_keys()}
        return {
            name: as_array(tuple(number) if isinstance(number, list) else number)
            for name, number in given.items()
        }

    def resolved(self) -> dict[str, Any]:
        """Everything that decides what is trained; contents of files, not their names."""
        return self.model_dump(mode="json")


@dataclass(frozen=True)
class Context:
    """What the options of a sweep file depend on beside themselves; pydantic's `context`."""

    folder: str = "."  # where data files are
    entropy: int = 0  # where all random numbers come from
    allow_python: bool = False  # whether code that a sweep names may run

    def path(self, file: str) -> Path:
        """Where a file named in a sweep file is: beside the sweep file, unless absolute."""
        return Path(self.folder) / file


def context_of(info: ValidationInfo) -> Context:
    """The context of a validation."""
    return info.context or Context()
