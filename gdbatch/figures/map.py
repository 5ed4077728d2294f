"""A map over two numeric axes: how the trials ended, and how many steps they took."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from ..analysis import Criterion, as_map, choice_axis, every_pixel, is_scale
from ..registry import register
from .data import FigureData
from .style import (
    HUGE,
    TINY,
    cell_edges,
    label,
    log_ticks,
    new_figure,
    outcome_colours,
    scale_axis,
    words,
)

_NEVER = "#CCCCCC"
_LEAST_FILLED = 0.5  # share of the cells that were tried; zipped axes are a line, not a map


@register("figure", "map")
def outcome_map(data: FigureData) -> Figure | None:
    """The most frequent outcome and the median steps over two axes."""
    if not data.is_grid:
        return None
    varying = [
        axis
        for axis in data.sparse_map or data.axes
        if is_scale(data.summary, axis) and data.summary[axis].nunique() > 1
    ]
    x = choice_axis(data.summary, varying)
    others = [axis for axis in varying if axis != x]
    if x is None or not others:
        return None
    # the other axis with the most values; of equals, the fastest
    y = max(reversed(others), key=lambda axis: data.summary[axis].nunique())
    summary, title = _one_slice(data, x, y)
    if data.sparse_map:
        summary = every_pixel(summary, x, y)
    cells = summary[x].nunique() * summary[y].nunique()
    too_thin = min(summary[x].nunique(), summary[y].nunique()) < 2
    if too_thin or len(summary) < _LEAST_FILLED * cells:
        return None
    drawn = new_figure(7.8, 3.7, title)
    engine = drawn.get_layout_engine()
    assert engine is not None
    # room between the last tick label of one panel and the first of the other
    engine.set(wspace=0.07)  # type: ignore[call-arg]
    left, right = drawn.subplots(1, 2, sharex=True, sharey=True)
    _outcome_panel(drawn, left, summary, x, y)
    _steps_panel(drawn, right, summary, x, y, data.criterion)
    left.set_ylabel(label(y))
    for axes in (left, right):
        axes.set_xlabel(label(x))
        axes.grid(False)
    return drawn


def _one_slice(data: FigureData, x: str, y: str) -> tuple[pd.DataFrame, str]:
    """The summary at the first value of every further axis, and a title that names these values."""
    summary, fixed = data.summary, []
    for axis in data.axes:
        if axis not in (x, y) and (summary.groupby([x, y])[axis].nunique() > 1).any():
            first = summary[axis].iloc[0]
            summary = summary[summary[axis] == first]
            fixed.append(f"{label(axis)} {words(first)}")
    return summary, data.name + (f" ({', '.join(fixed)})" if fixed else "")


def _outcome_panel(drawn: Figure, axes: Axes, summary: pd.DataFrame, x: str, y: str) -> None:
    colours = outcome_colours()
    names = [name for name in colours if summary[name].sum() > 0]
    most_frequent = summary[names].to_numpy().argmax(axis=1)
    shown = ListedColormap([colours[name] for name in names])
    _mesh(axes, summary, x, y, most_frequent, cmap=shown, vmin=-0.5, vmax=len(names) - 0.5)
    handles = [Patch(color=colours[name], label=name) for name in names]
    drawn.legend(handles=handles, loc="outside lower left", ncols=len(names))
    axes.set_title("most frequent outcome", fontsize=9)


def _steps_panel(
    drawn: Figure, axes: Axes, summary: pd.DataFrame, x: str, y: str, criterion: Criterion
) -> None:
    by_steps = criterion.objective == "steps"
    values = summary[criterion.column].to_numpy(dtype=float)
    finite = values[np.isfinite(values)]
    # grey where it was tried, white where it was not
    _mesh(axes, summary, x, y, np.zeros(len(summary)), cmap=ListedColormap([_NEVER]))
    objective = criterion.objective.replace("_", " ")
    axes.set_title("median steps (grey: fewer than half converged)" if by_steps
                   else f"median {objective}", fontsize=9)  # fmt: skip
    if not finite.size:
        return
    if criterion.is_share:
        mesh = _mesh(axes, summary, x, y, values, cmap="viridis", vmin=0, vmax=1)
        drawn.colorbar(mesh, ax=axes, pad=0.02).ax.grid(False)
        return
    positive = np.clip(finite[finite > 0], TINY, HUGE)
    low, high = (positive.min(), positive.max()) if positive.size else (1.0, 1.0)
    if low == high:
        low, high = low / 1.5, high * 1.5
    # zero gets the lowest colour
    mesh = _mesh(axes, summary, x, y, values, cmap="viridis_r", norm=LogNorm(low, high, clip=True))
    bar = drawn.colorbar(mesh, ax=axes, pad=0.02)
    log_ticks(bar.ax.yaxis, low, high, most=7)
    bar.ax.grid(False)


def _mesh(
    axes: Axes, table: pd.DataFrame, x: str, y: str, values: NDArray[Any], **options: Any
) -> QuadMesh:
    grid = as_map(table, x, y, values)
    mesh = axes.pcolormesh(
        cell_edges(grid.columns),
        cell_edges(grid.index),
        np.ma.masked_invalid(grid.to_numpy(dtype=float)),
        rasterized=True,
        **options,
    )
    scale_axis(axes, "x", grid.columns, gap=0.2)
    scale_axis(axes, "y", grid.index, gap=0.07)
    return mesh
