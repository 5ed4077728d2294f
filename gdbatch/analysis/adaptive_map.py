"""Adaptive maps: tables of two axes as grids of pixels, and how many of those were trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .. import outcomes
from ..registry import register
from .formatting import count
from .protocol import Analysis
from .summary import summarise, summary_columns

Value = TypeVar("Value", bound=np.generic)


@dataclass(frozen=True)
class MapAnswer:
    """How many pixels of an adaptive map were trained, and how their trials ended."""

    axes: tuple[str, str]  # the slower one first
    pixels: int | None  # of all maps, one per combination of other axes and seeds; None if partial
    trained: int
    outcomes: dict[str, float] = field(default_factory=dict)  # shares of the trained pixels

    @property
    def saved(self) -> float | None:
        """The share of pixels that did not need to be trained; None for a partial run."""
        return None if self.pixels is None else 1 - self.trained / self.pixels


@register("analysis", "adaptive_map")
class MapAnalysis(Analysis):
    """Maps refined at boundaries: how many pixels were trained, and their outcomes."""

    noun = "pixels"

    @staticmethod
    def summary_columns() -> Sequence[str]:
        return summary_columns()

    def summarise(self, parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
        return summarise(parts, self.facts.axes, self.facts.further)

    def answers(self, summary: pd.DataFrame) -> list[MapAnswer]:
        counts = summary[list(outcomes.names())].sum()
        trained = int(counts.sum())
        shares = {str(name): float(ended / trained) for name, ended in counts.items() if ended}
        pixels = self.facts.trials if self.facts.is_complete else None
        return [MapAnswer(self.sparse_map, pixels, trained, shares)]

    def words(self, answers: Sequence[MapAnswer], summary: pd.DataFrame) -> str:
        return "\n\n".join(map(_words, answers))

    @property
    def sparse_map(self) -> tuple[str, str]:
        slower, faster = self.facts.search["axes"]
        return slower, faster


def _words(one: MapAnswer) -> str:
    trained = count(one.trained, "pixel")
    if one.pixels is not None:
        trained = f"{one.trained:,} of {count(one.pixels, 'pixel')} ({one.saved:.1%} saved)"
    shares = ", ".join(f"{share:.1%} {outcome}" for outcome, share in one.outcomes.items())
    return (
        f"map of {one.axes[0]} and {one.axes[1]}: trained {trained}\n"
        f"of the trained pixels, most of which lie at a boundary: {shares}"
    )


def as_map(table: pd.DataFrame, x: str, y: str, values: NDArray[Value]) -> pd.DataFrame:
    """Values of a table's rows as a grid: a row per value of y, a column per value of x.

    The table has at most one row per pixel; missing pixels are NaN.
    """
    index = pd.MultiIndex.from_arrays([table[y], table[x]], names=[y, x])
    return pd.Series(values, index).unstack()


def every_pixel(table: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """A table with a row for every pixel; a missing one gets the numbers of the nearest one."""
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
    """Replace every NaN by the nearest number, spreading to the four neighbours step by step."""
    known = np.pad(grid, 1, constant_values=np.nan)
    inner = known[1:-1, 1:-1]
    while np.isnan(inner).any():
        before = known.copy()
        for near in (before[:-2, 1:-1], before[2:, 1:-1], before[1:-1, :-2], before[1:-1, 2:]):
            np.copyto(inner, near, where=np.isnan(inner))
    return inner
