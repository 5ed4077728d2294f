"""Map refinement: trains every few pixels of a map first, then those where neighbours differ.

A map is cut into tiles, bands of its rows. In a tile, squares of `coarse` pixels begin with their
corners; a square that holds pixels of two kinds is halved, down to the pixels themselves, and what
is found on a side counts for the squares on both of its sides. So every boundary that a corner sees
is followed to its end; an island, or a cape, that lies between corners is not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..engine.loop import observe_again, train
from ..engine.results import Results
from ..engine.task import Task
from ..engine.trajectories import Recording
from ..ingredients.measures.protocol import MeasureOptions

_TILE_ROWS = 32  # a multiple of every size of squares

Mask = NDArray[np.bool_]
Kinds = NDArray[np.float64]  # what each pixel came out as; NaN where it was not trained


@dataclass(frozen=True)
class Tile:
    """A band of a map: its own rows, and the row below where there is one, which helps decide."""

    first_row: int
    rows: int
    columns: int
    has_row_below: bool

    @property
    def pixels(self) -> int:
        """How many, without those of the row below."""
        return self.rows * self.columns


@dataclass(frozen=True)
class RefinedMap:
    """The shape of a map, and how it is trained."""

    rows: int
    columns: int
    coarse: int  # a power of two
    by: str  # "outcome", or the column of a measure

    @property
    def pixels(self) -> int:
        """Those of the full map."""
        return self.rows * self.columns

    @property
    def tiles(self) -> int:
        """How many; the last one takes what is left, half a tile more or less."""
        return max(1, (self.rows + _TILE_ROWS // 2) // _TILE_ROWS)

    def tile(self, number: int) -> Tile:
        """A tile by its number, from the first row on."""
        first, is_last = number * _TILE_ROWS, number == self.tiles - 1
        rows = self.rows - first if is_last else _TILE_ROWS
        return Tile(first, rows, self.columns, not is_last)


def train_map(
    refined: RefinedMap,
    tile: Tile,
    task_of: Callable[[NDArray[np.int64]], Task],
    recording: Recording | None = None,
    keep_parameters: bool = False,
    measures: Sequence[MeasureOptions] = (),
) -> Results:
    """Train the pixels of a tile that are worth it, and those that are recorded.

    assignment_of: the assignment of some pixels, counted row by row. `rows` of the results says
    which of the tile's pixels were trained, in order.
    """
    kinds = np.full((tile.rows + tile.has_row_below, tile.columns), np.nan)
    wanted = _corners(kinds.shape, refined.coarse)
    # a map's first row and column are whole, so that its table has every value of both axes
    wanted[:, 0] = True
    wanted[0] |= tile.first_row == 0
    if recording is not None:
        wanted.ravel()[recording.rows] = True
    parts, numbers = [], []
    while wanted.any():
        pixels = np.flatnonzero(wanted)
        results = train(task_of(pixels), None, keep_parameters, measures)
        found = results.outcome if refined.by == "outcome" else results.measures[refined.by]
        kinds.ravel()[pixels] = np.nan_to_num(found, nan=-1.0)
        parts.append(results)
        numbers.append(pixels)
        wanted = _where_neighbours_differ(kinds, refined.coarse) & np.isnan(kinds)
    whole, pixels = Results.joined(parts), np.concatenate(numbers)
    order = np.argsort(pixels)
    order = order[pixels[order] < tile.pixels]
    whole, pixels = whole.take(order), pixels[order]
    if recording is not None:
        places = np.searchsorted(pixels, recording.rows)
        observe_again(task_of(pixels), whole, replace(recording, rows=places), ())
    whole.rows = pixels
    return whole


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

    Squares that reach beyond the map see its last row and column there.
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
    """The places along one side, the last one again and again up to a whole square's end."""
    whole = -(-(length - 1) // coarse) * coarse
    return np.minimum(np.arange(whole + 1), length - 1)


def _over_squares(ufunc: np.ufunc, values: Kinds, size: int) -> Kinds:
    """Reduce pixels (size 1) to squares with corners one apart, or squares to ones twice as large.

    A square has the pixels on all of its sides; NaN stays where no pixel is known.
    """
    if size == 1:
        pairs = ufunc(values[:-1], values[1:])
        return np.asarray(ufunc(pairs[:, :-1], pairs[:, 1:]))
    pairs = ufunc(values[::2], values[1::2])
    return np.asarray(ufunc(pairs[:, ::2], pairs[:, 1::2]))
