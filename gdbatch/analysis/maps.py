"""Maps: tables of two axes as pictures of pixels, and what a refined map has to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..outcomes import OUTCOMES


@dataclass(frozen=True)
class MapAnswer:
    """How much of a refined map was trained, and what became of all of it."""

    axes: tuple[str, str]  # the slower one first
    pixels: int  # of all maps, one for each combination of the other axes and seeds
    trained: int
    outcomes: dict[str, float] = field(default_factory=dict)  # shares of the trials trained

    @property
    def saved(self) -> float:
        """The share of trials that nobody had to train."""
        return 1 - self.trained / self.pixels


def map_answer(summary: pd.DataFrame, axes: Sequence[str], pixels: int) -> MapAnswer:
    """The answer of a summary of refined maps, which have so many pixels in all."""
    counts = summary.filter(OUTCOMES).sum()
    shares = {str(name): float(count / counts.sum()) for name, count in counts.items() if count}
    return MapAnswer((axes[-2], axes[-1]), pixels, int(counts.sum()), shares)


def map_as_words(one: MapAnswer) -> str:
    """The answer as a person would tell it."""
    told = ", ".join(f"{share:.1%} {outcome}" for outcome, share in one.outcomes.items())
    return (
        f"map of {one.axes[0]} and {one.axes[1]}: trained {one.trained:,} of {one.pixels:,} pixels "
        f"({one.saved:.1%} saved)\nof those trained, most of which lie at a boundary: {told}"
    )


def as_map(table: pd.DataFrame, x: str, y: str, values: NDArray[Any]) -> pd.DataFrame:
    """Values of a table's rows as a map, a row a value of y; one row a pixel."""
    return table[[x, y]].assign(value=values).pivot(index=y, columns=x, values="value")


def every_pixel(table: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """A table with a row for every pixel: those not in it have the nearest one's numbers."""
    places = as_map(table, x, y, np.arange(len(table), dtype=float))
    nearest = _nearest(places.to_numpy()).astype(np.int64)
    whole = table.iloc[nearest.ravel()].reset_index(drop=True)
    return whole.assign(
        **{
            y: np.repeat(places.index.to_numpy(), len(places.columns)),
            x: np.tile(places.columns.to_numpy(), len(places.index)),
        }
    )


def _nearest(grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """NaN replaced by the nearest number, in steps to one of four neighbours at a time."""
    known = np.pad(grid, 1, constant_values=np.nan)
    inner = known[1:-1, 1:-1]
    while np.isnan(inner).any():
        before = known.copy()
        for near in (before[:-2, 1:-1], before[2:, 1:-1], before[1:-1, :-2], before[1:-1, 2:]):
            np.copyto(inner, near, where=np.isnan(inner))
    return inner
