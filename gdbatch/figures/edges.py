"""Edges that a sweep bisected to, against another axis; what stands in for convergence there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..analysis import is_scale, other_axes
from .colours import Colours
from .data import FigureData
from .style import is_logarithmic, is_number, label, log_axis, new_figure, scale_axis, words

_MOST_SHADES = 60  # curves told apart by a number
_MOST_NAMES = 40  # combinations without an axis of numbers
_FEW_POINTS = 40  # up to here every value gets a marker
_COLUMNS = ("edge_low", "edge_q25", "edge_median", "edge_q75", "edge_high")


def edges(data: FigureData, refined: str) -> Figure:
    """Median edge with quartiles, and from the lowest to the highest."""
    others = [
        axis for axis in data.axes if axis != refined and data.summary[axis].nunique() > 1
    ]  # fmt: skip
    scales = [axis for axis in others if is_scale(data.summary[axis])]
    # the one with most values, and of equals the fastest
    x = max(reversed(scales), key=lambda axis: data.summary[axis].nunique(), default=None)
    height = 4.0 if x else 1.8 + 0.22 * min(len(data.summary), _MOST_NAMES)
    drawn = new_figure(6.6, height, data.name)
    axes = drawn.subplots()
    values = data.summary[list(_COLUMNS)].to_numpy(dtype=float).ravel()
    which = "x" if x is None else "y"
    if not np.isfinite(values).any():
        axes.text(0.5, 0.5, "no search met an edge", transform=axes.transAxes, ha="center",
                  va="center")  # fmt: skip
    elif is_logarithmic(values):
        log_axis(axes, which)
    name = f"edge of the {label(refined)}"
    if (data.summary["searches"] > 1).any():
        name += "\n(median, quartiles and extremes)"
    if x is None:
        _draw_names(axes, data.summary, others)
        axes.set_xlabel(name)
    else:
        _draw_curves(drawn, axes, data.summary, x, other_axes(data.summary, others, x))
        axes.set_xlabel(label(x))
        axes.set_ylabel(name)
    _mark_curvature(axes, data, refined, which)
    return drawn


def _draw_curves(
    drawn: Figure, axes: Axes, summary: pd.DataFrame, x: str, others: list[str]
) -> None:
    scale_axis(axes, "x", summary[x])
    curves: dict[Any, pd.DataFrame] = {}
    for key, part in (
        summary.groupby(others, sort=False, dropna=False) if others else [("", summary)]
    ):
        values = [one.item() if isinstance(one, np.generic) else one for one in key]
        curves[values[0] if len(values) == 1 else tuple(values)] = part.sort_values(x)
    most = _MOST_SHADES if is_number(next(iter(curves))) else Colours.most
    kept = list(curves)
    if len(kept) > most:
        kept = [kept[place] for place in np.linspace(0, len(kept) - 1, most).round().astype(int)]
        axes.set_title(f"{most} of {len(curves)} curves", fontsize=8.5)
    names = {key: ", ".join(map(words, key if isinstance(key, tuple) else [key])) for key in kept}
    colours = Colours(names)
    for key in kept:
        look, part = colours.of(key), curves[key]
        places = part[x].to_numpy(dtype=float)
        low, q25, median, q75, high = part[list(_COLUMNS)].to_numpy(dtype=float).T
        axes.fill_between(places, q25, q75, color=look["color"], alpha=0.2, lw=0)
        axes.vlines(places, low, high, color=look["color"], alpha=0.4, lw=0.8)
        marker = "o" if len(part) <= _FEW_POINTS else None
        axes.plot(places, median, marker=marker, markersize=3.5, **look)
    colours.explain(drawn, axes, ", ".join(map(label, others)))


def _draw_names(axes: Axes, summary: pd.DataFrame, others: list[str]) -> None:
    """A line a combination, from the first at the top."""
    shown = summary.head(_MOST_NAMES)
    if len(shown) < len(summary):
        axes.set_title(f"{len(shown)} of {len(summary)} combinations", fontsize=8.5)
    low, q25, median, q75, high = shown[list(_COLUMNS)].to_numpy(dtype=float).T
    rows = np.arange(len(shown))
    axes.hlines(rows, low, high, lw=1, alpha=0.6)
    axes.hlines(rows, q25, q75, lw=5, alpha=0.4)
    axes.plot(median, rows, ls="none", marker="o")
    names = [", ".join(map(words, row)) for row in shown[others].to_numpy()] if others else [""]
    axes.set_yticks(rows, names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.grid(False, axis="y")


def _mark_curvature(axes: Axes, data: FigureData, refined: str, which: str) -> None:
    """Where theory puts the edge: 2/λ."""
    if not data.curvature or refined != "learning_rate":
        return
    draw = axes.axvline if which == "x" else axes.axhline
    draw(2 / data.curvature, color="black", ls="--", lw=0.9, label="2/λ")
    axes.legend(loc="best")
