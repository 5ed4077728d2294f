"""Bifurcation diagram: where parameters end up, against the learning rate."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..analysis import choice_axis
from ..registry import register
from .colours import Colours
from .data import FigureData
from .style import label, new_figure, scale_axis, words

_MOST_PANELS = 3
_LEAST_RATES = 50  # below this a diagram shows no branches
_LEAST_LATE = 16  # steps per trial; fewer show no orbit
_LATE = 0.5  # share of the steps that count as the end
_FEW_VALUES = 12  # of another axis, which colours can tell apart
_MOST_POINTS = 400_000
_OTHER_VALUES = ("trial", "step", "loss", "prediction", "prediction_error", "gradient_norm")


@register("figure", "bifurcation")
def bifurcation(data: FigureData) -> Figure | None:
    """Bifurcation diagram: recorded parameters in the second half of the steps, a dot per step."""
    table = data.trajectories
    x = choice_axis(data.summary, data.axes)
    if table is None or x is None or not data.is_grid or table[x].nunique() < _LEAST_RATES:
        return None
    known = {*_OTHER_VALUES, *data.axes, "seed"}
    columns = [
        name for name in map(str, table) if name not in known and not name.startswith("prediction_")
    ]
    late = _late(table)
    if not columns or late["step"].nunique() < _LEAST_LATE:
        return None
    shown = columns[:_MOST_PANELS]
    drawn = new_figure(7.8, 1.2 + 3.2 * len(shown), data.name)
    panels: list[Axes] = list(drawn.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0])
    others = [axis for axis in (*data.axes, "seed") if axis != x and axis in table]
    told_apart = [axis for axis in others if 1 < table[axis].nunique() <= _FEW_VALUES][:1]
    parts: dict[Hashable, pd.DataFrame] = {None: late}
    if told_apart:
        parts = dict(list(late.groupby(told_apart[0], sort=True)))
    colours = Colours({words(value): words(value) for value in parts})
    lasting = late[late.groupby("trial")["step"].transform("max") == late["step"].max()]
    for axes, column in zip(panels, shown, strict=True):
        for value, part in parts.items():
            colour = colours.of(words(value))["color"] if told_apart else "black"
            _dots(axes, part, x, column, colour)
        _show(axes, lasting[column])
        axes.set_ylabel(label(column))
    if told_apart:
        colours.explain(drawn, panels, label(told_apart[0]))
    scale_axis(panels[-1], "x", table[x])
    panels[-1].set_xlim(table[x].min(), table[x].max())
    panels[-1].set_xlabel(label(x))
    return drawn


def _late(table: pd.DataFrame) -> pd.DataFrame:
    """The last consecutive steps of every trial, and the last step of one that ended early.

    Consecutive, because leaving out every second step would hide half of an orbit of period 2.
    """
    last = table.groupby("trial")["step"].transform("max")
    end = int(table["step"].max())
    trials = int(table["trial"].nunique())
    most = min(end * _LATE, _MOST_POINTS / trials * end / (len(table) / trials))
    return table.loc[(table["step"] == last) | ((last == end) & (table["step"] > end - most))]


def _show(axes: Axes, values: pd.Series[Any]) -> None:
    """Scale the axis for these values; those of diverged trials may lie outside."""
    finite = values[np.isfinite(values)]
    if len(finite) and finite.min() < finite.max():
        room = 0.05 * (finite.max() - finite.min())
        axes.set_ylim(finite.min() - room, finite.max() + room)


def _dots(axes: Axes, part: pd.DataFrame, x: str, column: str, colour: object) -> None:
    values = part[column].to_numpy(dtype=float)
    finite = np.isfinite(values)
    axes.plot(part[x].to_numpy()[finite], values[finite], ls="none", marker=",", color=colour,
              alpha=0.35, rasterized=True)  # fmt: skip
