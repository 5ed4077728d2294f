"""Loss and prediction against the step, a line a recorded trial: the tutorial's two figures.

Both share how lines are chosen, coloured and thinned.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..analysis import choice_axis
from .registry import FigureData, figure
from .style import Colours, label, log_axis, new_figure, number

_MOST_POINTS = 400  # of a line; an SVG of more is slow to open
_MOST_PANELS = 4
_FEW_LINES = 9


@figure("loss")
def loss(data: FigureData) -> Figure | None:
    """Loss against the step on log-log axes."""
    table = data.trajectories
    if table is None or "loss" not in table:
        return None
    drawn = new_figure(6.6, 4.0, data.name)
    axes = drawn.subplots()
    _draw_lines(drawn, [axes], data, table, ["loss"])
    finite = table["loss"][np.isfinite(table["loss"])]
    if len(finite) and finite.max() > 0:
        axes.set_yscale("log")
        log_axis(axes, "y")
    axes.set_ylabel("loss")
    return drawn


@figure("prediction")
def prediction(data: FigureData) -> Figure | None:
    """Predictions against the step, with their targets."""
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
    drawn = new_figure(6.6, 4.0 if rows == 1 else 2.6 * rows, data.name)
    if len(columns) > len(shown):
        drawn.suptitle(f"{data.name}: the first {len(shown)} of {len(columns)} predictions",
                       x=0.01, ha="left", fontsize=10, fontweight="bold")  # fmt: skip
    grid = drawn.subplots(rows, min(2, len(shown)), sharex=True, squeeze=False).ravel()
    for extra in grid[len(shown) :]:
        extra.remove()
    _draw_lines(drawn, list(grid[: len(shown)]), data, table, shown)
    for index, (axes, name) in enumerate(zip(grid, shown, strict=False)):
        axes.set_ylabel(label(name))
        if data.targets is not None and index < len(data.targets):
            target = data.targets[index]
            axes.axhline(target, color="black", ls="--", lw=0.9)
            axes.annotate(f"target {number(target)}", (1, target), (-2, 3), ha="right",
                          xycoords=("axes fraction", "data"), textcoords="offset points",
                          fontsize=8.5)  # fmt: skip
    return drawn


def _draw_lines(
    drawn: Figure, panels: list[Axes], data: FigureData, table: pd.DataFrame, columns: list[str]
) -> None:
    """One line a trial in every panel; coloured by the learning rate, explained once."""
    varying = [axis for axis in data.axes if table[axis].nunique() > 1]
    shade = choice_axis(table, [axis for axis in data.axes if axis in table])
    if shade is None or shade not in varying:
        shade = varying[-1] if varying else None
    lines = list(table.groupby("trial", sort=True))
    keys = [_plain(part[shade].iloc[0]) if shade else 0 for _, part in lines]
    colours = Colours(keys, sequential=True)
    thin = len(lines) > 3 * _FEW_LINES
    for key, (_, part) in zip(keys, lines, strict=True):
        # step 0 has no place on a logarithmic axis: every step is drawn one further on
        steps = part["step"].to_numpy() + 1
        kept = _thinned(steps)
        for axes, column in zip(panels, columns, strict=True):
            values = part[column].to_numpy(dtype=float)[kept]
            finite = np.isfinite(values)
            axes.plot(steps[kept][finite], values[finite], color=colours.of(key),
                      lw=0.6 if thin else 1.3, alpha=0.5 if thin else 1.0,
                      marker="o" if len(steps) <= 3 else None, markersize=3)  # fmt: skip
    for axes in panels:
        axes.set_xscale("log")
        log_axis(axes, "x")
    for axes in panels[-2:]:
        axes.set_xlabel("step + 1")
    if shade is not None:
        _explain(drawn, panels, colours, label(shade))


def _explain(drawn: Figure, panels: list[Axes], colours: Colours, name: str) -> None:
    from matplotlib.lines import Line2D

    if len(colours.values) > _FEW_LINES and colours.norm is not None:
        colours.add_bar(drawn, panels, name)
        return
    shown = colours.values[:_FEW_LINES]
    handles = [Line2D([], [], color=colours.of(value), label=_words(value)) for value in shown]
    if len(colours.values) > len(shown):
        name = f"{name} ({len(shown)} of {len(colours.values)})"
    drawn.legend(handles=handles, title=name, loc="outside right center", alignment="left")


def _words(value: Any) -> str:
    return number(value) if isinstance(value, int | float) else str(value)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _thinned(steps: Any) -> Any:
    """Places of at most about _MOST_POINTS steps, evenly spread on a logarithmic axis."""
    if len(steps) <= _MOST_POINTS:
        return np.arange(len(steps))
    wanted = np.geomspace(steps[0], steps[-1], _MOST_POINTS)
    return np.unique(np.searchsorted(steps, wanted).clip(0, len(steps) - 1))
