"""The look that all figures share: sizes, colours, and how numbers are written.

Touch it to change every figure at once.
"""

from __future__ import annotations

import math
import textwrap
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogLocator,
    NullFormatter,
    NullLocator,
)

from ..analysis import number

# Okabe and Ito's colours, told apart by every kind of eye; yellow is too pale for lines
CYCLE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#8C6D31")

# told apart by every kind of eye, and by their lightness in grey, from dark red to light grey
OUTCOME_COLOURS = {
    "converged": "#0072B2",
    "completed": "#56B4E9",
    "stalled": "#BF7F00",
    "unfinished": "#CCCCCC",
    "diverged": "#7A1015",
}

_STYLE: dict[str, Any] = {
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=CYCLE),
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "legend.fontsize": 8.5,
    "legend.title_fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "savefig.dpi": 160,
    "svg.hashsalt": "gdbatch",
    "svg.fonttype": "path",
    "text.parse_math": False,  # a $ in the name of a file is a $
}
_SPREAD = 5  # times the smallest value, from which on a logarithmic axis can be the better one
_MOST_VALUE_TICKS = 8
TINY, HUGE = 1e-100, 1e100  # what is beyond leaves the figure; ticks would overflow


def house_style() -> AbstractContextManager[None]:
    """Everything drawn or saved inside looks like gdbatch, whatever the user's own settings."""
    settings: dict[Any, Any] = {**mpl.rcParamsDefault, **_STYLE}
    return mpl.rc_context(settings)


def new_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure with a title on the left."""
    figure = Figure(figsize=(width, height), layout="constrained")
    lines = textwrap.fill(title, int(11 * width))  # a name of 100 letters is wider than a figure
    figure.suptitle(lines, x=0.01, ha="left", fontsize=10, fontweight="bold")
    return figure


def words(value: Any) -> str:
    """A value of an axis for a legend: numbers for people, long texts by their ends."""
    if is_number(value):
        return number(float(value))
    text = str(value)
    text = text if len(text) <= 32 else f"…{text[-31:]}"
    return f" {text}" if text.startswith("_") else text  # a legend leaves _text out


def is_number(value: Any) -> bool:
    """Whether a value has a place on a scale; a truth value has none."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool | np.bool_)


def is_logarithmic(values: Any) -> bool:
    """Whether values spread more evenly by their logarithms than by themselves."""
    finite = np.unique(np.asarray(values, dtype=float))
    finite = finite[np.isfinite(finite)]
    if finite.size < 2 or finite[0] <= 0 or finite[-1] < _SPREAD * finite[0]:
        return False

    def unevenness(places: Any) -> float:
        ends = places[-1] - places[0]
        return abs(float(np.median(places) - places[0]) / float(ends) - 0.5)

    return unevenness(np.log(finite)) <= unevenness(finite) + 1e-9


def label(name: str) -> str:
    """The name of a column, for an axis."""
    return name.replace("_", " ")


def log_axis(axes: Axes, which: str, most: int = 9) -> None:
    """Make one axis logarithmic, with at most so many labels, written for people."""
    axis: Axis = axes.xaxis if which == "x" else axes.yaxis
    axes.set(**{f"{which}scale": "log"})
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    log_ticks(axis, low, high, most)


def log_limits(values: Any) -> tuple[float, float] | None:
    """Ends of a logarithmic axis around all that is positive and finite, with a little room."""
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values) & (values > 0)]
    if not values.size:
        return None
    low, high = np.log10(np.clip([values.min(), values.max()], TINY, HUGE))
    room = 0.15 + 0.03 * (high - low)
    return float(10 ** (low - room)), float(10 ** (high + room))


def log_ticks(axis: Axis, low: float, high: float, most: int = 9) -> None:
    """Ticks of a logarithmic axis or colour bar from low to high."""
    decades = math.log10(high) - math.log10(low) if low > 0 else 1.0
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axis.set_minor_formatter(NullFormatter())
    if decades > 8:
        axis.set_minor_locator(NullLocator())
    if 3 * decades >= most:
        axis.set_major_locator(LogLocator(numticks=most))
    elif decades >= 0.8:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=most))
    else:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0), numticks=most))


def scale_axis(axes: Axes, which: str, values: Any, gap: float = 0.09) -> None:
    """Scale one axis for what was tried on it: a few values are the ticks, with that much room."""
    axis: Axis = axes.xaxis if which == "x" else axes.yaxis
    logarithmic = is_logarithmic(values)
    if logarithmic:
        log_axis(axes, which, most=7)
    tried = np.unique(np.asarray(values, dtype=float))
    if len(tried) > _MOST_VALUE_TICKS:
        return
    places = np.log(tried) if logarithmic else tried
    if len(tried) > 1 and np.diff(places).min() < gap * (places[-1] - places[0]):
        return
    axis.set_major_locator(FixedLocator(tried.tolist()))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axis.set_minor_locator(NullLocator())


def cell_edges(values: Any) -> Any:
    """Ends of the cells around ascending values, halfway between them as they are drawn."""
    values = np.asarray(values, dtype=float)
    if len(values) == 1:
        half = abs(values[0]) * 0.1 or 0.5
        return np.array([values[0] - half, values[0] + half])
    if is_logarithmic(values):
        return 10 ** _between(np.log10(values))
    ends = _between(values)
    if values[0] >= 0:  # no negative learning rate was tried
        ends[0] = max(ends[0], 0.0)
    return ends


def _between(places: Any) -> Any:
    middle = (places[1:] + places[:-1]) / 2
    return np.concatenate([[2 * places[0] - middle[0]], middle, [2 * places[-1] - middle[-1]]])
