"""The adaptive map: trains every few pixels of a map first, then those where neighbours differ.

A map is cut into tiles, which are bands of rows. In a tile, the corners of squares of `coarse`
pixels are trained first. A square with pixels of two kinds is halved, down to single pixels; pixels
on a shared side count for both squares. So every boundary that the corners detect is traced to its
end, but an island or a cape between corners is missed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ..engine import Results, observe, train
from ..errors import IngredientError, nearest
from ..ingredients.measures.protocol import MeasureOptions
from ..ingredients.options import Options
from ..registry import register
from .protocol import SearchAxis, ShardTask, TableSearch, Trained

_TILE_ROWS = 32  # a multiple of every `coarse`

Mask = NDArray[np.bool_]
Kinds = NDArray[np.float64]  # the kind of each pixel; NaN if it is not trained


class MapOptions(Options):
    """Train every few pixels of a map of two axes first, then those where neighbours differ."""

    axes: list[str] = Field(min_length=2, max_length=2, description="The two axes of the map.")
    coarse: int = Field(
        8, ge=2, le=_TILE_ROWS, description="Spacing of the pixels that are trained first."
    )
    by: str = Field(
        "outcome",
        description="What is compared between neighbours: outcome, or a column of a measure.",
    )

    @model_validator(mode="after")
    def _can_be_halved(self) -> MapOptions:
        if self.coarse & (self.coarse - 1):
            raise IngredientError(f"coarse = {self.coarse} must be a power of two", "coarse")
        return self


@register("search", "adaptive_map")
@dataclass(frozen=True)
class AdaptiveMap(TableSearch):
    """Trains a map of two axes, at full resolution only where neighbouring pixels differ."""

    table = "map"
    table_options = MapOptions

    keys: tuple[str, str]  # of the axes, the slower one first
    names: tuple[str, str]  # of their columns
    rows: int
    columns: int
    coarse: int  # a power of two
    by: str  # what neighbours differ in: "outcome", or the column of a measure

    trains_all: ClassVar[bool] = False

    @classmethod
    def of(
        cls, options: Options, axes: Sequence[SearchAxis], measures: Sequence[MeasureOptions]
    ) -> AdaptiveMap:
        """The map of two axes, the slower one being the first in the file."""
        assert isinstance(options, MapOptions)
        chosen = [_axis(name, index, axes) for index, name in enumerate(options.axes)]
        if chosen[0] == chosen[1]:
            raise IngredientError(f"{options.axes[0]} is given twice", "axes")
        kinds = ["outcome", *(one.name for each in measures for one in each.columns() if one.whole)]
        if options.by not in kinds:
            message = f"pixels cannot be compared by {options.by}; allowed: {', '.join(kinds)} "
            raise IngredientError(f"{message}(outcome, and integer columns of measures)", "by")
        slow, fast = sorted(chosen, key=axes.index)
        keys, names = (slow.key, fast.key), (slow.column, fast.column)
        return cls(keys, names, slow.size, fast.size, options.coarse, options.by)

    @property
    def axes(self) -> tuple[str, ...]:
        """The two axes."""
        return self.keys

    @property
    def pixels(self) -> int:
        """The number of pixels in a whole map."""
        return self.rows * self.columns

    @property
    def unit(self) -> int:
        """A tile has whole rows."""
        return self.columns

    @property
    def span(self) -> int:
        """A tile is a part of one map."""
        return self.pixels

    def cut(self, trials: int, block_width: int) -> Iterator[tuple[int, int]]:
        """Cut a map into tiles; the last is up to half a tile larger or smaller."""
        tiles = max(1, (self.rows + _TILE_ROWS // 2) // _TILE_ROWS)
        last = self.rows - (tiles - 1) * _TILE_ROWS
        yield tiles - 1, _TILE_ROWS * self.columns
        yield 1, last * self.columns

    def train(self, shard: ShardTask) -> Trained:
        """Train the needed pixels of a tile, and the recorded ones."""
        first = shard.first % self.pixels // self.columns
        rows = shard.trials // self.columns
        # the row below, if there is one, closes the last squares
        kinds = np.full((min(rows + 1, self.rows - first), self.columns), np.nan)
        wanted = _corners(kinds.shape, self.coarse)
        # train a map's whole first row and column, so that its table has every value of both axes
        wanted[:, 0] = True
        wanted[0] |= first == 0
        if shard.recording is not None:
            wanted.ravel()[shard.recording.rows] = True
        parts, numbers = [], []
        while wanted.any():
            pixels = np.flatnonzero(wanted)
            task = shard.task_of(pixels)
            results = train(task, None, shard.keep_parameters, shard.measures)
            found = results.outcome if self.by == "outcome" else results.measures[self.by]
            kinds.ravel()[pixels] = np.nan_to_num(found, nan=-1.0)
            parts.append(results)
            numbers.append(pixels)
            wanted = _where_neighbours_differ(kinds, self.coarse) & np.isnan(kinds)
        return _in_order(shard, Results.joined(parts), np.concatenate(numbers))

    def facts(self) -> dict[str, object]:
        """The axis columns, the slower one first, and how the map is refined."""
        axes = list(self.names)
        return {"kind": "adaptive_map", "axes": axes, "coarse": self.coarse, "by": self.by}


def _axis(name: str, index: int, axes: Sequence[SearchAxis]) -> SearchAxis:
    """The axis that `axes[index]` of the table names."""
    found = next((axis for axis in axes if name in (axis.key, axis.column)), None)
    if found is None:
        hint = nearest(name, [axis.column for axis in axes])
        raise IngredientError(f'the sweep has no axis "{name}"; {hint}', "axes", index)
    if not found.is_free:
        message = f"{name} cannot be an axis of a map; choose a number that does not split the "
        message += "sweep into groups, is not part of a zip and is not a seed"
        raise IngredientError(message, "axes", index)
    return found


def _in_order(shard: ShardTask, results: Results, pixels: NDArray[np.int64]) -> Trained:
    """The results of a tile's own pixels in plan order, with trajectories."""
    order = np.argsort(pixels)
    order = order[pixels[order] < shard.trials]
    results, pixels = results.take(order), pixels[order]
    if shard.recording is not None:
        places = np.searchsorted(pixels, shard.recording.rows)
        observe(shard.task_of(pixels), results, replace(shard.recording, rows=places), ())
    return Trained(results, pixels)


