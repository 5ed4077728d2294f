"""Sharpness where trials begin and end, against the learning rate (Cohen et al. 2021)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..analysis import choice_axis, other_axes
from .colours import Colours
from .data import FigureData, figure
from .style import is_number, label, log_axis, log_limits, new_figure, scale_axis, words

_START, _END = "initial_sharpness", "final_sharpness"
_MOST_SHADES = 60  # curves told apart by a number
_FEW_POINTS = 40  # up to here every value gets a marker, and its extremes
_FAR = 1e4  # times flatter or sharper than any start: what is farther leaves the figure


@figure("sharpness")
def sharpness(data: FigureData) -> Figure | None:
    """Medians with quartiles and extremes, at the end and at the start, and 2/η."""
    if data.trials is None or data.refined or not {_START, _END} <= set(data.trials):
        return None
    x = choice_axis(data.summary, data.axes)
    if x is None:
        return None
    # where a trial diverged to is no place of its loss
    final = data.trials[_END].where(data.trials["outcome"] != "diverged")
    trials = data.trials.assign(**{_END: final})
    limits = _limits(trials)
    if limits is None:
        return None
    others = other_axes(data.summary, data.axes, x)
    curves = _curves(trials, others)
    kept = list(curves)
    most = _MOST_SHADES if is_number(kept[0]) else Colours.most
    if len(kept) > most:
        kept = [kept[place] for place in np.linspace(0, len(kept) - 1, most).round().astype(int)]
    names = {key: ", ".join(map(words, key if isinstance(key, tuple) else [key])) for key in kept}
    colours = Colours(names)
    drawn = new_figure(6.6 if len(kept) == 1 else 8.0, 4.2, data.name)
    axes = drawn.subplots()
    axes.set_ylim(limits)
    log_axis(axes, "y")
    _scale_places(axes, trials[x])
    if len(kept) < len(curves):
        axes.set_title(f"{len(kept)} of {len(curves)} curves", fontsize=8.5)
    if x == "learning_rate":
        _draw_edge(axes, trials[x])
    for key in kept:
        for column, style in ((_END, "-"), (_START, "--")):
            _draw(axes, curves[key].groupby(x)[column], colours.of(key)["color"], style)
    colours.explain(drawn, axes, ", ".join(map(label, others)),
                    {"-": "at the end", "--": "at the start"})  # fmt: skip
    axes.set_xlabel(label(x))
    if (data.summary["trials"] > 1).any():
        few = trials[x].nunique() <= _FEW_POINTS
        spread = "(median, quartiles and extremes)" if few else "(median and quartiles)"
        axes.set_ylabel(f"sharpness\n{spread}")
    else:
        axes.set_ylabel("sharpness")
    return drawn


def _limits(trials: pd.DataFrame) -> tuple[float, float] | None:
    """Around all starts, and as many ends as are not far from them."""
    starts = trials[_START][(trials[_START] > 0) & np.isfinite(trials[_START])]
    reach = starts.min() / _FAR, starts.max() * _FAR
    return log_limits(np.concatenate([starts, trials[_END].clip(*reach)])) if len(starts) else None


def _curves(trials: pd.DataFrame, others: list[str]) -> dict[Any, pd.DataFrame]:
    """Trials of each combination of the other axes."""
    if not others:
        return {"": trials}
    curves = {}
    for key, part in trials.groupby(others, sort=False, dropna=False, observed=True):
        values = [one.item() if isinstance(one, np.generic) else one for one in key]
        curves[values[0] if len(values) == 1 else tuple(values)] = part
    return curves


def _scale_places(axes: Axes, places: pd.Series[Any]) -> None:
    """Logarithmic, on which 2/η is a straight line, wherever it can be."""
    limits = log_limits(places)
    if limits is None or places.min() <= 0:
        scale_axis(axes, "x", places)
    else:
        axes.set_xlim(limits)
        log_axis(axes, "x", most=7)


def _draw(axes: Axes, values: Any, colour: Any, style: str) -> None:
    """One curve, from a column grouped by its place."""
    spread = values.quantile([0, 0.25, 0.5, 0.75, 1]).unstack()
    places = spread.index.to_numpy(dtype=float)
    low, q25, median, q75, high = spread.to_numpy(dtype=float).T
    axes.fill_between(places, q25, q75, color=colour, alpha=0.2, lw=0)
    marker = "o" if len(places) <= _FEW_POINTS else None
    if marker:
        axes.vlines(places, low, high, color=colour, alpha=0.4, lw=0.8)
    axes.plot(places, median, ls=style, lw=1.1, color=colour, marker=marker, markersize=3.5,
              markerfacecolor=colour if style == "-" else "white")  # fmt: skip


def _draw_edge(axes: Axes, rates: pd.Series[Any]) -> None:
    """2/η, where a step along the largest curvature overshoots by as much as it was off."""
    places = np.geomspace(*axes.get_xlim(), 200) if axes.get_xscale() == "log" else rates.unique()
    places = places[places > 0]
    axes.plot(places, 2 / places, color="#BBBBBB", lw=4, label="2/learning rate")
    axes.legend(loc="best")
