"""Lines of trajectories: which ones are drawn, in which colours, and how they are thinned."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..analysis import choice_axis, other_axes
from .colours import DASHES, Colours, Look
from .curves import plain
from .data import FigureData
from .style import is_number, label, log_axis, words

Steps = NDArray[np.int64]
Values = NDArray[np.float64]

_MOST_LINES = 300
_FEW_LINES = 27
_FEW_STEPS = 3  # of a line that is hard to see without markers
_MOST_STRETCHES = 400  # per line, each drawn from its lowest to its highest value


def draw_lines(
    drawn: Figure, panels: list[Axes], data: FigureData, table: pd.DataFrame, columns: list[str]
) -> None:
    """Draw a line per trial, coloured by the learning rate; one column in each panel."""
    trials = table["trial"].unique()
    if len(trials) > _MOST_LINES:
        chosen = np.linspace(0, len(trials) - 1, _MOST_LINES).round().astype(int)
        table = table[table["trial"].isin(trials[chosen])]
        panels[0].set_title(f"{_MOST_LINES} of {len(trials):,} trials", fontsize=8.5)
    lines = [part for _, part in table.groupby("trial", sort=True)]
    shade, others = _told_apart_by(data, table)
    keys = [_value(part, shade) for part in lines]
    if all(is_number(key) for key in keys):
        # from the highest rate down, so that chaotic lines do not hide the others
        order = np.argsort(-np.array([*keys], dtype=float), kind="stable")
        lines, keys = [lines[place] for place in order], [keys[place] for place in order]
        colours = Colours({key: words(key) for key in reversed(keys)})
    else:
        colours = Colours({key: words(key) for key in keys})
    names = list(dict.fromkeys(_name(part, others) for part in lines)) if others else []
    dashes = dict(zip(names, DASHES, strict=False)) if len(names) <= len(DASHES) else {}
    many = len(lines) > _FEW_LINES
    for key, part in zip(keys, lines, strict=True):
        look = colours.of(key) | {"lw": 0.7 if many else 1.4, "alpha": 0.6 if many else 1.0}
        if dashes:
            look["linestyle"] = dashes[_name(part, others)]
        # step 0 has no place on a logarithmic axis, so every step is shifted by one
        steps = part["step"].to_numpy() + 1
        for axes, column in zip(panels, columns, strict=True):
            values = part[column].to_numpy(dtype=float)
            _draw_line(axes, steps, values, {**look, "rasterized": many})
    _scale_steps(panels, int(table["step"].max()) + 1)
    title = label(shade) if shade else ""
    if others and not dashes:
        title += f"\n({len(names)} lines of each,\nby {', '.join(map(label, others))})"
    colours.explain(drawn, panels, title, {style: name for name, style in dashes.items()})


def _told_apart_by(data: FigureData, table: pd.DataFrame) -> tuple[str | None, list[str]]:
    """The axis that colours show, and the other axes in which lines differ."""
    varying = [axis for axis in data.axes if table[axis].nunique() > 1]
    shade = choice_axis(table, varying) or (varying[-1] if varying else None)
    return shade, other_axes(table, varying, shade) if shade else []


def _name(part: pd.DataFrame, axes: list[str]) -> str:
    return ", ".join(f"{label(axis)} {words(_value(part, axis))}" for axis in axes)


def _value(part: pd.DataFrame, axis: str | None) -> object:
    return plain(part[axis].iloc[0]) if axis else ""


def _draw_line(axes: Axes, steps: Steps, values: Values, look: Look) -> None:
    finite = np.isfinite(values)
    steps, values = steps[finite], values[finite]
    kept = _thinned(steps, values)
    marker = "o" if len(steps) <= _FEW_STEPS else None
    axes.plot(steps[kept], values[kept], marker=marker, markersize=3, **look)


def _scale_steps(panels: list[Axes], last: int) -> None:
    for axes in panels:
        axes.set_xlim(last**-0.03 * 0.97, max(last, 1.6) ** 1.03)
        log_axis(axes, "x")
    for axes in panels[-2:]:
        axes.set_xlabel("step + 1")
        axes.tick_params(labelbottom=True)


def _thinned(steps: Steps, values: Values) -> NDArray[np.int64]:
    """The indices of the lowest and the highest value in each stretch of a logarithmic axis.

    Keeping every n-th step would make an oscillation look slower than it is.
    """
    if len(steps) <= 2 * _MOST_STRETCHES:
        return np.arange(len(steps))
    stretch = np.searchsorted(np.geomspace(steps[0], steps[-1], _MOST_STRETCHES), steps)
    order = np.lexsort((values, stretch))
    first = np.flatnonzero(np.diff(stretch[order], prepend=-1))
    last = np.append(first[1:], len(steps)) - 1
    ends = [0, len(steps) - 1]
    return np.unique(np.concatenate([order[first], order[last], ends]))
