"""Sharpness at the start and end of trials, against the learning rate (Cohen et al. 2021)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .. import outcomes
from ..analysis import choice_axis, other_axes, outcome_codes
from ..registry import register
from .curves import FEW_POINTS, colours_of, curves_of, distinguishable
from .data import FigureData
from .style import label, log_axis, log_limits, new_figure, scale_axis

_START, _END = "initial_sharpness", "final_sharpness"
_FAR = 1e4  # ends this many times flatter or sharper than all starts are cut off


@register("figure", "sharpness")
def sharpness(data: FigureData) -> Figure | None:
    """Final and initial sharpness: medians, quartiles and extremes, compared with 2/η."""
    if data.trials is None or not data.is_grid or not {_START, _END} <= set(data.trials):
        return None
    x = choice_axis(data.summary, data.axes)
    if x is None:
        return None
    # the curvature at the end of a diverged trial means nothing
    diverged = outcomes.has("is_divergence", outcome_codes(data.trials))
    final = data.trials[_END].where(~diverged)
    trials = data.trials.assign(**{_END: final})
    limits = _limits(trials)
    if limits is None:
        return None
    others = other_axes(data.summary, data.axes, x)
    curves = curves_of(trials, x, others)
    kept = distinguishable(curves)
    colours = colours_of(kept)
    drawn = new_figure(6.6 if len(kept) == 1 else 8.0, 4.2, data.name)
    axes = drawn.subplots()
    axes.set_ylim(limits)
    log_axis(axes, "y")
    _scale_places(axes, trials[x])
    if len(kept) < len(curves):
        axes.set_title(f"{len(kept)} of {len(curves)} curves", fontsize=8.5)
    if x == "learning_rate":
        _draw_edge(axes, trials[x])
    for curve in kept:
        for column, style in ((_END, "-"), (_START, "--")):
            _draw(axes, curve.table.groupby(x)[column], colours.of(curve.key)["color"], style)
    colours.explain(drawn, axes, ", ".join(map(label, others)),
                    {"-": "at the end", "--": "at the start"})  # fmt: skip
    axes.set_xlabel(label(x))
    if (data.summary["trials"] > 1).any():
        few = trials[x].nunique() <= FEW_POINTS
        spread = "(median, quartiles and extremes)" if few else "(median and quartiles)"
        axes.set_ylabel(f"sharpness\n{spread}")
    else:
        axes.set_ylabel("sharpness")
    return drawn


def _limits(trials: pd.DataFrame) -> tuple[float, float] | None:
    """Limits around all starts, and the ends that are not far from them."""
    starts = trials[_START][(trials[_START] > 0) & np.isfinite(trials[_START])]
    reach = starts.min() / _FAR, starts.max() * _FAR
    return log_limits(np.concatenate([starts, trials[_END].clip(*reach)])) if len(starts) else None


def _scale_places(axes: Axes, places: pd.Series[Any]) -> None:
    """Make the axis logarithmic if possible, so that 2/η is a straight line."""
    limits = log_limits(places)
    if limits is None or places.min() <= 0:
        scale_axis(axes, "x", places)
    else:
        axes.set_xlim(limits)
        log_axis(axes, "x", most=7)


def _draw(axes: Axes, values: Any, colour: object, style: str) -> None:
    """One curve, from a column grouped by its place."""
    spread = values.quantile([0, 0.25, 0.5, 0.75, 1]).unstack()
    places = spread.index.to_numpy(dtype=float)
    low, q25, median, q75, high = spread.to_numpy(dtype=float).T
    axes.fill_between(places, q25, q75, color=colour, alpha=0.2, lw=0)
    marker = "o" if len(places) <= FEW_POINTS else None
    if marker:
        axes.vlines(places, low, high, color=colour, alpha=0.4, lw=0.8)
    axes.plot(places, median, ls=style, lw=1.1, color=colour, marker=marker, markersize=3.5,
              markerfacecolor=colour if style == "-" else "white")  # fmt: skip


def _draw_edge(axes: Axes, rates: pd.Series[Any]) -> None:
    """Draw 2/η, the sharpness at which a step overshoots by as much as it was off."""
    places = np.geomspace(*axes.get_xlim(), 200) if axes.get_xscale() == "log" else rates.unique()
    places = places[places > 0]
    axes.plot(places, 2 / places, color="#BBBBBB", lw=4, label="2/learning rate")
    axes.legend(loc="best")
