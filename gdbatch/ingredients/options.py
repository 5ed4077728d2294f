"""The basis of all ingredients' options: strict keys, and numbers that may vary by lane."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, ParamSpec, TypeVar, get_origin

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    model_serializer,
)

Floats = NDArray[np.floating[Any]]
P = ParamSpec("P")
Content = TypeVar("Content")

_KEPT_FILES = 64  # with contents cached while a sweep is planned


class PerLane:
    """Marks a number that may differ between the lanes of a block."""


@dataclass(frozen=True)
class FromFamily:
    """Marks an option whose table holds options of another family, chosen by its `kind`."""

    family: str
    otherwise: str = ""  # what to write instead of a table that has no kind of the family


LaneNumber = Annotated[float, Field(allow_inf_nan=False), PerLane()]
# each number of the list can be an axis: "init.values.0"
LaneNumbers = Annotated[list[Annotated[float, Field(allow_inf_nan=False)]], PerLane()]

# a hyperparameter: one number for all lanes, or an array (lanes,); a list in the sweep file is a
# tuple, or an array (n, lanes)
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

    # a family, and a key with the name of one of its entries, whose options replace these
    chosen_by: ClassVar[str | None] = None

    @classmethod
    def key_names(cls) -> tuple[str, ...]:
        """The keys that a table of these options may have."""
        return tuple(cls.model_fields)

    @classmethod
    def lane_keys(cls) -> tuple[str, ...]:
        """Names of the options that may vary between the lanes of a block."""
        return tuple(
            name
            for name, field in cls.model_fields.items()
            if any(isinstance(mark, PerLane) for mark in field.metadata)
        )

    @classmethod
    def lane_tables(cls) -> tuple[str, ...]:
        """Names of the options that hold a table of numbers that may vary between lanes."""
        annotations = {name: cls.model_fields[name].annotation for name in cls.lane_keys()}
        return tuple(name for name, one in annotations.items() if get_origin(one) is dict)

    @classmethod
    def table_keys(
        cls, option: str, alternatives: Mapping[str, Sequence[object]]
    ) -> dict[str, None]:
        """The keys, in order, that the table of numbers under an option may have.

        alternatives: the values, not yet validated, that each option has in the sweep. Raises
        IngredientError if they do not tell.
        """
        tables = [one for one in alternatives[option] if isinstance(one, dict)]
        return {str(key): None for table in tables for key in table}

    def lane_numbers(self) -> dict[str, NDArray[np.float64]]:
        """The options that may vary by lane, as arrays shared by all lanes.

        Those of a table are called OPTION.KEY.
        """
        numbers: dict[str, NDArray[np.float64]] = {}
        for name in self.lane_keys():
            given = getattr(self, name)
            if isinstance(given, Options):
                continue  # not a number
            if isinstance(given, dict):
                numbers |= {f"{name}.{key}": as_array(one) for key, one in given.items()}
            else:
                numbers[name] = as_array(tuple(given) if isinstance(given, list) else given)
        return numbers

    def resolved(self) -> dict[str, object]:
        """Everything that determines training; the contents of files, not their names.

        Options at their defaults are left out, so that a later version can add options and still
        resume the runs of this one.
        """
        return self.model_dump(mode="json", exclude_defaults=True)


class PartOptions(Options):
    """Options of an activation or a loss, which may be given by its name alone."""

    kind: str

    @property
    def numbers(self) -> tuple[float, ...]:
        """The options besides `kind`, all of them numbers."""
        return tuple(float(value) for name, value in self if name != "kind")

    @model_serializer(mode="wrap")
    def _by_name(self, handler: SerializerFunctionWrapHandler) -> object:
        """The name, where nothing else is given."""
        table = handler(self)
        return table["kind"] if list(table) == ["kind"] else table


class Part:
    """An activation or a loss, with its options; equal if both are."""

    Options: ClassVar[type[PartOptions]] = PartOptions

    def __init__(self, options: PartOptions | None = None) -> None:
        """options: None: the defaults."""
        self.options = self.Options.model_construct(kind="") if options is None else options

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Part) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[object, ...]:
        return type(self), self.options.numbers


@dataclass(frozen=True)
class Context:
    """What options depend on besides the sweep file; pydantic's `context`."""

    folder: str = "."  # of the sweep file, and of files it names
    entropy: int = 0  # of all random numbers
    allow_python: bool = False  # whether code named in a sweep file may run
    _read: Callable[..., Any] = field(
        default_factory=lambda: lru_cache(_KEPT_FILES)(_call), init=False, repr=False, compare=False
    )

    def __reduce__(self) -> tuple[type[Context], tuple[str, int, bool]]:
        return Context, (self.folder, self.entropy, self.allow_python)

    def path(self, file: str) -> Path:
        """The path of a file named in a sweep file: relative to it, unless absolute or from ~."""
        return Path(self.folder) / os.path.expanduser(file)

    def read(self, reader: Callable[P, Content], *args: P.args, **kwargs: P.kwargs) -> Content:
        """What `reader` returns; cached, so that each file is read once per sweep."""
        content: Content = self._read(reader, *args, **kwargs)
        return content


def _call(reader: Callable[P, Content], *args: P.args, **kwargs: P.kwargs) -> Content:
    return reader(*args, **kwargs)


def context_of(info: ValidationInfo) -> Context:
    """The context of a validation."""
    context = info.context
    return context if isinstance(context, Context) else Context()
