"""The data from which figures are drawn.

A figure is one function in one file, `@register("figure", NAME)`, that takes a FigureData and
returns a matplotlib Figure, or None if there is no data for it. The first line of its docstring
describes it in `gdbatch list`.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ..analysis import FEWEST_STEPS, Criterion


@dataclass(frozen=True)
class FigureData:
    """The data of a run for its figures."""

    name: str
    summary: pd.DataFrame
    trajectories: pd.DataFrame | None
    axes: tuple[str, ...]  # axis columns without the seed, in plan order, the slowest first
    targets: tuple[float, ...] | None  # one per prediction
    curvature: float | None  # λ at the solution, if it is one number for the whole sweep
    criterion: Criterion = FEWEST_STEPS
    sparse_map: tuple[str, str] | None = None  # axes of a map in which pixels are missing
    trials: pd.DataFrame | None = None  # of a sweep with measures

    @property
    def is_grid(self) -> bool:
        """Whether the summary has rows for the values of every axis, so that none is refined."""
        return set(self.axes) <= set(self.summary)
