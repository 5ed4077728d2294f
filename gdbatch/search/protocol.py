"""The protocol of searches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ..engine import Recording, Results, Task
from ..ingredients.measures.protocol import MeasureOptions
from ..ingredients.options import Options

Rows = NDArray[np.int64]
Values = NDArray[np.float64]


class TaskOf(Protocol):
    """Makes the task of some trials of a shard."""

    def __call__(self, rows: Rows, values: Mapping[str, Values] | None = None) -> Task:
        """rows: counted from the shard's first trial. values: by key, of the axes that the search
        decides on; if None, trials have the values known before training.
        """


@dataclass(frozen=True)
class ShardTask:
    """What a search needs to train one shard."""

    first: int  # trial of the shard, counted from the first of its group
    trials: int
    task_of: TaskOf
    recording: Recording | None = None  # rows are counted from the shard's first trial
    keep_parameters: bool = False
    measures: Sequence[MeasureOptions] = ()


@dataclass(frozen=True)
class Trained:
    """The results of training a shard."""

    results: Results  # one row per trained trial, in plan order
    rows: Rows  # the trained trials, counted from the shard's first
    values: Mapping[str, Values] = field(default_factory=dict)  # by key, of axes decided on


class Search(ABC):
    """How the trials of a group are chosen, cut into shards and trained.

    A search may decide on the values of some axes together; these vary fastest in plan order. It is
    pickled and sent to workers.
    """

    trains_all: ClassVar[bool] = True  # whether every trial of the plan gets a row

    @property
    def axes(self) -> tuple[str, ...]:
        """The keys of the axes that are decided on together; the others vary more slowly."""
        return ()

    @property
    def unit(self) -> int:
        """The number of trials of a shard is a multiple of this."""
        return 1

    @property
    def span(self) -> int | None:
        """No shard crosses a multiple of this number of trials in its group; None: no limit."""
        return None

    @abstractmethod
    def cut(self, trials: int, block_width: int) -> Iterable[tuple[int, int]]:
        """The shards of a span, or of a group, in order, as pairs (shards, trials in each).

        Must depend only on the arguments, which are the same on every machine.
        """

    @abstractmethod
    def train(self, shard: ShardTask) -> Trained:
        """Train a shard, or those of its trials that are needed."""

    @abstractmethod
    def facts(self) -> dict[str, object]:
        """Plain data for the manifest: `kind` (the registered name), what an analysis needs, and
        what determines, besides the axes, which trials are trained.
        """


@dataclass(frozen=True)
class SearchAxis:
    """An axis of the sweep, as a search sees it."""

    key: str
    column: str
    size: int  # number of values
    is_free: bool  # a number that varies within a block, not zipped and not the seed


class TableSearch(Search):
    """A search that a sweep file chooses by a table of its own, such as `[map]`."""

    table: ClassVar[str]  # its name
    table_options: ClassVar[type[Options]]  # its keys

    @classmethod
    @abstractmethod
    def of(
        cls, options: Options, axes: Sequence[SearchAxis], measures: Sequence[MeasureOptions]
    ) -> Self:
        """The search of a sweep with these axes, in file order.

        Raises IngredientError if the options do not fit the axes or measures.
        """


def even_cut(units: int, unit: int, most: int) -> Iterable[tuple[int, int]]:
    """Cut `units` units of `unit` trials each into equal shards of up to `most` units.

    Their number is even, for two cores; a group of less than a quarter of `most` is one shard.
    """
    if units <= most // 4:
        return [(1, units * unit)]
    pairs = -(-units // (2 * most))
    length = -(-units // (2 * pairs))
    whole, rest = divmod(units, length)
    return [(whole, length * unit), (int(rest > 0), rest * unit)]
