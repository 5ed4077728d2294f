"""A map over two numeric axes: what became of the trials, and how many steps it took."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ..analysis import choice_axis
from .registry import FigureData, figure
from .style import OUTCOME_COLOURS, is_logarithmic, label, log_axis, new_figure, number


@figure("map")
def outcome_map(data: FigureData) -> Figure | None:
    """The commonest outcome and the median steps over two axes."""
    varying = [
        axis
        for axis in data.axes
        if pd.api.types.is_numeric_dtype(data.summary[axis]) and data.summary[axis].nunique() > 1
    ]
    if len(varying) < 2:
        return None
    x = choice_axis(data.summary, varying)
    assert x is not None
    y = next(axis for axis in reversed(varying) if axis != x)
    summary, title = _one_slice(data, x, y)
    drawn = new_figure(7.6, 3.7, title)
    left, right = drawn.subplots(1, 2, sharex=True, sharey=True)
    names = [name for name in OUTCOME_COLOURS if name in summary and summary[name].sum() > 0]
    commonest = summary[names].to_numpy().argmax(axis=1)
    colours = ListedColormap([OUTCOME_COLOURS[name] for name in names])
    _mesh(left, summary.assign(shown=commonest), x, y, cmap=colours, vmin=-0.5,
          vmax=len(names) - 0.5)  # fmt: skip
    handles = [Patch(color=OUTCOME_COLOURS[name], label=name) for name in names]
    drawn.legend(handles=handles, loc="outside lower left", ncols=len(names))
    left.set_title("commonest outcome", fontsize=9)
    _steps_panel(drawn, right, summary, x, y)
    left.set_ylabel(label(y))
    for axes in (left, right):
        axes.set_xlabel(label(x))
        axes.grid(False)
    return drawn


def _one_slice(data: FigureData, x: str, y: str) -> tuple[pd.DataFrame, str]:
    """The summary at the first value of every further axis, and a title that says so."""
    summary, said = data.summary, []
    for axis in data.axes:
        if axis not in (x, y):
            first = summary[axis].iloc[0]
            summary = summary[summary[axis] == first]
            said.append(f"{label(axis)} {number(first) if isinstance(first, float) else first}")
    return summary, data.name + (f" ({', '.join(said)})" if said else "")


def _steps_panel(drawn: Figure, axes: Axes, summary: pd.DataFrame, x: str, y: str) -> None:
    column = "final_loss_median" if "completed" in summary else "steps_median"
    values = summary[column].to_numpy(dtype=float)
    finite = values[np.isfinite(values) & (values > 0)]
    axes.set_facecolor("#D9D9D9")
    axes.set_title("median final loss" if "completed" in summary
                   else "median steps (grey: half do not converge)", fontsize=9)  # fmt: skip
    if not finite.size:
        return
    high = max(finite.max(), finite.min() * 1.01)
    mesh = _mesh(axes, summary.assign(shown=values), x, y, cmap="viridis_r",
                 norm=LogNorm(finite.min(), high))  # fmt: skip
    bar = drawn.colorbar(mesh, ax=axes, pad=0.02)
    bar.ax.yaxis.set_major_formatter(lambda value, _: number(value))
    bar.ax.yaxis.set_minor_formatter(lambda value, _: "")
    bar.ax.grid(False)


def _mesh(axes: Axes, table: pd.DataFrame, x: str, y: str, **options: Any) -> Any:
    grid = table.pivot_table(index=y, columns=x, values="shown", dropna=False)
    mesh = axes.pcolormesh(
        _edges(grid.columns.to_numpy(dtype=float)),
        _edges(grid.index.to_numpy(dtype=float)),
        np.ma.masked_invalid(grid.to_numpy(dtype=float)),
        rasterized=True,
        **options,
    )
    for which, values in (("x", grid.columns), ("y", grid.index)):
        if is_logarithmic(values):
            log_axis(axes, which)
    return mesh


def _edges(values: Any) -> Any:
    """Ends of the cells around ascending values, halfway between them."""
    if is_logarithmic(values):
        return 10 ** _edges_between(np.log10(values))
    return _edges_between(values)


def _edges_between(places: Any) -> Any:
    middle = (places[1:] + places[:-1]) / 2
    return np.concatenate([[2 * places[0] - middle[0]], middle, [2 * places[-1] - middle[-1]]])
