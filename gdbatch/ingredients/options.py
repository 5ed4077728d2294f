"""What the options of all ingredients share: strict keys, and numbers that may vary by lane."""

from __future__ import annotations

import os.path
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo

Floats = NDArray[np.floating[Any]]


class PerLane:
    """Marks a number that the arrays carry per lane: as an axis, it varies inside a block."""


LaneNumber = Annotated[float, Field(allow_inf_nan=False), PerLane()]
# each number of the list may vary by itself: "init.values.0"
LaneNumbers = Annotated[list[Annotated[float, Field(allow_inf_nan=False)]], PerLane()]

# a hyperparameter: the same in every lane, or one per lane, (lanes,); if the sweep file has a list,
# a tuple, or (n, lanes)
Number = float | tuple[float, ...] | NDArray[np.float64]


def as_array(number: float | tuple[float, ...]) -> NDArray[np.float64]:
    """A hyperparameter that is the same in every lane, ready to broadcast.

    >>> as_array(0.5).shape, as_array((0.5, 0.25)).shape
    ((), (2, 1))
    """
    array = np.array(number, np.float64)
    return array[:, None] if array.ndim else array


class Options(BaseModel):
    """Options of an ingredient, as written in the sweep file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @classmethod
    def lane_keys(cls) -> tuple[str, ...]:
        """Names of the options that may vary between the lanes of a block."""
        return tuple(
            name
            for name, field in cls.model_fields.items()
            if any(isinstance(mark, PerLane) for mark in field.metadata)
        )

    def constants(self) -> dict[str, NDArray[np.float64]]:
        """The values of these options, as arrays for all lanes."""
        given = {name: getattr(self, name) for name in self.lane_keys()}
        return {
            name: as_array(tuple(number) if isinstance(number, list) else number)
            for name, number in given.items()
        }

    def resolved(self) -> dict[str, object]:
        """Everything that decides what is trained; the contents of files, not their names."""
        return self.model_dump(mode="json")


@dataclass(frozen=True)
class Context:
    """What the options of a sweep file depend on beside the file; pydantic's `context`."""

    folder: str = "."  # of the sweep file, and of files it names
    entropy: int = 0  # of all random numbers
    allow_python: bool = False  # whether code named in a sweep file may run

    def path(self, file: str) -> Path:
        """The path of a file named in a sweep file: relative to it, unless absolute or in ~."""
        return Path(self.folder) / os.path.expanduser(file)


def context_of(info: ValidationInfo) -> Context:
    """The context of a validation."""
    context = info.context
    return context if isinstance(context, Context) else Context()
