"""Edges found by bisection, against another axis."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..analysis import is_scale, other_axes
from ..registry import register
from .curves import FEW_POINTS, colours_of, curves_of, distinguishable
from .data import FigureData
from .style import is_logarithmic, label, log_axis, new_figure, scale_axis, words

_MOST_NAMES = 40  # combinations without a numeric axis
_COLUMNS = ("edge_low", "edge_q25", "edge_median", "edge_q75", "edge_high")


@register("figure", "edges")
def edges(data: FigureData) -> Figure | None:
    """Edges found by bisection: median, quartiles and extremes against another axis."""
    if not set(_COLUMNS) <= set(data.summary):
        return None
    (refined,) = (axis for axis in data.axes if axis not in data.summary)
    others = [
        axis for axis in data.axes if axis != refined and data.summary[axis].nunique() > 1
    ]  # fmt: skip
    scales = [axis for axis in others if is_scale(data.summary, axis)]
    # the axis with the most values; of equals, the fastest
    x = max(reversed(scales), key=lambda axis: data.summary[axis].nunique(), default=None)
    height = 4.0 if x else 1.8 + 0.22 * min(len(data.summary), _MOST_NAMES)
    drawn = new_figure(6.6, height, data.name)
    axes = drawn.subplots()
    values = data.summary[list(_COLUMNS)].to_numpy(dtype=float).ravel()
    if not np.isfinite(values).any():
        axes.text(0.5, 0.5, "no search found an edge", transform=axes.transAxes, ha="center",
                  va="center")  # fmt: skip
    elif is_logarithmic(values):
        log_axis(axes, "y" if x else "x")
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
    if data.curvature and refined == "learning_rate":  # the theoretical edge
        draw = axes.axhline if x else axes.axvline
        draw(2 / data.curvature, color="black", ls="--", lw=0.9, label="2/λ")
        axes.legend(loc="best")
    return drawn


def _draw_curves(
    drawn: Figure, axes: Axes, summary: pd.DataFrame, x: str, others: list[str]
) -> None:
    scale_axis(axes, "x", summary[x])
    curves = curves_of(summary, x, others)
    shown = distinguishable(curves)
    if len(shown) < len(curves):
        axes.set_title(f"{len(shown)} of {len(curves)} curves", fontsize=8.5)
    colours = colours_of(shown)
    for curve in shown:
        look = colours.of(curve.key)
        places = curve.table[x].to_numpy(dtype=float)
        low, q25, median, q75, high = curve.table[list(_COLUMNS)].to_numpy(dtype=float).T
        axes.fill_between(places, q25, q75, color=look["color"], alpha=0.2, lw=0)
        axes.vlines(places, low, high, color=look["color"], alpha=0.4, lw=0.8)
        marker = "o" if len(places) <= FEW_POINTS else None
        axes.plot(places, median, marker=marker, markersize=3.5, **look)
    colours.explain(drawn, axes, ", ".join(map(label, others)))


def _draw_names(axes: Axes, summary: pd.DataFrame, others: list[str]) -> None:
    """One line per combination, the first at the top."""
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
