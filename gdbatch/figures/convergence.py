"""Convergence against the learning rate: speed in the upper panel, outcomes in the lower."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import NDArray

from ..analysis import Criterion, answer_about, choice_axis, number, other_axes
from ..registry import register
from .colours import Colours, Look
from .curves import FEW_POINTS, Curve, colours_of, curves_of, distinguishable
from .data import FigureData
from .style import (
    cell_edges,
    label,
    log_axis,
    log_limits,
    new_figure,
    outcome_colours,
    scale_axis,
)

_MOST_STRIPS = 4  # above, the curves share one strip, and have no bands, which would overlap
_FEW_CURVES = 8  # up to here they are bold, and may have markers

Values = NDArray[np.float64]


@register("figure", "convergence")
def convergence(data: FigureData) -> Figure | None:
    """Median steps with quartiles against the learning rate, and the share of each outcome."""
    x = choice_axis(data.summary, data.axes)
    if x is None or data.sparse_map or not data.is_grid:
        return None
    others = other_axes(data.summary, data.axes, x)
    curves = curves_of(data.summary, x, others)
    shown = distinguishable(curves)
    together = Curve("", "", f"all {len(curves)} curves together", data.summary)
    strips = shown if len(curves) <= _MOST_STRIPS else [together]
    strip = 0.9 if len(strips) > 1 else 1.5
    width = 6.6 if len(shown) == 1 else 8.0
    drawn = new_figure(width, 3.6 + strip * len(strips), data.name)
    heights = [3.1, *[strip] * len(strips)]
    panels = drawn.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    grid: list[Axes] = list(panels)
    top, below = grid[0], grid[1:]
    for axes, one in zip(below, strips, strict=True):
        _draw_shares(axes, one.table, x)
        if len(curves) > 1:
            axes.set_title(one.title, fontsize=8.5, pad=2)
    scale_axis(top, "x", data.summary[x])
    colours = colours_of(shown)
    _draw_speed(top, x, shown, colours, data.criterion)
    colours.explain(drawn, top, ", ".join(map(label, others)))
    best = _mark_best(top, x, shown, colours, data.criterion)
    if len(curves) > len(shown):
        top.set_title(f"{len(shown)} of {len(curves)} curves", fontsize=8.5)
    _mark_curvature(grid, data, x)
    handles = [Patch(color=outcome_colours()[name], label=name) for name in _outcomes(data.summary)]
    drawn.legend(handles=[*best, *handles], loc="outside lower center", ncols=len(handles) + 1)
    below[-1].set_xlabel(label(x))
    return drawn


def _draw_speed(
    top: Axes, x: str, curves: Sequence[Curve], colours: Colours, criterion: Criterion
) -> None:
    """Draw the median of the objective; of steps, with quartiles if they can be seen."""
    by_steps, column = criterion.objective == "steps", criterion.column
    columns = [column]
    if (
        by_steps
        and len(curves) <= _MOST_STRIPS
        and any((curve.table["trials"] > 1).any() for curve in curves)
    ):
        columns += ["steps_q25", "steps_q75"]
    medians = np.concatenate([curve.table[column].to_numpy(dtype=float) for curve in curves])
    if np.isfinite(medians).any():
        if criterion.is_share:
            highest = 1.0
            top.set_ylim(-0.02, 1.05)
        else:
            highest = _scale(top, [curve.table[columns] for curve in curves])
        for curve in curves:
            look = colours.of(curve.key)
            if len(columns) > 1:
                _draw_band(top, curve.table, x, highest, look["color"])
            _draw_line(top, curve.table, x, column, look, bold=len(curves) <= _FEW_CURVES)
        band = "\n(median and quartiles)" if len(columns) > 1 else "\n(median)"
        objective = criterion.objective.replace("_", " ")
        top.set_ylabel(f"steps to converge{band}" if by_steps else f"median {objective}")
    else:
        top.text(0.5, 0.5, "at every value, fewer than half\nof the trials converged",
                 transform=top.transAxes, ha="center", va="center")  # fmt: skip
        top.set_ylabel("steps to converge")
        top.set_yticks([])
        top.grid(False)


def _scale(top: Axes, tables: list[pd.DataFrame]) -> float:
    """Scale the axis for all finite values; returns its upper end."""
    values = np.concatenate([table.to_numpy(dtype=float).ravel() for table in tables])
    limits = log_limits(values)
    if limits is None:  # all zero
        top.set_ylim(-0.05, 1)
        return 1.0
    top.set_ylim(limits)
    log_axis(top, "y")
    if np.nanmin(values) <= 0:  # zero gets a place of its own
        decades = np.log10(limits[1] / limits[0])
        top.set_yscale("symlog", linthresh=limits[0], linscale=0.4 + 0.08 * decades)
        top.set_ylim(-0.15 * limits[0], limits[1])
        ticks = np.array(LogLocator(numticks=9).tick_values(*limits))
        inside = (ticks >= limits[0]) & (ticks <= limits[1])
        top.set_yticks([0.0, *ticks[inside].tolist()])
        top.yaxis.set_major_formatter(lambda value, _: number(value))
        top.yaxis.set_minor_locator(NullLocator())
    return limits[1]


def _draw_line(top: Axes, table: pd.DataFrame, x: str, column: str, look: Look, bold: bool) -> None:
    """Draw a curve; a value without neighbours is drawn as a point, since no line reaches it."""
    places, values = table[x].to_numpy(dtype=float), table[column].to_numpy(dtype=float)
    every = bold and len(table) <= FEW_POINTS
    look = look | {"lw": 1.5 if bold else 1.0}
    top.plot(places, values, marker="o" if every else None, markersize=3.5, **look)
    alone = _alone(values)
    if alone.any() and not every:
        top.plot(places[alone], values[alone], ls="none", marker="o", markersize=2.5,
                 color=look["color"])  # fmt: skip


def _draw_band(top: Axes, table: pd.DataFrame, x: str, highest: float, colour: object) -> None:
    """Fill the area between the quartiles; an infinite one lies above everything drawn."""
    places, low = table[x].to_numpy(dtype=float), table["steps_q25"].to_numpy(dtype=float)
    high = table["steps_q75"].fillna(100 * highest).to_numpy(dtype=float)
    top.fill_between(places, low, high, color=colour, alpha=0.2, lw=0)
    alone = _alone(low)
    top.vlines(places[alone], low[alone], high[alone], color=colour, alpha=0.4, lw=1.2)


def _alone(values: Values) -> NDArray[np.bool_]:
    """Where a value is finite and its neighbours are not."""
    finite = np.concatenate([[False], np.isfinite(values), [False]])
    alone: NDArray[np.bool_] = finite[1:-1] & ~finite[:-2] & ~finite[2:]
    return alone


def _mark_best(
    top: Axes, x: str, curves: Sequence[Curve], colours: Colours, criterion: Criterion
) -> list[Line2D]:
    """Mark the best value of each curve with a star; returns the entry in the legend."""
    name = f"best {label(x)}"
    marked = []
    for curve in curves:
        one = answer_about(curve.table, x, criterion)
        steps = one.best_steps if one.best_value is None else one.best_value
        if one.best is None or steps is None:
            continue
        size = 70 if len(curves) <= _FEW_CURVES else 25
        top.scatter([one.best], [steps], size, [colours.of(curve.key)["color"]], marker="*",
                    edgecolor="black", linewidth=0.6, zorder=4)  # fmt: skip
        marked.append(one.best)
    if len(curves) == len(marked) == 1:
        name += f": {number(marked[0])}"
    star = Line2D([], [], ls="none", marker="*", ms=9, color="white", mec="black", label=name)
    return [star] if marked else []


def _draw_shares(axes: Axes, part: pd.DataFrame, x: str) -> None:
    """Draw the stacked shares of the outcomes, a cell per value; of several curves, the mean."""
    names = _outcomes(part)
    sums = part.groupby(x)[["trials", *names]].sum()
    edges = cell_edges(sums.index)
    # from the whole stack down to its first outcome, so that no gap shows through
    colours = outcome_colours()
    tops = 100 * sums[names].cumsum(axis=1).to_numpy(dtype=float) / sums[["trials"]].to_numpy()
    for place in reversed(range(len(names))):
        axes.stairs(tops[:, place], edges, fill=True, color=colours[names[place]])
    if len(sums) <= FEW_POINTS:
        axes.vlines(edges[1:-1], 0, 100, color="white", lw=0.6)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 50, 100])
    axes.set_ylabel("% of trials")
    axes.grid(False)


def _outcomes(part: pd.DataFrame) -> list[str]:
    return [name for name in outcome_colours() if part[name].sum() > 0]


def _mark_curvature(grid: Sequence[Axes], data: FigureData, x: str) -> None:
    """Mark the theoretical best rate and edge: 1/λ and 2/λ."""
    if not data.curvature or x != "learning_rate":
        return
    low, high = data.summary[x].min(), data.summary[x].max()
    lines = {2 / data.curvature: (2, "--"), 1 / data.curvature: (1, ":")}
    lines = {place: look for place, look in lines.items() if low <= place <= high}
    top, outward = grid[0], True
    if lines:  # leave room for their names above the curves
        to_data = top.transAxes + top.transData.inverted()
        top.set_ylim(top=to_data.transform((0, 1.13))[1])
    for place, (factor, style) in lines.items():
        for axes in grid:
            line = axes.axvline(place, color="black", lw=0.9, ls=style)
            if axes is not top:  # so that it shows on dark colours
                line.set_path_effects([withStroke(linewidth=2.4, foreground="white")])
        across = top.transAxes.inverted().transform(top.transData.transform((place, 1)))[0]
        # outward from the two lines, but never across the end of the axis
        right = across < 0.9 if factor == 2 else across < 0.12
        row = 0 if outward else 1
        outward = right
        top.annotate(
            f"{factor}/λ = {number(place)}",
            (place, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(4 if right else -4, -3 - 13 * row),
            textcoords="offset points",
            ha="left" if right else "right",
            va="top",
            fontsize=8.5,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
        )