def _corners(shape: tuple[int, ...], coarse: int) -> Mask:
    """The corners of all squares; those at the far ends of a map may be smaller."""
    rows, columns = (_corners_along(length, coarse) for length in shape)
    return rows[:, None] & columns


def _corners_along(length: int, coarse: int) -> Mask:
    places = np.arange(length)
    corners: Mask = (places % coarse == 0) | (places == length - 1)
    return corners


def _where_neighbours_differ(kinds: Kinds, coarse: int) -> Mask:
    """The corners, and middles of sides, of every square that holds pixels of two kinds.

    Squares that extend beyond the map repeat its last row and column there.
    """
    rows, columns = (_up_to_whole_squares(length, coarse) for length in kinds.shape)
    seen = kinds[rows[:, None], columns]
    needed = np.zeros(kinds.shape, bool)
    lowest = highest = seen
    size = 1
    while size <= coarse:
        lowest = _over_squares(np.fmin, lowest, size)
        highest = _over_squares(np.fmax, highest, size)
        if size > 1:
            places = np.argwhere(lowest < highest) * size
            for down in (0, size // 2, size):
                for right in (0, size // 2, size):
                    needed[rows[places[:, 0] + down], columns[places[:, 1] + right]] = True
        size *= 2
    return needed


def _up_to_whole_squares(length: int, coarse: int) -> NDArray[np.int64]:
    """The indices along one side, the last one repeated up to a whole number of squares."""
    whole = -(-(length - 1) // coarse) * coarse
    return np.minimum(np.arange(whole + 1), length - 1)


def _over_squares(ufunc: np.ufunc, values: Kinds, size: int) -> Kinds:
    """Reduce pixels to squares with corners one apart (size 1), or squares to ones twice as large.

    A square includes the pixels on all its sides; NaN remains where no pixel is known.
    """
    if size == 1:
        pairs = ufunc(values[:-1], values[1:])
        return np.asarray(ufunc(pairs[:, :-1], pairs[:, 1:]))
    pairs = ufunc(values[::2], values[1::2])
    return np.asarray(ufunc(pairs[:, ::2], pairs[:, 1::2]))
