"""What a figure is made from, and the register of all figures.

A figure is one function in one file, `FigureData → Figure`, or None where the data has nothing
for it; it registers itself by being imported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure


@dataclass(frozen=True)
class FigureData:
    """What a run has to show."""

    name: str
    summary: pd.DataFrame
    trajectories: pd.DataFrame | None
    axes: tuple[str, ...]  # axis columns but the seed, in plan order, the slowest first
    targets: tuple[float, ...] | None  # one a prediction
    curvature: float | None  # λ at the solution, when it is one number for the whole sweep
    refined: str | None = None  # the axis that was bisected: the summary has its edge instead
    trials: pd.DataFrame | None = None  # of a sweep with measures
    map: tuple[str, str] | None = None  # axes of a refined map, of which not all was trained


Draw = Callable[[FigureData], Figure | None]

FIGURES: dict[str, Draw] = {}


def figure(kind: str) -> Callable[[Draw], Draw]:
    """Function decorator: registers a figure under its kind."""

    def add(function: Draw) -> Draw:
        FIGURES[kind] = function
        return function

    return add
