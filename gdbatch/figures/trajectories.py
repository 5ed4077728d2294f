"""Loss and prediction against the step, one line per recorded trial."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..analysis import number
from ..registry import register
from .data import FigureData
from .lines import draw_lines
from .style import label, log_axis, log_limits, new_figure

_MOST_PANELS = 4
_HIGH = 1e4  # times the largest initial loss; a line above this is cut off
_FAR = 10.0  # times the size of start and target; a line farther away is cut off


@register("figure", "loss")
def loss(data: FigureData) -> Figure | None:
    """Loss against step on log-log axes."""
    table = data.trajectories
    if table is None or "loss" not in table:
        return None
    drawn = new_figure(6.6, 4.0, data.name)
    axes = drawn.subplots()
    highest = _HIGH * table["loss"][table["step"] == 0].max() or math.inf
    limits = log_limits(table["loss"].clip(upper=highest))
    if limits is None:
        axes.set_ylim(-0.05, 1)  # all zero
    else:
        axes.set_ylim(limits)  # a line that reaches zero runs off the bottom of the figure
        log_axis(axes, "y")
        near = table["loss"].clip(upper=1e9 * limits[1])
        table = table.assign(loss=near.where(np.isfinite(table["loss"])))
    draw_lines(drawn, [axes], data, table, ["loss"])
    if (table["loss"] > highest).any():
        _say_that_lines_leave(axes)
    axes.set_ylabel("loss")
    return drawn


@register("figure", "prediction")
def prediction(data: FigureData) -> Figure | None:
    """Predictions against step, with their targets."""
    table = data.trajectories
    if table is None:
        return None
    columns = [
        name
        for name in map(str, table)
        if name == "prediction" or (name.startswith("prediction_") and name[11:].isdigit())
    ]
    if not columns:
        return None
    shown = columns[:_MOST_PANELS]
    rows = -(-len(shown) // 2) if len(shown) > 1 else 1
    some = f": the first {len(shown)} of {len(columns)} predictions"
    size = (6.6, 4.0) if len(shown) == 1 else (8.4, 3.0 * rows)
    drawn = new_figure(*size, data.name + (some if len(columns) > len(shown) else ""))
    grid = drawn.subplots(rows, min(2, len(shown)), sharex=True, squeeze=False).ravel()
    for extra in grid[len(shown) :]:
        extra.remove()
    panels = list(grid[: len(shown)])
    targets = dict(zip(shown, data.targets or (), strict=False))
    views = {name: _view(table, name, targets.get(name)) for name in shown}
    draw_lines(drawn, panels, data, _in_reach(table, views), shown)
    for axes, name in zip(panels, shown, strict=True):
        axes.set_ylabel(label(name))
        _show(axes, views[name])
        if name in targets:
            axes.axhline(targets[name], color="black", ls="--", lw=0.9)
            axes.annotate(f"target\n{number(targets[name])}", (1, targets[name]), (3, 0),
                          va="center", xycoords=("axes fraction", "data"),
                          textcoords="offset points", fontsize=8.5)  # fmt: skip
    return drawn


View = tuple[float, float]


def _view(table: pd.DataFrame, column: str, target: float | None) -> View | None:
    """Limits around start and target if a divergence would flatten everything else, or None."""
    values = table[column].to_numpy(dtype=float)
    near = np.append(values[table["step"] == 0], [] if target is None else [target])
    near = near[np.isfinite(near)]
    finite = values[np.isfinite(values)]
    if not near.size or not finite.size:
        return None
    low, high = float(near.min()), float(near.max())
    size = max(high - low, abs(low), abs(high)) or 1.0
    if finite.min() > low - _FAR * size and finite.max() < high + _FAR * size:
        return None
    return max(low - size, float(finite.min())), min(high + size, float(finite.max()))


def _in_reach(table: pd.DataFrame, views: dict[str, View | None]) -> pd.DataFrame:
    """Move values far outside the limits closer: the figure is the same, but cannot overflow."""
    changed = {}
    for name, view in views.items():
        if view is not None:
            reach = 100 * (view[1] - view[0])
            near = table[name].clip(view[0] - reach, view[1] + reach)
            changed[name] = near.where(np.isfinite(table[name]))
    return table.assign(**changed)


def _show(axes: Axes, view: View | None) -> None:
    if view is not None:
        margin = 0.05 * (view[1] - view[0])
        axes.set_ylim(view[0] - margin, view[1] + margin)
        _say_that_lines_leave(axes)


def _say_that_lines_leave(axes: Axes) -> None:
    parts = [axes.get_title(loc="left"), "some lines are cut off"]
    axes.set_title(", ".join(filter(None, parts)), fontsize=8.5)
