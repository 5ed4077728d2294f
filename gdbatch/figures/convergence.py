"""Convergence versus learning rate: how fast above, how surely below.

The figure that gdbatch exists for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..analysis import choice_axis
from .registry import FigureData, figure
from .style import OUTCOME_COLOURS, Colours, is_logarithmic, label, log_axis, new_figure, number

_MOST_STRIPS = 4
_FEW_POINTS = 40  # below this every value gets a marker


@figure("convergence")
def convergence(data: FigureData) -> Figure | None:
    """Median steps with quartile band against the learning rate; shares of outcomes below."""
    x = choice_axis(data.summary, data.axes)
    if x is None:
        return None
    curves = _curves(data, x)
    shown = curves[:: max(1, -(-len(curves) // Colours.few))] if _unordered(data, x) else curves
    strips = shown if len(shown) <= _MOST_STRIPS else [("all together", data.summary)]
    height = 3.1 + 0.5 + (0.9 if len(strips) > 1 else 1.5) * len(strips)
    drawn = new_figure(6.6, height, data.name)
    grid = drawn.subplots(
        1 + len(strips),
        1,
        sharex=True,
        squeeze=False,
        height_ratios=[3.1, *([0.9 if len(strips) > 1 else 1.5] * len(strips))],
    )[:, 0]
    top, below = grid[0], grid[1:]
    _draw_speed(drawn, top, data, x, shown)
    for axes, (name, part) in zip(below, strips, strict=True):
        _draw_shares(axes, part, x)
        if len(strips) > 1:
            axes.set_title(name, fontsize=8.5, pad=2)
    if len(curves) > len(shown):
        top.set_title(f"{len(shown)} of {len(curves)} curves", fontsize=8.5)
    values = data.summary[x].to_numpy(dtype=float)
    if is_logarithmic(values):
        log_axis(top, "x")
    _mark_curvature(top, data, x)
    _legend_of_outcomes(drawn, data.summary, len(strips))
    below[-1].set_xlabel(label(x))
    return drawn


def _curves(data: FigureData, x: str) -> list[tuple[Any, pd.DataFrame]]:
    others = [axis for axis in data.axes if axis != x]
    if not others:
        return [(None, data.summary.sort_values(x))]
    curves = []
    for values, part in data.summary.groupby(others, sort=False, dropna=False):
        words = ", ".join(
            f"{label(name)} {number(value) if isinstance(value, float) else value}"
            for name, value in zip(others, values, strict=True)
        )
        curves.append((words, part.sort_values(x)))
    return curves


def _unordered(data: FigureData, x: str) -> bool:
    """Whether the curves are told apart by more than one number, so that no colour bar can."""
    others = [axis for axis in data.axes if axis != x]
    return len(others) > 1 or any(
        not pd.api.types.is_numeric_dtype(data.summary[axis]) for axis in others
    )


def _draw_speed(
    drawn: Figure, top: Axes, data: FigureData, x: str, curves: list[tuple[Any, pd.DataFrame]]
) -> None:
    by_loss = "completed" in data.summary
    column = "final_loss_median" if by_loss else "steps_median"
    others = [axis for axis in data.axes if axis != x]
    if len(others) == 1 and not _unordered(data, x):
        keys: list[Any] = [part[others[0]].iloc[0] for _, part in curves]
    else:
        keys = [name for name, _ in curves]
    colours = Colours(keys, sequential=False)
    few = len(curves) <= Colours.few
    highest = float(data.summary[column].max())
    for key, (name, part) in zip(keys, curves, strict=True):
        marker = "o" if len(part) <= _FEW_POINTS else None
        style: dict[str, Any] = {"color": colours.of(key), "marker": marker, "markersize": 3.5}
        top.plot(part[x], part[column], label=name, lw=1.5 if few else 0.8, **style)
        if few and not by_loss and (part["trials"] > 1).any():
            # a quartile that is infinite lies above everything drawn
            low, high = part["steps_q25"], part["steps_q75"].fillna(2 * highest)
            top.fill_between(part[x], low, high, color=colours.of(key), alpha=0.2, lw=0)
    values = data.summary[column].to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    if not values.size:
        top.text(0.5, 0.5, "nowhere did half of the trials converge",
                 transform=top.transAxes, ha="center", va="center")  # fmt: skip
        top.set_yticks([])
    elif values.min() > 0:
        log_axis(top, "y")
        top.set_ylim(values.min() / 1.5, 1.5 * values.max())
    band = "" if by_loss or not (data.summary["trials"] > 1).any() or not few else ", quartile band"
    top.set_ylabel("median final loss" if by_loss else f"steps to converge\n(median{band})")
    if colours.norm is not None:
        colours.add_bar(drawn, top, label(others[0]))
    elif len(curves) > 1:
        top.legend(loc="best")


def _draw_shares(axes: Axes, part: pd.DataFrame, x: str) -> None:
    """The share of every outcome, stacked; over several curves their mean."""
    names = _outcomes(part)
    sums = part.groupby(x)[["trials", *names]].sum()
    shares = [100 * sums[name] / sums["trials"] for name in names]
    colours = [OUTCOME_COLOURS[name] for name in names]
    values = sums.index.to_numpy(dtype=float)
    if len(values) <= _FEW_POINTS:
        bottom = np.zeros(len(values))
        left, right = _cells(values)
        for share, colour in zip(shares, colours, strict=True):
            axes.bar(left, share, right - left, bottom, align="edge", color=colour,
                     edgecolor="white", linewidth=0.4)  # fmt: skip
            bottom += share.to_numpy()
    else:
        axes.stackplot(values, shares, colors=colours, edgecolor="none")
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 50, 100])
    axes.set_ylabel("% of trials")
    axes.grid(False)


def _cells(values: Any) -> tuple[Any, Any]:
    """Left and right ends of a bar around each value, halfway to its neighbours."""
    scale, back = (np.log10, lambda v: 10.0**v) if is_logarithmic(values) else (np.asarray,) * 2
    places = scale(values)
    if len(places) == 1:
        half = abs(places[0]) * 0.1 or 0.5
        return back(places - half), back(places + half)
    middle = (places[1:] + places[:-1]) / 2
    first, last = 2 * places[0] - middle[0], 2 * places[-1] - middle[-1]
    ends = np.concatenate([[first], middle, [last]])
    return back(ends[:-1]), back(ends[1:])


def _outcomes(part: pd.DataFrame) -> list[str]:
    return [name for name in OUTCOME_COLOURS if name in part and part[name].sum() > 0]


def _legend_of_outcomes(drawn: Figure, summary: pd.DataFrame, strips: int) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=OUTCOME_COLOURS[name], label=name) for name in _outcomes(summary)]
    drawn.legend(handles=handles, loc="outside lower center", ncols=len(handles))


def _mark_curvature(top: Axes, data: FigureData, x: str) -> None:
    """Where theory puts the best rate and the edge: 1/λ and 2/λ."""
    if data.curvature is None or x != "learning_rate":
        return
    values = data.summary[x]
    for factor, style in ((1, ":"), (2, "--")):
        place = factor / data.curvature
        if not values.min() <= place <= values.max():
            continue
        for axes in top.figure.axes:
            if axes.get_shared_x_axes().joined(axes, top):
                axes.axvline(place, color="black", lw=0.9, ls=style)
        top.annotate(
            f"{factor}/λ = {number(place)} ",
            (place, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(3 if factor == 2 else -2, -3),
            textcoords="offset points",
            ha="left" if factor == 2 else "right",
            va="top",
            fontsize=8.5,
        )
