"""The best value of an axis, usually of the learning rate, against another numeric axis."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from ..analysis import answer_about, choice_axis, is_scale, other_axes
from ..registry import register
from .curves import FEW_POINTS, Curve, colours_of, curves_of, distinguishable
from .data import FigureData
from .style import is_logarithmic, label, log_axis, new_figure, scale_axis

_FEWEST, _MOST = 3, 60  # values of the other axis

Spread = list[tuple[float, float, float, float]]  # place, best value, and its neighbours


@register("figure", "best")
def best(data: FigureData) -> Figure | None:
    """The best learning rate and its neighbours on the axis, against another numeric axis."""
    chosen = choice_axis(data.summary, data.axes)
    if chosen is None or data.sparse_map or not data.is_grid:
        return None
    others = other_axes(data.summary, data.axes, chosen)
    sizes = {axis: data.summary[axis].nunique() for axis in others if is_scale(data.summary, axis)}
    fitting = [axis for axis, size in sizes.items() if _FEWEST <= size <= _MOST]
    if not fitting:
        return None
    x = max(fitting, key=lambda axis: sizes[axis])
    rest = [axis for axis in others if axis != x]
    curves = curves_of(data.summary, x, rest)
    spreads = {curve.key: _spread(curve, x, chosen, data) for curve in curves}
    found = [curve for curve in curves if len(spreads[curve.key]) >= _FEWEST]
    if not found:
        return None
    shown = distinguishable(found)
    colours = colours_of(shown)
    drawn = new_figure(6.6 if len(shown) == 1 else 8.0, 4.0, data.name)
    axes = drawn.subplots()
    scale_axis(axes, "x", data.summary[x])
    if is_logarithmic(data.summary[chosen].to_numpy(dtype=float)):
        log_axis(axes, "y")
    for curve in shown:
        look = colours.of(curve.key)
        places, values, below, above = np.array(spreads[curve.key]).T
        axes.fill_between(places, below, above, color=look["color"], alpha=0.15, lw=0)
        marker = "o" if len(places) <= FEW_POINTS else None
        axes.plot(places, values, marker=marker, markersize=4, **look)
    if len(shown) < len(curves):
        axes.set_title(f"{len(shown)} of {len(curves)} curves", fontsize=8.5)
    colours.explain(drawn, axes, ", ".join(map(label, rest)))
    axes.set_xlabel(label(x))
    axes.set_ylabel(f"best {label(chosen)}\n(and its neighbours on the axis)")
    return drawn


def _spread(curve: Curve, x: str, chosen: str, data: FigureData) -> Spread:
    """The best value at every place that has one, and its neighbours on the axis."""
    found: Spread = []
    for place, part in curve.table.groupby(x):
        best = answer_about(part, chosen, data.criterion).best
        if best is not None:
            tried = np.unique(part[chosen].to_numpy(dtype=float))
            index = int(np.searchsorted(tried, best))
            below, above = tried[max(index - 1, 0)], tried[min(index + 1, len(tried) - 1)]
            found.append((float(np.asarray(place)), best, float(below), float(above)))
    return found
